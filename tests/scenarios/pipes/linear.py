"""Three generators in a row, then a sum over the list."""

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    count: int = 5


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def doubled(numbers: Iterator[int]) -> Iterator[int]:
    for number in numbers:
        yield number * 2


def shifted(doubled: Iterator[int]) -> Iterator[int]:
    for number in doubled:
        yield number + 1


def total(shifted: list[int]) -> int:
    return sum(shifted)


p = pipeline(
    "linear",
    Params,
    [
        step("numbers", numbers),
        step("doubled", doubled),
        step("shifted", shifted),
        step("total", total),
    ],
)
