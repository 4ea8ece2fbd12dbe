from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from synaflow_core.dag import Edge, Source
from synaflow_core.definition import StepMode, step
from synaflow_core.errors import DefinitionError
from synaflow_core.pipeline import Pipeline, PipelineRegistry, pipeline


class MyParams(NamedTuple):
    count: int


def producer(count: int) -> Generator[int, None, None]:
    yield from range(count)


def transformer(producer: Iterator[int]) -> Generator[int, None, None]:
    for value in producer:
        yield value * 10


def consumer(transformer: Iterator[int]) -> None:
    for value in transformer:
        print(f"Consumed: {value}")


def example() -> Pipeline:
    return pipeline(
        name="example",
        params=MyParams,
        steps=[
            step("producer", fn=producer),
            step("transformer", fn=transformer),
            step("consumer", fn=consumer),
        ],
        description="The quickstart.",
    )


def test_the_quickstart_compiles() -> None:
    p = example()
    assert (p.name, p.params_type, p.dag.params) == ("example", MyParams, {"count": int})
    assert p.dag.description == "The quickstart."
    assert [node.mode for node in p.dag.steps.values()] == [StepMode.ALL] * 3
    assert p.dag.get_execution_levels() == [["producer"], ["transformer"], ["consumer"]]
    assert p.dag.consumers_of("producer") == ("transformer",)
    assert p.dag.steps["producer"].where == f"test_pipeline.py:{producer.__code__.co_firstlineno}"
    assert repr(p) == "<Pipeline 'example' of 3 steps>"


def test_a_pipeline_is_frozen() -> None:
    p = example()
    with pytest.raises(dataclasses.FrozenInstanceError):
        p.dag = None  # type: ignore[misc,assignment]
    with pytest.raises(dataclasses.FrozenInstanceError):
        p.dag.steps["producer"].mode = StepMode.EACH  # type: ignore[misc]


def test_a_dataclass_may_be_the_params() -> None:
    @dataclass(frozen=True)
    class P:
        count: int = 3

    (edge,) = (
        pipeline("p", P, [step("producer", producer)], exports="producer")
        .dag.steps["producer"]
        .edges
    )
    assert isinstance(edge, Edge)
    assert edge.source is Source.PARAM


def test_to_dict_is_the_contract() -> None:
    document = example().to_dict()
    assert document["name"] == "example"
    assert document["params"] == {"count": "int"}
    assert document["steps"]["producer"]["output"] == "Stream[int]"
    assert example().contract().to_json() == example().contract().to_json()


def test_the_error_names_the_pipeline_and_counts() -> None:
    with pytest.raises(DefinitionError) as caught:
        pipeline("orders", MyParams, [step("a", producer), step("b", consumer)])
    assert str(caught.value).startswith("pipeline 'orders' does not compile (1 problem):\n")


def test_a_registry_finds_pipelines_by_name() -> None:
    registry = PipelineRegistry()
    p = registry.register(example())
    assert registry["example"] is p
    assert "example" in registry
    assert list(registry) == [p]
    assert registry.names == ("example",)
    assert len(registry) == 1
    registry.register(p)
    assert len(PipelineRegistry([p])) == 1


def test_a_registry_refuses_a_second_pipeline_of_one_name() -> None:
    registry = PipelineRegistry([example()])
    with pytest.raises(DefinitionError, match="duplicate-pipeline"):
        registry.register(example())


def test_a_registry_says_what_it_has() -> None:
    with pytest.raises(KeyError, match=r"'missing'.*'example'"):
        PipelineRegistry([example()])["missing"]
    with pytest.raises(TypeError, match="Pipeline"):
        PipelineRegistry([producer])  # type: ignore[list-item]


def test_compiling_imports_no_heavy_library() -> None:
    script = (
        "import sys, synaflow_core.pipeline\n"
        "heavy = {'msgspec', 'networkx', 'fsspec', 'jinja2', 'typer', 'rich', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
