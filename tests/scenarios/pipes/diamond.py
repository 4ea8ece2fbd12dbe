"""Branches of one stream that drop different items, joined again by source item."""

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    count: int = 10


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def thirds(number: int) -> int:
    if number % 3 == 0:
        raise ValueError(f"{number} is a multiple of three")
    return number


def halves(number: int) -> str:
    if number == 4:
        raise ValueError("four")
    return f"half of {number}"


def joined(thirds: int, halves: str) -> str:
    return f"{thirds}: {halves}"


def lines(joined: list[str]) -> list[str]:
    return joined


p = pipeline(
    "diamond",
    Params,
    [
        step("numbers", numbers),
        step("thirds", thirds),
        step("halves", halves),
        step("joined", joined),
        step("lines", lines),
    ],
)
