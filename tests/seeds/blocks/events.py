"""Event-based processing, "Individual events or time windows", sync."""

# CHANGED: the page does not import NamedTuple, and imports Generator, which it does not use.
from collections.abc import Iterator
from typing import NamedTuple

from synaflow_core import pipeline, run, step


class Window(NamedTuple):
    events: list[dict] = [{"id": 1, "amount": 10}, {"id": 2, "amount": 20}]


# Option 1: process each event individually (EACH mode)
def normalize(event: dict) -> dict:
    return {**event, "amount": event["amount"] / 100}


def log_each(normalize: Iterator[dict]) -> None:
    for ev in normalize:
        print(f"Event: {ev}")


# Option 2: process the entire window at once (ALL mode)
def aggregate(normalize: list[dict]) -> float:
    return sum(e["amount"] for e in normalize)


p = pipeline(
    name="event_processor",
    params=Window,
    steps=[
        step("normalize", fn=normalize),  # EACH: one event at a time
        step("log_each", fn=log_each),  # ALL: receives lazy stream
        step("aggregate", fn=aggregate),  # ALL: materializes the window
    ],
)

# CHANGED: the result is kept, for the test to look at.
result = run(p, Window(events=[{"id": 1, "amount": 10}, {"id": 2, "amount": 20}]))
