"""Observers write down what they are told, in whichever process the step runs."""

import os
from collections.abc import Iterator
from pathlib import Path

from synaflow_core import Observer, StepEvent, pipeline, step


def note(context: object) -> None:
    event = getattr(context, "event", None)
    if isinstance(event, StepEvent):
        file = Path(os.environ["SCENARIO_FOLDER"], "events.txt")
        with file.open("a", encoding="utf-8") as journal:
            journal.write(f"{context.step_name} {event.name}\n")


def numbers() -> Iterator[int]:
    yield from range(3)


def sizes(number: int) -> int:
    if number == 1:
        raise ValueError("one")
    return number


def listed(sizes: list[int]) -> list[int]:
    return sizes


def broken(listed: list[int]) -> int:
    raise LookupError("nothing to find")


def last(broken: int) -> int:
    return broken


p = pipeline(
    "observed",
    None,
    [
        step("numbers", numbers),
        step("sizes", sizes),
        step("listed", listed),
        step("broken", broken),
        step("last", last),
    ],
    observers=[Observer(note)],
)
