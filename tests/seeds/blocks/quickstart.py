"""README, "Quickstart"."""

from collections.abc import Generator, Iterator
from typing import NamedTuple

# CHANGED: synaflow -> synaflow_core, the name of this package. So it is in all blocks.
from synaflow_core import pipeline, run, step


# Define the data required to start your pipeline
class MyParams(NamedTuple):
    # CHANGED: the page has lost the indentation of the bodies; it is restored everywhere.
    count: int


# 1. Producer outputs a stream
def producer(count: int) -> Generator[int, None, None]:
    yield from range(count)


# 2. Transformer consumes the stream lazily
def transformer(producer: Iterator[int]) -> Generator[int, None, None]:
    for val in producer:
        yield val * 10


# 3. Consumer automatically gets the stream!
def consumer(transformer: Iterator[int]) -> None:
    for x in transformer:
        print(f"Consumed: {x}")


# SynaFlow reads the Type Hints and wires the DAG automatically!
my_pipeline = pipeline(
    name="example",
    params=MyParams,
    steps=[
        step("producer", fn=producer),
        step("transformer", fn=transformer),
        step("consumer", fn=consumer),
    ],
)

# Run it
run(my_pipeline, MyParams(count=5))

# Export the DAG as JSON
print(my_pipeline.to_dict())
