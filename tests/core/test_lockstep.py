from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.dag import Node, Source
from synaflow_core.definition import Step, StepMode, step
from synaflow_core.errors import DefinitionError, Problem
from synaflow_core.pipeline import Pipeline, pipeline
from tests.core.building import compiled, function, refused_once

A = step("a", function(Iterator[int]))
B = step("b", function(int, a=list[int]))


def check(problem: Problem, fan_out: str, collecting: str, join: str) -> None:
    assert problem.code == "asymmetric-lockstep"
    assert problem.subject == f"step '{join}'"
    assert f"the stream of '{fan_out}'" in problem.message
    assert f"through '{collecting}'" in problem.message
    assert problem.hint.startswith(f"set force_materialize=True on '{fan_out}'")


def collecting(steps: list[Step], *names: str) -> list[Step]:
    return [replace(s, force_materialize=s.name in names) for s in steps]


def test_a_join_of_a_stream_with_what_its_list_gives() -> None:
    steps = [A, B, step("c", function(int, a=Iterator[int], b=int))]
    check(refused_once(*steps), "a", "b", "c")
    p = compiled(*collecting(steps, "a"))
    assert not any(e.streaming for node in p.dag.steps.values() for e in node.edges)


def test_a_join_of_items_with_what_the_list_gives() -> None:
    steps = [A, B, step("c", function(int, a=int, b=int))]
    problem = refused_once(*steps)
    check(problem, "a", "b", "c")
    assert "item by item" in problem.message
    compiled(*collecting(steps, "a"))


def test_a_reducer_needs_the_whole_stream_as_well() -> None:
    steps = [A, step("s", function(int, a=Iterator[int])), step("c", function(int, a=int, s=int))]
    check(refused_once(*steps), "a", "s", "c")
    compiled(*collecting(steps, "a"))


def test_branches_may_be_longer() -> None:
    steps = [
        A,
        step("a2", function(int, a=int)),
        step("a3", function(int, a2=int)),
        B,
        step("b2", function(int, b=int)),
        step("c", function(int, a3=int, b2=int)),
    ]
    problem = refused_once(*steps)
    check(problem, "a", "b", "c")
    assert "'b', 'b2'" in problem.message
    compiled(*collecting(steps, "a"))


def test_the_fan_out_may_lie_in_the_middle_of_a_chain() -> None:
    steps = [
        step("src", function(Iterator[int])),
        step("a", function(int, src=int)),
        B,
        step("c", function(int, a=int, b=int)),
    ]
    check(refused_once(*steps), "a", "b", "c")
    compiled(*collecting(steps, "a"))


def test_a_zip_with_a_stream_that_waits_for_the_other() -> None:
    steps = [
        A,
        B,
        step("late", function(Iterator[int], b=int)),
        step("z", function(int, a=int, late=int)),
    ]
    check(refused_once(*steps), "a", "b", "z")
    compiled(*collecting(steps, "a"))


def test_the_whole_collection_beside_items_of_a_branch() -> None:
    steps = [A, step("e", function(int, a=int)), step("c", function(int, e=int, a=list[int]))]
    problem = refused_once(*steps)
    assert problem.code == "asymmetric-lockstep"
    assert "'a'" in problem.message
    assert "as a whole collection" in problem.message
    compiled(*collecting(steps, "a"))


def test_two_groups_that_wait_for_each_other() -> None:
    steps = [
        step("p", function(Iterator[int])),
        step("q", function(Iterator[int])),
        step("p_sum", function(int, p=list[int])),
        step("q_sum", function(int, q=list[int])),
        step("x", function(int, p=int, q_sum=int)),
        step("y", function(int, q=int, p_sum=int)),
    ]
    problem = refused_once(*steps)
    assert problem.code == "asymmetric-lockstep"
    named = re.findall(r"'(\w+)'", problem.hint)
    compiled(*collecting(steps, *named))


@pytest.mark.parametrize(
    "steps",
    [
        [A, B, step("c", function(int, a=Iterator[int]))],
        [A, B, step("c", function(int, a=list[int], b=int))],
        [
            A,
            step("e", function(int, a=int)),
            step("f", function(int, a=int)),
            step("j", function(int, e=int, f=int)),
        ],
        [
            step("p", function(Iterator[int])),
            step("q", function(Iterator[int])),
            step("z", function(int, p=int, q=int)),
        ],
        [
            step("w", function(list[int])),
            step("s", function(int, w=list[int])),
            step("c", function(int, w=int, s=int)),
        ],
    ],
    ids=["mixed", "both collect", "diamond", "zip", "a list is whole already"],
)
def test_these_are_fine(steps: list[Step]) -> None:
    compiled(*steps)


# --- random graphs -----------------------------------------------------------------------------

ASKED: list[Any] = [int, Iterator[int], list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> list[Step]:
    """Steps that each read up to three earlier ones; invalid combinations are left out."""
    steps: list[Step] = []
    for index in range(draw(st.integers(2, 9))):
        reads = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=3)) if index else []
        asked = {f"s{i}": draw(st.sampled_from(ASKED)) for i in reads}
        if int in asked.values():  # an EACH step takes no iterator beside its items
            asked = {n: list[int] if t == Iterator[int] else t for n, t in asked.items()}
        returns = (
            int if int in asked.values() else draw(st.sampled_from([Iterator[int], list[int]]))
        )
        collect = draw(st.integers(0, 5)) == 0
        steps.append(step(f"s{index}", function(returns, **asked), force_materialize=collect))
    read = {name for s in steps for name in s.fn.__annotations__}
    return [s if s.name in read else replace(s, force_materialize=True) for s in steps]


def unchecked_nodes(steps: list[Step]) -> dict[str, Node]:
    """The nodes as the pass before the lockstep check leaves them."""
    from synaflow_core import compiler

    draft = compiler.Draft(compiler.PipelineDef("p", None, tuple(steps)))
    for each in compiler.PASSES:
        if each is compiler.check_lockstep:
            return dict(draft.nodes)
        draft = each(draft)
        assert not draft.problems, draft.problems
    raise AssertionError("the lockstep pass is gone")


def must_end_before_it_starts(nodes: dict[str, Node]) -> bool:
    """The definition, spelled out: brute force over pairs of steps."""
    together = {(n, n) for n in nodes}
    after = set()
    for name, node in nodes.items():
        for edge in node.edges:
            if edge.source is Source.STEP:
                if edge.streaming:
                    together |= {(name, edge.producer), (edge.producer, name)}
                else:
                    after.add((edge.producer, name))
    together = closed(together, nodes)
    waits = {
        (a, b)
        for (x, y) in after
        for a in nodes
        if (a, x) in together
        for b in nodes
        if (y, b) in together
    }
    return any((n, n) in closed(waits, nodes) for n in nodes)


def closed(pairs: set[tuple[str, str]], names: Any) -> set[tuple[str, str]]:
    reach = set(pairs)
    for middle in names:
        for left in names:
            if (left, middle) in reach:
                reach |= {(left, right) for right in names if (middle, right) in reach}
    return reach


def outcome(steps: list[Step]) -> Pipeline | Problem:
    try:
        return pipeline("p", None, steps)
    except DefinitionError as error:
        problems = error.problems
    assert len(problems) == 1, problems
    return problems[0]


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_exactly_the_deadlocks_are_refused_and_the_named_fix_works(steps: list[Step]) -> None:
    result = outcome(steps)
    assert isinstance(result, Problem) == must_end_before_it_starts(unchecked_nodes(steps))
    if isinstance(result, Problem):
        assert result.code == "asymmetric-lockstep"
        named = re.findall(r"'(\w+)'", result.hint)
        fixed = [
            replace(s, force_materialize=s.force_materialize or s.name in named) for s in steps
        ]
        assert isinstance(outcome(fixed), Pipeline)


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_compiling_is_deterministic(steps: list[Step]) -> None:
    first, second = outcome(steps), outcome(steps)
    if isinstance(first, Problem):
        assert first == second
    else:
        assert isinstance(second, Pipeline)
        assert list(first.dag.steps) == [s.name for s in steps]
        for name, node in first.dag.steps.items():
            twin = second.dag.steps[name]
            assert (node.edges, node.mode, node.output_kind, node.element) == (
                twin.edges,
                twin.mode,
                twin.output_kind,
                twin.element,
            )


def test_a_long_chain_compiles() -> None:
    steps = [A, step("s0", function(int, a=int))]
    steps += [step(f"s{i}", function(int, **{f"s{i - 1}": int})) for i in range(1, 3000)]
    p = compiled(*steps)
    assert len(p.dag.steps) == 3001
    assert all(n.mode is StepMode.EACH for n in list(p.dag.steps.values())[1:])
    assert len(p.dag.get_execution_levels()) == 3001


def test_a_refusal_in_a_long_chain_is_told_too() -> None:
    steps = [A, step("s0", function(int, a=int))]
    steps += [step(f"s{i}", function(int, **{f"s{i - 1}": int})) for i in range(1, 2000)]
    steps += [B, step("c", function(int, s1999=int, b=int))]
    check(refused_once(*steps), "a", "b", "c")
