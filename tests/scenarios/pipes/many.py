"""A hundred thousand items through a boundary."""

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    count: int = 100_000


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("even")
    return number


def kept(odd: list[int]) -> list[int]:
    return odd


def total(kept: Iterator[int]) -> int:
    return sum(kept)


p = pipeline(
    "many",
    Params,
    [step("numbers", numbers), step("odd", odd), step("kept", kept), step("total", total)],
)
