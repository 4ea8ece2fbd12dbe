"""Which steps run together by default, under which name, and what the plan says about it."""

from __future__ import annotations

import pytest

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError
from synaflow_export.plan import PlanOptions, make_plan
from tests.plan.building import contract, groups, step, why


def test_streaming_steps_run_together() -> None:
    plan = make_plan(
        contract(
            step("lines", {"events": "param"}, "stream"),
            step("clean", {"lines": "item"}, "stream"),
            step("load", {"clean": "stream"}, "none"),
        )
    )
    assert groups(plan) == {"load": ("lines", "clean", "load")}
    assert why(plan, "load") == [
        "lines + clean: lines streams to clean, item by item",
        "clean + load: clean streams to load, item by item",
    ]
    assert plan.datasets == ()


def test_a_lazy_consumer_stays_and_a_collecting_one_reads_the_dataset() -> None:
    plan = make_plan(
        contract(
            step("rows", {}, "stream"),
            step("audit", {"rows": "item"}, "none"),
            step("count", {"rows": "list"}),
        )
    )
    assert groups(plan) == {"audit": ("rows", "audit"), "count": ("count",)}
    (rows, count) = plan.datasets
    assert (rows.name, rows.producer_task, rows.consumers) == ("rows", "audit", ("count",))
    assert (rows.representation, rows.codec, rows.type, rows.final) == (
        "items",
        "jsonl",
        "Stream[int]",
        False,
    )
    assert (count.name, count.consumers, count.representation, count.final) == (
        "count",
        (),
        "value",
        True,
    )


def test_a_diamond_of_streams_is_one_group_and_one_of_values_is_four() -> None:
    def diamond(kind: str, form: str) -> Contract:
        return contract(
            step("p", {}, kind),
            step("a", {"p": form}, kind),
            step("b", {"p": form}, kind),
            step("j", {"a": form, "b": form}, "none"),
        )

    assert groups(make_plan(diamond("stream", "item"))) == {"j": ("p", "a", "b", "j")}
    plan = make_plan(diamond("value", "value"))
    assert list(groups(plan)) == ["p", "a", "b", "j"]
    assert plan.task("j").upstream == ("a", "b")


def test_what_is_collected_for_all_does_not_stream() -> None:
    plan = make_plan(
        contract(
            step("a", {}, "stream", force_materialize=True),
            step("b", {"a": "list"}),
            step("c", {"a": "stream", "b": "value"}, "none"),
        )
    )
    assert list(groups(plan)) == ["a", "b", "c"]
    assert plan.datasets[0].consumers == ("b", "c")


def test_a_param_that_a_step_shadows_is_no_edge() -> None:
    plan = make_plan(
        contract(
            step("peek", {"urls": "item"}, "none"),
            step("urls", {"urls": "param"}, "stream"),
            step("fetch", {"urls": "item"}, "none"),
            params=("urls",),
        )
    )
    assert groups(plan) == {"peek": ("peek",), "fetch": ("urls", "fetch")}


def test_params_of_an_include_are_made_by_the_only_macro_task_that_reads_them() -> None:
    plan = make_plan(
        contract(
            step("limit"),
            step("sub__params", {"limit": "value"}, hidden=True, scope=["sub"]),
            step("sub__params__n", {"sub__params": "value"}, hidden=True, scope=["sub"]),
            step("sub__params__m", {"sub__params": "value"}, hidden=True, scope=["sub"]),
            step(
                "sub",
                {"sub__params__n": "value", "sub__params__m": "value"},
                scope=["sub"],
            ),
        )
    )
    assert groups(plan) == {
        "limit": ("limit",),
        "sub": ("sub__params", "sub__params__n", "sub__params__m", "sub"),
    }
    assert why(plan, "sub") == [
        "sub + sub__params + sub__params__n + sub__params__m: the params of the include "
        "'sub' are made where they are read"
    ]


def test_params_that_several_macro_tasks_read_are_one_macro_task() -> None:
    plan = make_plan(
        contract(
            step("sub__params", hidden=True, scope=["sub"]),
            step("sub__params__n", {"sub__params": "value"}, hidden=True, scope=["sub"]),
            step("sub__a", {"sub__params__n": "value"}, scope=["sub"]),
            step("sub", {"sub__params__n": "value", "sub__a": "value"}, scope=["sub"]),
        )
    )
    assert groups(plan) == {
        "sub__params": ("sub__params", "sub__params__n"),
        "sub__a": ("sub__a",),
        "sub": ("sub",),
    }
    assert plan.datasets[0].name == "sub__params__n"


def test_a_label_may_span_steps_that_have_nothing_to_do_with_each_other() -> None:
    plan = make_plan(
        contract(step("a", macro_task="both"), step("m"), step("b", macro_task="both"))
    )
    assert groups(plan) == {"both": ("a", "b"), "m": ("m",)}


def test_a_label_that_is_the_name_of_a_step_elsewhere_numbers_that_one() -> None:
    plan = make_plan(
        contract(
            step("load"), step("x", macro_task="load"), step("load_2"), step("y", macro_task="load")
        )
    )  # fmt: skip
    assert groups(plan) == {"load_3": ("load",), "load": ("x", "y"), "load_2": ("load_2",)}


def test_labels_at_both_ends_of_a_stream_give_one_macro_task_and_a_note() -> None:
    plan = make_plan(
        contract(
            step("a", {}, "stream", macro_task="extract"),
            step("b", {"a": "item"}, "none", macro_task="load"),
        )
    )
    assert groups(plan) == {"load": ("a", "b")}
    assert "the labels 'extract' and 'load' share one macro-task" in plan.reasons[0].text


def test_the_documentation_is_that_of_the_step_that_gives_the_name() -> None:
    plan = make_plan(
        contract(step("a", {}, "stream"), step("b", {"a": "item"}, "none", doc="Write rows."))
    )
    assert plan.macro_tasks[0].doc == "Write rows."


def test_weights_are_shares_and_a_missing_one_is_the_mean() -> None:
    plan = make_plan(
        contract(step("a", progress_weight=0.2), step("b", progress_weight=0.6), step("c"))
    )
    assert [task.weight for task in plan.macro_tasks] == pytest.approx([1 / 6, 1 / 2, 1 / 3], 1e-5)


def test_wrong_options_and_an_empty_pipeline_are_refused_together() -> None:
    with pytest.raises(ExportError) as caught:
        make_plan(contract(), PlanOptions(granularity="task", on_cycle="cut"))  # type: ignore[arg-type]
    codes = sorted(problem.code for problem in caught.value.problems)
    assert codes == ["no-steps", "unknown-choice", "unknown-choice"]
    assert "granularity is 'task', expected one of stream, step, scope, pipeline" in str(
        caught.value
    )
