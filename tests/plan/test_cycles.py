"""Groups that would wait for each other: merged or spilled, and told why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError
from synaflow_export.plan import PlanOptions, make_plan
from tests.plan.building import contract, future, groups, step, why


def trap(**more: object) -> Contract:
    """A is used by B and by D; B's list goes to C and C's result to D."""
    return contract(
        step("A", **more),
        step("B", {"A": "value"}, "list"),
        step("C", {"B": "list"}),
        step("D", {"A": "value", "C": "value"}),
    )


def test_plain_values_are_cut_everywhere() -> None:
    assert groups(make_plan(trap())) == {"A": ("A",), "B": ("B",), "C": ("C",), "D": ("D",)}


def test_an_unserialisable_value_pulls_in_what_lies_between() -> None:
    plan = make_plan(trap(codec=None, output="Future"))
    assert groups(plan) == {"D": ("A", "B", "C", "D")}
    assert why(plan, "D") == [
        "A + B + D: A's value (Future) cannot be serialised",
        "C joined A, B, D: it lies on a path A -> B -> C -> D between steps that must run "
        "together because A's value (Future) cannot be serialised",
    ]
    assert plan.macro_tasks[0].reasons[1].edges == (("B", "C"), ("C", "D"))
    assert [d.name for d in plan.datasets] == ["D"]


def test_a_label_pulls_in_what_lies_between() -> None:
    plan = make_plan(
        contract(
            step("A", macro_task="load"),
            step("B", {"A": "value"}, "list", macro_task="load"),
            step("C", {"B": "list"}),
            step("D", {"A": "value", "C": "value"}, macro_task="load"),
            step("E", {"D": "value"}),
        )
    )
    assert groups(plan) == {"load": ("A", "B", "C", "D"), "E": ("E",)}
    assert why(plan, "load") == [
        "A + B + D: labelled macro_task='load'",
        "C joined A, B, D: it lies on a path B -> C -> D between steps that must run "
        "together because they are labelled macro_task='load'",
    ]
    assert plan.task("E").upstream == ("load",)


def test_two_labels_that_wait_for_each_other_share_a_macro_task_and_say_so() -> None:
    plan = make_plan(
        contract(
            step("a", macro_task="one"),
            step("b", {"a": "value"}, macro_task="two"),
            step("c", {"b": "value"}, macro_task="one"),
            step("d", {"c": "value"}, macro_task="two"),
        )
    )
    assert groups(plan) == {"two": ("a", "b", "c", "d")}
    assert why(plan, "two")[2] == (
        "b, d joined a, c: they lie on a path a -> b -> c between steps that must run "
        "together because they are labelled macro_task='one'"
    )
    assert [reason.text for reason in plan.reasons] == [
        "a + b: the labels 'one' and 'two' share one macro-task, for the reasons given there"
    ]


def test_groups_that_jump_within_each_other_name_both_demands() -> None:
    """{a, d} and {b, c} wait for each other although no single group lies around the other."""
    plan = make_plan(
        contract(
            future("a"),
            step("b", macro_task="two"),
            step("c", {"a": "value"}, macro_task="two"),
            step("d", {"a": "value", "b": "value"}),
        )
    )
    # a's value is unserialisable, so c and d run with it; b is labelled to run with c.
    assert groups(plan) == {"two": ("a", "b", "c", "d")}
    assert [reason.kind for reason in plan.macro_tasks[0].reasons] == ["label", "unserialisable"]

    plan = make_plan(
        contract(
            step("a", macro_task="one"),
            step("b", {"a": "value"}, macro_task="two"),
            step("c", macro_task="two"),
            step("d", {"c": "value"}, macro_task="one"),
        )
    )
    assert groups(plan) == {"one": ("a", "b", "c", "d")}
    assert why(plan, "one")[2] == (
        "b, c joined a, d: they lie on a path a -> b + c -> d between steps that must run "
        "together because they are labelled macro_task='one'; they are labelled macro_task='two'"
    )


def zigzag() -> Contract:
    """x and y stream into joins that w ties together, and y waits for all of x."""
    return contract(
        step("x", {}, "stream"),
        step("w", {}, "stream"),
        step("b", {"x": "list"}),
        step("y", {"b": "value"}, "stream"),
        step("z1", {"x": "stream", "w": "stream"}, "none"),
        step("z2", {"w": "stream", "y": "stream"}, "none"),
    )


def test_merging_is_the_default() -> None:
    plan = make_plan(zigzag())
    assert groups(plan) == {"z2": ("x", "w", "b", "y", "z1", "z2")}
    assert why(plan, "z2")[-1] == (
        "b joined x, w, y, z1, z2: it lies on a path x -> b -> y between steps that must run "
        "together because x streams to z1; w streams to z1; w streams to z2; y streams to z2"
    )


def test_a_stream_that_can_be_stored_is_cut_instead() -> None:
    plan = make_plan(zigzag(), PlanOptions(on_cycle="spill"))
    assert groups(plan) == {"z1": ("x", "w", "z1"), "b": ("b",), "z2": ("y", "z2")}
    assert [reason.text for reason in plan.reasons] == [
        "w -> z2: written to the store instead of streamed: their macro-tasks would wait "
        "for each other (on_cycle='spill')"
    ]
    assert plan.task("z2").upstream == ("z1", "b")


def test_what_cannot_be_cut_is_merged_all_the_same() -> None:
    options = PlanOptions(on_cycle="spill")
    plan = make_plan(trap(codec=None, output="Future"), options)
    assert groups(plan) == {"D": ("A", "B", "C", "D")}
    assert plan.macro_tasks[0].reasons[1].text.startswith("C joined A, B, D: it lies on a path")


def test_a_named_stream_is_written_to_the_store() -> None:
    document = contract(
        step("rows", {}, "stream"),
        step("clean", {"rows": "item"}, "stream"),
        step("load", {"clean": "item"}, "none"),
    )
    plan = make_plan(document, PlanOptions(spill=("rows",)))
    assert groups(plan) == {"rows": ("rows",), "load": ("clean", "load")}
    assert plan.reasons[0].text.endswith("instead of streamed: spill names 'rows'")


def test_a_branch_of_a_join_by_source_item_can_be_spilled() -> None:
    document = contract(
        step("rows", {}, "stream"),
        step("clean", {"rows": "item"}, "stream"),
        step("load", {"clean": "item", "rows": "item"}, "none"),
    )
    plan = make_plan(document, PlanOptions(spill=("clean", "rows")))
    assert list(groups(plan)) == ["rows", "clean", "load"]
    assert [(i.dataset, i.aligned) for i in plan.task("load").inputs] == [
        ("rows", False),
        ("clean", True),
    ]


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("rowz", "nothing-to-spill", "name a step that streams: rows"),
        ("load", "nothing-to-spill", "it streams to no step"),
        ("calls", "unserialisable-boundary", "feeds 'wait' in 'wait', but its type"),
    ],
)
def test_a_stream_that_cannot_be_spilled_is_refused(name: str, code: str, text: str) -> None:
    document = contract(
        step("rows", {}, "stream"),
        step("clean", {"rows": "item"}, "stream"),
        step("calls", {}, "stream", codec=None, output="Stream[Future]"),
        step("wait", {"calls": "stream"}, "none"),
        step("load", {"clean": "item", "rows": "item"}, "none"),
    )
    with pytest.raises(ExportError) as caught:
        make_plan(document, PlanOptions(spill=(name,)))
    assert [problem.code for problem in caught.value.problems] == [code]
    assert text in str(caught.value)


def test_long_pipelines_need_no_deep_recursion_and_short_sentences() -> None:
    size = 3000
    steps = [step("s0", macro_task="x")]
    steps += [step(f"s{i}", {f"s{i - 1}": "value"}) for i in range(1, size)]
    steps.append(step("end", {f"s{size - 1}": "value"}, macro_task="x"))
    (task,) = make_plan(contract(*steps)).macro_tasks
    assert len(task.steps) == size + 1
    assert all(len(reason.text) < 500 for reason in task.reasons)
    assert "... 2993 more ..." in task.reasons[1].text


def test_planning_without_a_cycle_does_not_import_networkx() -> None:
    code = (
        "import sys; from tests.plan.building import contract, step; "
        "from synaflow_export.plan import make_plan; "
        "make_plan(contract(step('a'), step('b', {'a': 'value'}))); "
        "assert 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
