from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core.definition import OnError, StepMode, step
from tests.core.building import UNTYPED, compiled, function, refused, refused_once

ROWS = step("rows", function(Iterator[int]))


class P(NamedTuple):
    rows: list[int]
    limit: int = 0


@pytest.mark.parametrize("mode", [StepMode.AUTO, StepMode.EACH])
def test_a_step_that_takes_items_is_each(mode: StepMode) -> None:
    p = compiled(ROWS, step("last", function(int, row=int), mode=mode))
    assert p.dag.steps["last"].mode is StepMode.EACH
    assert [e.parameter for e in p.dag.steps["last"].item_edges] == ["row"]


@pytest.mark.parametrize("mode", [StepMode.AUTO, StepMode.ALL])
@pytest.mark.parametrize("asked", [list[int], Iterator[int], UNTYPED])
def test_a_step_that_takes_no_items_is_all(mode: StepMode, asked: Any) -> None:
    p = compiled(ROWS, step("last", function(int, rows=asked), mode=mode))
    assert p.dag.steps["last"].mode is StepMode.ALL
    assert p.dag.steps["last"].item_edges == ()


def test_other_parameters_of_an_each_step_are_whole() -> None:
    p = compiled(
        step("last", function(int, row=int, limit=int)),
        params=P,
    )
    assert p.dag.steps["last"].mode is StepMode.EACH
    assert [e.delivery.value for e in p.dag.steps["last"].edges] == ["item", "param"]


def test_each_without_an_item_parameter_is_refused() -> None:
    problem = refused_once(ROWS, step("last", function(int, rows=list[int]), mode=StepMode.EACH))
    assert problem.code == "forced-mode"
    assert problem.subject == "step 'last', mode=StepMode.EACH"
    assert "annotate 'rows' with the type of one item" in problem.hint
    problem = refused_once(step("last", function(int), mode=StepMode.EACH))
    assert "remove mode=StepMode.EACH" in problem.hint


def test_all_with_an_item_parameter_is_refused() -> None:
    problem = refused_once(ROWS, step("last", function(int, row=int), mode=StepMode.ALL))
    assert problem.code == "forced-mode"
    assert "'row'" in problem.message
    assert "Iterator" in problem.hint


def test_an_each_step_returns_no_stream() -> None:
    problem = refused_once(ROWS, step("last", function(Iterator[str], row=int)))
    assert problem.code == "each-returns-stream"
    assert "Stream[str]" in problem.message
    assert "list[str]" in problem.hint


def test_an_unannotated_generator_is_no_each_step_either() -> None:
    def explode(row: int):
        yield row

    assert refused_once(ROWS, step("explode", explode)).code == "each-returns-stream"


def test_a_stream_beside_items_is_refused() -> None:
    problem = refused_once(
        ROWS,
        step("words", function(Iterator[str])),
        step("last", function(int, row=int, words=Iterator[str])),
    )
    assert problem.code == "stream-beside-items"
    assert problem.subject == "step 'last', parameter 'words'"
    assert "list[str]" in problem.hint
    assert "ALL" in problem.hint


def test_a_list_walked_lazily_beside_items_is_refused_too() -> None:
    problem = refused_once(
        ROWS,
        step("words", function(list[str])),
        step("last", function(int, row=int, words=Iterator[str])),
    )
    assert problem.code == "stream-beside-items"


@pytest.mark.parametrize(
    "option", [{"error_threshold_absolute": 3}, {"error_threshold_pct": 0.5}, {"shards": 4}]
)
def test_some_options_need_an_each_step(option: dict[str, Any]) -> None:
    problem = refused_once(step("last", function(int), **option))
    assert problem.code == "needs-each"
    assert next(iter(option)) in problem.subject
    p = compiled(ROWS, step("last", function(int, row=int), **option))
    assert p.dag.steps["last"].mode is StepMode.EACH


@pytest.mark.parametrize(
    "option",
    [
        {"max_in_flight": 0},
        {"max_in_flight": -1},
        {"max_in_flight": True},
        {"max_in_flight": 2.5},
        {"max_in_flight": None},
        {"shards": 0},
        {"shards": "4"},
        {"error_threshold_absolute": 0},
        {"error_threshold_absolute": -1},
        {"error_threshold_absolute": 1.5},
        {"error_threshold_pct": 0},
        {"error_threshold_pct": 1.5},
        {"error_threshold_pct": 10},
        {"error_threshold_pct": float("nan")},
        {"error_threshold_pct": True},
        {"progress_weight": -0.1},
        {"progress_weight": float("inf")},
        {"progress_weight": "heavy"},
        {"macro_task": ""},
        {"macro_task": 3},
        {"on_error": "stop"},
        {"mode": "each"},
        {"materializer": 3},
        {"error_materializer": "log"},
        {"rollback": 3},
        {"observers": [print]},
    ],
    ids=str,
)
def test_unusable_values_are_refused(option: dict[str, Any]) -> None:
    problem = refused_once(ROWS, step("last", function(int, row=int), **option))
    assert problem.code == "invalid-option"
    assert problem.subject == f"step 'last', {next(iter(option))}"
    assert problem.hint


def test_a_percentage_is_translated() -> None:
    problem = refused_once(ROWS, step("last", function(int, row=int), error_threshold_pct=10))
    assert problem.hint == "write 0.1 for 10 %"


@pytest.mark.parametrize(
    "option",
    [
        {"max_in_flight": 30},
        {"shards": 1},
        {"error_threshold_absolute": 1},
        {"error_threshold_pct": 1},
        {"error_threshold_pct": 0.001},
        {"progress_weight": 0.6},
        {"macro_task": "load"},
    ],
    ids=str,
)
def test_usable_values_arrive_in_the_node(option: dict[str, Any]) -> None:
    p = compiled(ROWS, step("last", function(int, row=int), **option))
    ((name, value),) = option.items()
    assert getattr(p.dag.steps["last"], name) == value


@pytest.mark.parametrize("option", [{"error_threshold_absolute": 3}, {"error_threshold_pct": 0.5}])
def test_thresholds_and_stop_exclude_each_other(option: dict[str, Any]) -> None:
    problem = refused_once(
        ROWS, step("last", function(int, row=int), on_error=OnError.STOP, **option)
    )
    assert problem.code == "invalid-option"
    assert problem.subject == "step 'last', on_error"
    assert "CONTINUE" in problem.hint


def test_several_wrong_options_are_told_at_once() -> None:
    problems = refused(step("last", function(int), max_in_flight=0, shards=0, progress_weight=-1))
    assert len(problems) == 3


def test_a_step_needs_a_function() -> None:
    problem = refused_once(step("last", 3))  # type: ignore[arg-type]
    assert problem.subject == "step 'last', fn"


@pytest.mark.parametrize("option", ["materializer", "error_materializer"])
def test_options_of_the_pipeline_are_checked_too(option: str) -> None:
    assert refused_once(**{option: 3}).subject == option


def test_pipeline_observers_are_checked_too() -> None:
    assert refused_once(observers=[print]).subject == "observers"
