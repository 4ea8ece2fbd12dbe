"""Resources: one per execution of a step, one per item; closed when that ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from synaflow_core import per_item, pipeline, step


@contextmanager
def tickets() -> Iterator[Iterator[int]]:
    yield count(10)


def fresh() -> Iterator[int]:
    return count(100)


def numbers() -> Iterator[int]:
    yield from range(3)


def numbered(number: int, tickets: Iterator[int]) -> int:
    return next(tickets)


def again(numbered: list[int], tickets: Iterator[int]) -> list[int]:
    return [*numbered, next(tickets)]


def each(again: int, fresh: Iterator[int]) -> int:
    return again + next(fresh)


def total(each: list[int]) -> int:
    return sum(each)


p = pipeline(
    "resources",
    None,
    [
        step("numbers", numbers),
        step("numbered", numbered),
        step("again", again),
        step("each", each),
        step("total", total),
    ],
    resources={"tickets": tickets, "fresh": per_item(fresh)},
)
