"""The quickstart; its contract is ``contract/examples/quickstart.json``."""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from synaflow_core import pipeline, step


class MyParams(NamedTuple):
    count: int


def producer(count: int) -> Generator[int, None, None]:
    yield from range(count)


def transformer(producer: Iterator[int]) -> Generator[int, None, None]:
    for val in producer:
        yield val * 10


def consumer(transformer: Iterator[int]) -> None:
    for x in transformer:
        print(f"Consumed: {x}")


my_pipeline = pipeline(
    name="example",
    params=MyParams,
    steps=[
        step("producer", fn=producer),
        step("transformer", fn=transformer),
        step("consumer", fn=consumer),
    ],
)
