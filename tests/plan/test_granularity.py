"""What the granularities other than the default keep together and what they cut."""

from __future__ import annotations

import pytest

from synaflow_export.plan import PlanOptions, make_plan
from tests.plan.building import contract, groups, step, why


def test_step_cuts_every_stream_that_can_be_stored() -> None:
    document = contract(
        step("lines", {}, "stream"),
        step("start", {"lines": "item"}, "stream", output="Stream[Future]", codec=None),
        step("wait", {"start": "stream"}, "stream"),
        step("load", {"wait": "item"}, "none"),
    )
    plan = make_plan(document, PlanOptions(granularity="step"))
    assert groups(plan) == {"lines": ("lines",), "wait": ("start", "wait"), "load": ("load",)}
    assert why(plan, "wait") == ["start + wait: start's items (Future) cannot be serialised"]
    assert [reason.text for reason in plan.reasons] == [
        "lines -> start: written to the store instead of streamed: granularity 'step'",
        "wait -> load: written to the store instead of streamed: granularity 'step'",
    ]


@pytest.mark.parametrize(("on_error", "aligned"), [("continue", True), ("stop", False)])
def test_branches_joined_by_source_item_keep_positions_if_one_may_drop(
    on_error: str, aligned: bool
) -> None:
    document = contract(
        step("p", {}, "stream"),
        step("a", {"p": "item"}, "stream", on_error=on_error),
        step("a2", {"a": "item"}, "stream", on_error="stop"),
        step("b", {"p": "item"}, "stream", on_error="stop"),
        step("j", {"a2": "item", "b": "item"}, "stream", on_error="stop"),
        step("sink", {"j": "item"}, "none"),
    )
    plan = make_plan(document, PlanOptions(granularity="step"))
    assert list(groups(plan)) == ["p", "a", "a2", "b", "j", "sink"]
    assert {d.name for d in plan.datasets if d.aligned} == ({"a", "a2", "b"} if aligned else set())
    for task in plan.macro_tasks:
        positions = {i.dataset for i in task.inputs if i.aligned}
        assert positions == {
            d.name for d in plan.datasets if d.aligned and task.name in d.consumers
        }
    fused = make_plan(document, PlanOptions(granularity="stream"))
    assert not any(d.aligned for d in fused.datasets)


def test_a_join_with_its_own_source_and_a_zip_of_two_sources() -> None:
    joined = contract(
        step("a", {"events": "item"}, "stream"),
        step("j", {"a": "item", "events": "item"}, "none"),
    )
    plan = make_plan(joined, PlanOptions(granularity="step"))
    assert [(d.name, d.aligned) for d in plan.datasets] == [("a", True)]
    zipped = contract(
        step("a", {"events": "item"}, "stream"),
        step("b", {"others": "item"}, "stream"),
        step("z", {"a": "item", "b": "item"}, "none"),
        params=("events", "others"),
    )
    plan = make_plan(zipped, PlanOptions(granularity="step"))
    assert len(plan.macro_tasks) == 3
    assert not any(d.aligned for d in plan.datasets)


def test_a_zip_that_may_drop_is_a_source_with_positions_of_its_own() -> None:
    document = contract(
        step("p", {}, "stream"),
        step("q", {}, "stream"),
        step("z", {"p": "item", "q": "item"}, "stream"),
        step("a", {"z": "item"}, "stream"),
        step("j", {"a": "item", "z": "item"}, "none"),
    )
    plan = make_plan(document, PlanOptions(granularity="step"))
    assert [d.name for d in plan.datasets if d.aligned] == ["z", "a"]


def test_scope_keeps_each_included_pipeline_together_and_apart() -> None:
    document = contract(
        step("rows", {}, "stream"),
        step("sub__clean", {"rows": "item"}, "stream", scope=["sub"]),
        step("sub__inner__check", {"sub__clean": "list"}, scope=["sub", "inner"]),
        step("sub", {"sub__clean": "list", "sub__inner__check": "value"}, scope=["sub"]),
        step("load", {"sub": "value"}, "none"),
    )
    plan = make_plan(document, PlanOptions(granularity="scope"))
    assert groups(plan) == {
        "rows": ("rows",),
        "sub": ("sub__clean", "sub__inner__check", "sub"),
        "load": ("load",),
    }
    assert why(plan, "sub") == [
        "sub__clean + sub__inner__check + sub: granularity 'scope' keeps the included "
        "pipeline 'sub' together"
    ]
    assert groups(make_plan(document))["sub__clean"] == ("rows", "sub__clean")


def test_scope_pulls_in_what_lies_between() -> None:
    document = contract(
        step("sub__a", scope=["sub"]),
        step("outside", {"sub__a": "value"}),
        step("sub", {"sub__a": "value", "outside": "value"}, scope=["sub"]),
    )
    plan = make_plan(document, PlanOptions(granularity="scope"))
    assert groups(plan) == {"sub": ("sub__a", "outside", "sub")}
    assert why(plan, "sub")[1].endswith("because they belong to the included pipeline 'sub'")


def test_pipeline_is_one_group_whatever_is_asked_inside() -> None:
    document = contract(
        step("a", {}, "stream", macro_task="x"),
        step("b", {"a": "list"}, macro_task="y"),
        step("c", scope=["sub"]),
    )
    plan = make_plan(document, PlanOptions(granularity="pipeline"))
    assert groups(plan) == {"y": ("a", "b", "c")}
    assert why(plan, "y") == ["a + b + c: granularity 'pipeline' runs everything together"]
    assert plan.reasons == ()
