"""Build-time & run-time separation, "Deterministic and testable"."""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from synaflow_core import StepMode, pipeline, step


# CHANGED: the page writes `pipeline(...)`. These are the three steps that its assertions name; the
# transformer takes items, which makes it EACH.
class MyParams(NamedTuple):
    count: int


def producer(count: int) -> Generator[int, None, None]:
    yield from range(count)


def transformer(producer: int) -> int:
    return producer * 10


def consumer(transformer: Iterator[int]) -> None:
    for x in transformer:
        print(f"Consumed: {x}")


dag = pipeline(
    name="example",
    params=MyParams,
    steps=[
        step("producer", fn=producer),
        step("transformer", fn=transformer),
        step("consumer", fn=consumer),
    ],
).dag
assert dag.steps["transformer"].mode == StepMode.EACH
assert dag.get_execution_levels() == [["producer"], ["transformer"], ["consumer"]]
