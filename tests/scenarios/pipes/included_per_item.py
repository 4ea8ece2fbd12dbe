"""A pipeline inside another that runs once per item."""

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core import include, pipeline, step


@dataclass(frozen=True)
class Counting:
    text: str


def split(text: str) -> list[str]:
    return text.split()


def count(split: list[str]) -> int:
    if not split:
        raise ValueError("no words")
    return len(split)


counting = pipeline("counting", Counting, [step("split", split), step("count", count)])


def texts() -> Iterator[str]:
    yield from ("a b", "", "c d e")


def of(text: str) -> Counting:
    return Counting(text)


def total(sizes: list[int]) -> int:
    return sum(sizes)


p = pipeline(
    "included_per_item",
    None,
    [step("texts", texts), include("sizes", of, counting), step("total", total)],
)
