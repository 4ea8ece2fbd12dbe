"""Event-based processing, "Re-processing past events"."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from synaflow_core import pipeline, run, step


# CHANGED: the page uses `p`, `Params` and `fetch_events` without defining them. The pipeline is the
# first one of that page; the events are two for each day of June.
class Params(NamedTuple):
    events: list[dict]


def normalize(event: dict) -> dict:
    return {**event, "amount": event["amount"] / 100}


def log_each(normalize: Iterator[dict]) -> None:
    for ev in normalize:
        print(f"Event: {ev}")


def aggregate(normalize: list[dict]) -> float:
    return sum(e["amount"] for e in normalize)


p = pipeline(
    name="event_processor",
    params=Params,
    steps=[
        step("normalize", fn=normalize),
        step("log_each", fn=log_each),
        step("aggregate", fn=aggregate),
    ],
)


def fetch_events(start: str, end: str | None = None) -> list[dict]:
    first, last = date.fromisoformat(start), date.fromisoformat(end or start)
    days = range(first.day, last.day + 1)
    return [{"day": day, "amount": 100 * day + n} for day in days for n in range(2)]


# CHANGED: the results of both loops are kept, for the test to look at.
one_by_one, by_day = [], []

# Re-process a week of events individually
for event in fetch_events(start="2026-06-01", end="2026-06-07"):
    one_by_one.append(run(p, Params(events=[event])))

# Same week, but aggregate the daily windows
for day in range(1, 8):
    batch = fetch_events(start=f"2026-06-{day:02d}")
    by_day.append(run(p, Params(events=batch)))
