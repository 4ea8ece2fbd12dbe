"""Only side effects: steps that return nothing, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synaflow_core import OnError, pipeline, step


@dataclass(frozen=True)
class Params:
    log: str


def numbers() -> Iterator[int]:
    yield from range(3)


def saved(numbers: Iterator[int], log: str) -> None:
    with Path(log).open("w", encoding="utf-8") as file:
        for number in numbers:
            file.write(f"{number}\n")


p = pipeline(
    "sinks",
    Params,
    [step("numbers", numbers), step("saved", saved, on_error=OnError.STOP)],
)
