from __future__ import annotations

import pickle
from collections.abc import AsyncIterator

from synaflow_core import run
from synaflow_core.dag import OutputKind
from synaflow_core.definition import StepMode, include, step
from synaflow_core.pipeline import Pipeline, pipeline
from tests.core.building import function, refused, refused_once
from tests.core.included import (
    Count,
    Outer,
    adapter,
    collect,
    edges,
    outer,
    streaming,
    summing,
)

# --- fed item by item --------------------------------------------------------------------------


def adapter_items(ns: int) -> Count:
    return Count(ns)


def test_an_adapter_that_takes_items_makes_one_each_step() -> None:
    p = outer(include("sub", adapter_items, summing()), step("last", collect))
    assert list(p.dag.steps) == ["sub", "last"]
    node = p.dag.steps["sub"]
    assert (node.mode, node.output_kind, node.element) == (StepMode.EACH, OutputKind.STREAM, int)
    assert edges(p.dag, "sub") == [("ns", "ns", "param", "item", False)]
    assert not node.hidden
    assert run(p, Outer(0, [1, 2, 3])).outputs == {"last": [0, 2, 6]}


def collect_lists(sub: list[list[int]]) -> list[list[int]]:
    return sub


def test_a_stream_per_item_arrives_as_a_list() -> None:
    p = outer(include("sub", adapter_items, streaming()), step("last", collect_lists))
    assert p.dag.steps["sub"].element == list[int]
    assert run(p, Outer(0, [1, 3])).outputs == {"last": [[0], [0, 2, 4]]}


def test_it_has_a_name_and_can_be_pickled() -> None:
    p = outer(include("sub", adapter_items, summing()))
    fn = pickle.loads(pickle.dumps(p.dag.steps["sub"].fn))
    assert fn.__name__ == "include.sub"
    assert fn(ns=3) == 6


def test_the_included_dag_itself_is_not_changed() -> None:
    sub = streaming()
    outer(include("sub", adapter_items, sub), step("last", collect_lists))
    assert not any(node.exported for node in sub.dag.steps.values())


def test_a_failing_item_is_dropped() -> None:
    def picky(ns: int) -> Count:
        if ns == 2:
            raise ValueError(ns)
        return Count(ns)

    p = outer(include("sub", picky, summing()), step("last", collect))
    result = run(p, Outer(0, [1, 2, 3]))
    assert result.outputs == {"last": [0, 6]}
    assert result.steps["sub"].errors == 1


# --- colour ------------------------------------------------------------------------------------


async def numbers_async(count: int) -> AsyncIterator[int]:
    yield count


async def doubled_async(number: int) -> int:
    return 2 * number


def colourful() -> Pipeline:
    steps = [step("numbers", numbers_async), step("doubled", doubled_async)]
    return pipeline("colourful", Count, steps)


def test_an_async_pipeline_takes_a_sync_adapter() -> None:
    async def last(sub: list[int]) -> int:
        return len(sub)

    dag = outer(include("sub", adapter, colourful()), step("last", last)).dag
    assert dag.is_async
    assert not dag.steps["sub__params"].is_async


def test_an_async_sub_run_is_an_async_step() -> None:
    async def last(sub: list[list[int]]) -> int:
        return len(sub)

    p = outer(include("sub", adapter_items, colourful()), step("last", last))
    assert p.dag.steps["sub"].is_async


def test_colours_do_not_mix_across_the_border() -> None:
    problem = refused_once(
        include("sub", adapter, colourful()), step("last", collect_any), params=Outer
    )
    assert problem.code == "mixed-colour"
    problems = refused(
        step("first", function(int, n=int)), include("sub", adapter, colourful()), params=Outer
    )
    assert {p.code for p in problems} == {"mixed-colour"}


def collect_any(sub: list[int]) -> int:
    return len(sub)


def test_what_is_included_must_be_compiled() -> None:
    problem = refused_once(include("sub", adapter, streaming().definition), params=Outer)
    assert problem.code == "invalid-option"
    assert problem.subject == "include 'sub', pipeline"
