"""Small pipelines to include, for the tests of includes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from synaflow_core.dag import Dag
from synaflow_core.definition import step
from synaflow_core.pipeline import Pipeline, pipeline


class Count(NamedTuple):
    count: int = 3
    names: list[str] = ["x", "y"]  # noqa: RUF012 - the default of a NamedTuple field
    unused: str = ""


class Outer(NamedTuple):
    n: int = 4
    ns: list[int] = [1, 2, 3]  # noqa: RUF012 - as above


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def doubled(number: int) -> int:
    return 2 * number


def total(doubled: list[int]) -> int:
    return sum(doubled)


def adapter(n: int) -> Count:
    return Count(n)


def adapter_each(n: int) -> Count:
    return Count(n)


def collect(sub: list[int]) -> list[int]:
    return sub


def take(sub: int) -> int:
    return sub


def streaming() -> Pipeline:
    """Ends in an EACH stream, ``doubled``."""
    return pipeline("streaming", Count, [step("numbers", numbers), step("doubled", doubled)])


def summing() -> Pipeline:
    """Ends in a value, ``total``."""
    steps = [step("numbers", numbers), step("doubled", doubled), step("total", total)]
    return pipeline("summing", Count, steps)


def outer(*entries: Any, **options: Any) -> Pipeline:
    return pipeline("outer", Outer, entries, **options)


def edges(dag: Dag, name: str) -> list[tuple[str, str, str, str, bool]]:
    return [
        (e.parameter, e.producer, e.source.value, e.delivery.value, e.streaming)
        for e in dag.steps[name].edges
    ]
