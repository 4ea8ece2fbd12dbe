"""Random pipelines of random types: either a consistent Dag, or problems that can be acted upon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.dag import Dag
from synaflow_core.definition import Include, OnError, Step, StepMode, include, step
from synaflow_core.errors import DefinitionError, Problem
from synaflow_core.pipeline import pipeline
from tests.core.building import UNTYPED, function
from tests.core.included import Count, Outer, adapter, outer, streaming, summing
from tests.core.verify import verify


class Params(NamedTuple):
    users: list[int]
    limit: int = 1
    pairs: dict[str, int] | None = None


KINDS: list[Any] = [
    *(int, str, bool, float, None, Any, UNTYPED, object),
    *(Iterator[int], Iterator[str], Iterator, Iterator[list[int]], Iterator[tuple[str, int]]),
    *(list[int], list[str], list, list[list[int]], Sequence[int], set[int], frozenset[int]),
    *(tuple[int, ...], tuple[str, int], dict[str, int], dict, int | None, list[int] | None),
]
NAMES = ["user", "users", "limit", "pair", "a", "b", "a_list", "c", "d", "e", "classes", "zebra"]


@st.composite
def entries(draw: st.DrawFn) -> Step | Include:
    name = draw(st.sampled_from([*NAMES, "class", "1_load"]))
    asked = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(KINDS), max_size=3))
    if draw(st.integers(0, 9)) == 0:
        return include(
            name, function(Count, **asked), draw(st.sampled_from([streaming(), summing()]))
        )
    return step(
        name,
        function(draw(st.sampled_from(KINDS)), **asked),
        mode=draw(st.sampled_from([StepMode.AUTO] * 6 + [StepMode.EACH, StepMode.ALL])),
        on_error=draw(st.sampled_from(list(OnError))),
        force_materialize=draw(st.booleans()),
        max_in_flight=draw(st.sampled_from([1, 1, 1, 5, 0])),
        shards=draw(st.sampled_from([None, None, None, 2])),
    )


@settings(max_examples=120, deadline=None)
@given(st.lists(entries(), max_size=6), st.sampled_from([None, *NAMES]))
def test_a_pipeline_compiles_to_a_consistent_dag_or_is_refused(
    steps: list[Step | Include], exports: str | None
) -> None:
    try:
        compiled = pipeline("p", Params, steps, exports=exports)
    except DefinitionError as error:
        check_problems(error.problems)
    else:
        verify(compiled.dag)


def check_problems(problems: tuple[Problem, ...]) -> None:
    assert problems
    assert len(set(problems)) == len(problems)
    for problem in problems:
        assert problem.where
        assert problem.code
        assert problem.message
        assert problem.hint


@st.composite
def wired(draw: st.DrawFn) -> list[Step]:
    """Steps that mostly fit: each reads earlier ones by their exact names."""
    steps: list[Step] = []
    for index in range(draw(st.integers(1, 7))):
        reads = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=2)) if index else []
        asked = {
            f"s{i}": draw(st.sampled_from([int, UNTYPED, list[int], Iterator[int]])) for i in reads
        }
        returns = draw(st.sampled_from([int, list[int], Iterator[int], set[int]]))
        returns = int if int in asked.values() else returns
        steps.append(
            step(f"s{index}", function(returns, **asked), force_materialize=draw(st.booleans()))
        )
    return steps


@settings(max_examples=120, deadline=None)
@given(wired())
def test_pipelines_that_mostly_fit_are_consistent_too(steps: list[Step]) -> None:
    try:
        compiled = pipeline("p", None, steps)
    except DefinitionError as error:
        check_problems(error.problems)
    else:
        verify(compiled.dag)
        assert list(compiled.dag.steps) == [s.name for s in steps]


def dags() -> list[Dag]:
    nested = pipeline("nested", Outer, [include("in", adapter, summing())])
    return [
        outer(include("sub", adapter, summing())).dag,
        outer(include("sub", function(Count, ns=int), summing())).dag,
        outer(include("x", function(Outer), nested), include("y", function(Outer), nested)).dag,
        outer(include("x", adapter, pipeline("empty", Count, [step("one", function(int))]))).dag,
    ]


@pytest.mark.parametrize("dag", dags(), ids=lambda dag: "-".join(dag.steps))
def test_includes_are_consistent(dag: Dag) -> None:
    verify(dag)
