from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from synaflow_core import run
from synaflow_core.dag import Delivery, OutputKind, Source
from synaflow_core.definition import Observer, StepMode, include, step
from synaflow_core.pipeline import pipeline
from tests.core.building import function, refused_once
from tests.core.included import (
    Count,
    Outer,
    adapter,
    collect,
    doubled,
    edges,
    numbers,
    outer,
    streaming,
    summing,
    take,
)

# --- called once -------------------------------------------------------------------------------


def test_the_steps_of_the_pipeline_become_steps() -> None:
    dag = outer(include("sub", adapter, streaming()), step("collect", collect)).dag
    assert list(dag.steps) == [
        "sub__params",
        "sub__params__count",
        "sub__numbers",
        "sub",
        "collect",
    ]
    assert edges(dag, "sub__params") == [("n", "n", "param", "param", False)]
    assert edges(dag, "sub__params__count") == [("params", "sub__params", "step", "value", False)]
    assert edges(dag, "sub__numbers") == [("count", "sub__params__count", "step", "value", False)]
    assert edges(dag, "sub") == [("number", "sub__numbers", "step", "item", True)]
    assert edges(dag, "collect") == [("sub", "sub", "step", "list", False)]


def test_what_the_compiler_made_is_hidden_and_everything_knows_its_origin() -> None:
    dag = outer(include("sub", adapter, streaming()), step("collect", collect)).dag
    assert [n for n, node in dag.steps.items() if node.hidden] == [
        "sub__params",
        "sub__params__count",
    ]
    for name, node in dag.steps.items():
        inside = name != "collect"
        assert node.scope == (("sub",) if inside else ())
        assert node.pipeline == ("streaming" if inside else "outer")
        assert node.parent_pipeline == ("outer" if inside else None)
        assert node.where.startswith("included.py:")


def test_it_runs_like_the_pipeline_itself() -> None:
    p = outer(include("sub", adapter, streaming()), step("collect", collect))
    assert run(p, Outer(4)).outputs == {"collect": [0, 2, 4, 6]}


def test_a_value_is_exported_as_a_value() -> None:
    p = outer(include("sub", adapter, summing()), step("take", take))
    assert p.dag.steps["take"].mode is StepMode.ALL
    assert run(p, Outer(4)).outputs == {"take": 12}


def test_exports_names_the_step_when_there_are_several_ends() -> None:
    steps = [
        step("numbers", numbers),
        step("doubled", doubled),
        step("log", function(int, number=int)),
    ]
    several = pipeline("several", Count, steps)
    problem = refused_once(include("sub", adapter, several), params=Outer)
    assert problem.code == "nothing-exported"
    assert "'doubled', 'log'" in problem.message
    named = pipeline("several", Count, steps, exports="doubled")
    dag = outer(include("sub", adapter, named), step("collect", collect)).dag
    assert not dag.steps["sub"].exported
    assert "sub__log" in dag.steps


def test_the_export_may_lie_in_the_middle() -> None:
    middle = pipeline(
        "middle",
        Count,
        [step("numbers", numbers), step("log", function(None, number=int))],
        exports="numbers",
    )
    dag = outer(include("sub", adapter, middle), step("collect", collect)).dag
    assert edges(dag, "sub__log") == [("number", "sub", "step", "item", True)]


def test_a_pipeline_without_output_cannot_be_included() -> None:
    sinking = pipeline("sinking", Count, [step("log", function(None, count=int))])
    problem = refused_once(include("sub", adapter, sinking), params=Outer)
    assert problem.code == "nothing-exported"
    assert "exports=" in problem.hint


class Fields(NamedTuple):
    rows: list[int]
    pairs: dict[str, int]
    limit: int


@pytest.mark.parametrize(
    ("field", "asked", "kind", "expected"),
    [
        ("rows", list[int], OutputKind.LIST, Delivery.LIST),
        ("rows", Iterator[int], OutputKind.LIST, Delivery.STREAM),
        ("rows", int, OutputKind.LIST, Delivery.ITEM),
        ("rows", set[int], OutputKind.LIST, Delivery.SET),
        ("pairs", dict[str, int], OutputKind.DICT, Delivery.DICT),
        ("limit", int, OutputKind.VALUE, Delivery.VALUE),
    ],
    ids=str,
)
def test_params_fields_keep_their_meaning(
    field: str, asked: Any, kind: OutputKind, expected: Delivery
) -> None:
    sub = pipeline("sub", Fields, [step("last", function(int, **{field: asked}))])
    dag = outer(include("sub", function(Fields, n=int), sub)).dag
    hidden = dag.steps[f"sub__params__{field}"]
    assert (hidden.output_kind, hidden.mode) == (kind, StepMode.ALL)
    (edge,) = dag.steps["sub"].edges
    assert (edge.source, edge.delivery, edge.streaming) == (Source.STEP, expected, False)


def test_the_functions_that_the_compiler_makes_have_names_and_can_be_pickled() -> None:
    dag = outer(include("sub", adapter, streaming()), step("collect", collect)).dag
    fn = dag.steps["sub__params__count"].fn
    assert (fn.__name__, fn.__qualname__) == ("params.count", "params.count")
    assert fn(params=Count(7)) == 7
    copy = pickle.loads(pickle.dumps(fn))
    assert copy == fn
    assert copy(params=Count(8)) == 8
    assert copy.__name__ == "params.count"


def test_params_that_no_step_reads_are_no_result() -> None:
    sub = pipeline("sub", Count, [step("last", function(int))])
    p = outer(include("sub", adapter, sub))
    assert p.dag.steps["sub__params"].output_kind is OutputKind.NONE
    assert list(p.dag.steps) == ["sub__params", "sub"]


def test_a_pipeline_without_params_has_an_adapter_that_returns_none() -> None:
    sub = pipeline("sub", None, [step("last", function(int))])
    assert list(outer(include("sub", function(None, n=int), sub)).dag.steps) == [
        "sub__params",
        "sub",
    ]
    problem = refused_once(include("sub", adapter, sub), params=Outer)
    assert problem.code == "adapter-result"


def test_the_adapter_returns_the_params_of_that_pipeline() -> None:
    problem = refused_once(include("sub", function(int, n=int), streaming()), params=Outer)
    assert problem.code == "adapter-result"
    assert problem.subject == "include 'sub'"
    assert "'streaming', Count, got one that returns int" in problem.message


def test_the_adapter_is_bound_and_checked_like_a_step() -> None:
    problem = refused_once(include("sub", function(Count, m=int), streaming()), params=Outer)
    assert problem.subject == "include 'sub', parameter 'm'"
    assert problem.code == "unknown-name"
    problem = refused_once(include("sub", function(Count, n=str), streaming()), params=Outer)
    assert problem.code == "type-mismatch"


def test_only_the_export_can_be_read() -> None:
    problem = refused_once(
        include("sub", adapter, streaming()),
        step("last", function(int, sub__numbers=list[int])),
        params=Outer,
    )
    assert problem.code == "unknown-name"
    assert "lies inside the include" in problem.message
    assert problem.hint == "ask for 'sub'"


def test_its_export_must_be_consumed_like_any_stream() -> None:
    sub = pipeline("sub", Count, [step("numbers", numbers)], exports="numbers")
    problem = refused_once(include("sub", adapter, sub), params=Outer)
    assert problem.code == "terminal-stream"
    assert problem.subject == "step 'sub'"
    assert outer(include("sub", adapter, sub), exports="sub").dag.steps["sub"].exported


def test_a_step_called_params_cannot_be_included() -> None:
    sub = pipeline("sub", Count, [step("params", function(int, count=int))])
    problem = refused_once(include("inc", adapter, sub), params=Outer)
    assert problem.code == "illegal-name"
    assert "'params'" in problem.message


def test_a_self_named_step_reads_the_field_not_itself() -> None:
    sub = pipeline("sub", Count, [step("names", function(list[str], names=list[str]))])
    dag = outer(include("inc", adapter, sub)).dag
    assert edges(dag, "inc") == [("names", "inc__params__names", "step", "list", False)]


def test_one_pipeline_may_be_included_twice() -> None:
    p = outer(
        include("left", adapter, summing()),
        include("right", adapter, summing()),
        step("last", add),
    )
    assert run(p, Outer(4)).outputs == {"last": 24}
    assert {"left__numbers", "right__numbers"} <= set(p.dag.steps)


def add(left: int, right: int) -> int:
    return left + right


def test_includes_nest() -> None:
    middle = pipeline(
        "middle",
        Outer,
        [include("inner", adapter, summing()), step("plus", plus)],
    )
    p = outer(include("mid", to_outer, middle), step("last", function(int, mid=int)))
    assert list(p.dag.steps) == [
        "mid__params",
        "mid__params__n",
        "mid__inner__params",
        "mid__inner__params__count",
        "mid__inner__numbers",
        "mid__inner__doubled",
        "mid__inner",
        "mid",
        "last",
    ]
    node = p.dag.steps["mid__inner__numbers"]
    assert node.scope == ("mid", "inner")
    assert (node.pipeline, node.parent_pipeline) == ("summing", "middle")
    assert p.dag.steps["mid__inner__params"].parent_pipeline == "middle"
    assert p.dag.steps["mid"].parent_pipeline == "outer"
    assert run(outer(include("mid", to_outer, middle)), Outer(4)).outputs == {"mid": 13}


def plus(inner: int) -> int:
    return inner + 1


def to_outer(n: int) -> Outer:
    return Outer(n)


def test_the_ends_of_a_nested_include_are_no_ends_of_the_pipeline() -> None:
    two_ends = pipeline(
        "two",
        Count,
        [step("numbers", numbers), step("spare", spare), step("total", length)],
        exports="total",
    )
    middle = pipeline("middle", Outer, [include("inner", adapter, two_ends)])
    p = outer(include("mid", to_outer, middle))
    assert run(p, Outer(4)).outputs["mid"] == 4


def spare(numbers: list[int]) -> int:
    return len(numbers)


def length(numbers: list[int]) -> int:
    return len(numbers)


def test_lockstep_is_judged_across_the_border() -> None:
    sub = pipeline("sub", Stream, [step("size", function(int, row=list[int]))])
    problem = refused_once(
        step("rows", function(Iterator[int])),
        include("inc", function(Stream, rows=list[int]), sub),
        step("last", function(int, row=int, inc=int)),
        params=Outer,
    )
    assert problem.code == "asymmetric-lockstep"
    assert "'inc__params'" in problem.message
    assert "force_materialize=True on 'rows'" in problem.hint


class Stream(NamedTuple):
    row: list[int]


def test_a_fan_out_inside_an_include_is_placed_in_its_pipeline() -> None:
    sub = pipeline("sub", Count, [step("numbers", numbers)], exports="numbers")
    problem = refused_once(
        include("inc", adapter, sub),
        step("size", function(int, inc=list[int])),
        step("last", function(int, inc=int, size=int)),
        params=Outer,
    )
    assert "on 'inc' (it is a step of pipeline 'sub')" in problem.hint


class Live(NamedTuple):
    rows: Iterator[int]


def test_a_stream_in_the_params_is_collected_by_another_type() -> None:
    steps = [
        step("size", function(int, row=list[int])),
        step("last", function(int, row=int, size=int)),
    ]
    live = pipeline("live", Live, steps)  # a params field can be read twice, a stream cannot
    problem = refused_once(include("inc", function(Live, n=int), live), params=Outer)
    assert problem.code == "asymmetric-lockstep"
    assert "make the params field 'rows' of pipeline 'live' a list" in problem.hint


def test_a_stream_of_sub_runs_is_collected_by_a_step() -> None:
    steps = [
        include("inc", function(Count, ns=int), summing()),
        step("size", function(int, inc=list[int])),
        step("last", function(int, inc=int, size=int)),
    ]
    problem = refused_once(*steps, params=Outer)
    assert "let a step take 'inc' as list[int] and return it" in problem.hint
    steps[1:1] = [step("whole", function(list[int], inc=list[int]))]
    steps[2:] = [
        step("size", function(int, whole=list[int])),
        step("last", function(int, whole=int, size=int)),
    ]
    outer(*steps)


@dataclass
class Database:
    url: str


def connect() -> Database:
    return Database("memory")


def test_resources_come_along_under_their_scope() -> None:
    sub = pipeline(
        "sub", Count, [step("last", function(int, db=Database))], resources={"db": connect}
    )
    dag = outer(include("left", adapter, sub), include("right", adapter, sub)).dag
    assert dag.resources == {"left__db": connect, "right__db": connect}
    assert dag.resource_types == {"left__db": Database, "right__db": Database}
    (edge,) = dag.steps["left"].edges
    assert (edge.parameter, edge.producer, edge.source) == ("db", "left__db", Source.RESOURCE)


def test_handlers_of_the_included_pipeline_stay_with_its_steps() -> None:
    def inner(context: Any) -> None: ...

    def outside(context: Any) -> None: ...

    sub = pipeline(
        "sub",
        Count,
        [step("last", function(int, count=int))],
        error_materializer=inner,
        observers=[Observer(inner)],
    )
    dag = outer(
        include("inc", adapter, sub),
        step("after", function(int, inc=int)),
        error_materializer=outside,
    ).dag
    assert dag.steps["inc"].error_materializer is inner
    assert dag.steps["inc"].observers == (Observer(inner),)
    assert dag.steps["inc__params"].observers == ()
    assert dag.steps["after"].error_materializer is outside
    assert dag.steps["after"].observers == ()
