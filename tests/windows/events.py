"""Events of a window: one by one, as a whole, and both; the pipeline of the backfill tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from synaflow_core import pipeline, step


class Event(TypedDict):
    """Something that happened."""

    at: datetime
    amount: int


@dataclass(frozen=True)
class Params:
    """The window."""

    since: datetime
    until: datetime
    scale: int = 100


def events(since: datetime, until: datetime) -> Iterator[Event]:
    """One event every six hours; the amount tells day and hour."""
    moment = since
    while moment < until:
        yield {"at": moment, "amount": moment.day * 100 + moment.hour}
        moment += timedelta(hours=6)


def normalized(event: Event, scale: int) -> Event:
    """One by one; midnight is refused."""
    if event["at"].hour == 0:
        raise ValueError("nothing happens at midnight")
    return {**event, "amount": event["amount"] * scale}


def total(normalized: list[Event]) -> int:
    """The window as a whole."""
    return sum(event["amount"] for event in normalized)


def summary(normalized: list[Event], total: int) -> str:
    """Both."""
    return f"{len(normalized)} events, {total}"


p = pipeline(
    "events",
    Params,
    [
        step("events", events),
        step("normalized", normalized, macro_task="normalized"),
        step("total", total),
        step("summary", summary),
    ],
)
