"""The same functions on this engine and on the public SynaFlow package, in one run.

The public package is a test dependency; where it is missing, this module has no rows.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import Row, compared
from synaflow_core import pipeline, run, step

ITEMS = 10_000  # the public package takes over 0.1 ms an item


@dataclass(frozen=True)
class Params:
    """How many items."""

    count: int


def numbers(count: int) -> Generator[int, None, None]:
    yield from range(count)


def evens(numbers: Iterator[int]) -> int:
    return sum(1 for number in numbers if not number & 1)


def biggest(numbers: Iterator[int]) -> int:
    return max(numbers)


def half(number: int) -> int:
    return number >> 1


def third(number: int) -> int:
    return number // 3


def joined(half: int, third: int) -> int:
    return half - third


FAN_OUT: dict[str, Callable[..., Any]] = {"numbers": numbers, "evens": evens, "biggest": biggest}
DIAMOND: dict[str, Callable[..., Any]] = {
    "numbers": numbers,
    "half": half,
    "third": third,
    "joined": joined,
}


def results() -> list[Row]:
    """Fan-out to two pull consumers, and a diamond of EACH steps, at ten thousand items."""
    if importlib.util.find_spec("synaflow") is None:
        return []
    return [
        _row("fan-out to 2 pull consumers, 1e4 items", FAN_OUT, ">= 40x"),
        _row("diamond of EACH steps, 1e4 items", DIAMOND, ">= 50x"),
    ]


def _row(what: str, functions: dict[str, Callable[..., Any]], target: str) -> Row:
    import synaflow
    from synaflow.core.dag_builder import build_dag

    ours = pipeline("bench", Params, [step(name, fn) for name, fn in functions.items()])
    theirs = build_dag(
        synaflow.pipeline(
            name="bench",
            params=Params,
            steps=[synaflow.step(name, fn=fn) for name, fn in functions.items()],
        )
    )
    params = Params(ITEMS)
    return compared(
        what, lambda: run(ours, params), lambda: synaflow.run(theirs, params), target=target
    )


if __name__ == "__main__":
    for row in results():
        print(row)
