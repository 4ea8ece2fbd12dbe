"""Which steps run as shards, what is sliced, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError
from synaflow_export.plan import GRANULARITIES, Plan, PlanOptions, Shards, make_plan
from tests.plan.building import contract, contracts, groups, step


def plan_of(document: Contract, **shards: Any) -> Plan:
    return make_plan(document, PlanOptions(shards=tuple(shards.items())))


def refusal(document: Contract, options: PlanOptions) -> dict[str, str]:
    with pytest.raises(ExportError) as caught:
        make_plan(document, options)
    return {problem.code: problem.message for problem in caught.value.problems}


CHAIN = (
    step("rows", {}, "stream"),
    step("parse", {"rows": "item"}, "stream"),
    step("clean", {"parse": "item"}, "stream"),
    step("load", {"clean": "stream"}),
)


@pytest.mark.parametrize("named", ["parse", "clean"])
def test_the_whole_chain_of_each_steps_is_sharded_whichever_is_named(named: str) -> None:
    plan = plan_of(contract(*CHAIN), **{named: 8})
    assert groups(plan) == {"rows": ("rows",), "clean": ("parse", "clean"), "load": ("load",)}
    assert plan.task("clean").shards == Shards("rows", 8, 100_000, 1_000)
    assert [t.shards for t in plan.macro_tasks if t.name != "clean"] == [None, None]
    assert [reason.text for reason in plan.reasons] == [
        f"rows -> parse: written to the store instead of streamed: {named} runs in shards",
        f"clean -> load: written to the store instead of streamed: {named} runs in shards",
    ]
    assert Plan.from_json(plan.to_json()) == plan


def test_what_the_code_asks_for_and_what_the_options_change() -> None:
    steps = list(CHAIN)
    steps[1] = step("parse", {"rows": "item"}, "stream", shards=3)
    document = contract(*steps)
    asked = make_plan(document).task("clean").shards
    assert asked is not None
    assert asked.count == 3
    assert plan_of(document, parse=1).task("load").shards is None
    options = PlanOptions(shards=(("parse", "auto"),), rows_per_shard=10, max_shards=7)
    assert make_plan(document, options).task("clean").shards == Shards("rows", None, 10, 7)


def test_a_plan_from_before_shards_is_read() -> None:
    plan = make_plan(contract(*CHAIN))
    old = plan.to_json().replace(b',\n      "shards": null', b"")
    assert b"shards" not in old
    assert Plan.from_json(old) == plan


def test_siblings_are_only_in_the_region_where_items_pass_between_them() -> None:
    document = contract(
        step("rows", {}, "stream"),
        step("a", {"rows": "item"}, "stream", on_error="stop"),
        step("b", {"rows": "item"}, "stream", on_error="stop"),
        step("apart", {"rows": "item"}, "none"),
        step("join", {"a": "item", "b": "item", "rows": "item"}, "stream"),
        step("total", {"join": "stream"}),
    )
    plan = plan_of(document, a=2)
    assert groups(plan) == {
        "apart": ("rows", "apart"),
        "join": ("a", "b", "join"),
        "total": ("total",),
    }


def test_a_zip_of_independent_streams_is_where_a_region_ends() -> None:
    document = contract(
        step("p", {}, "stream"),
        step("q", {}, "stream"),
        step("a", {"p": "item"}, "stream"),
        step("zip", {"a": "item", "q": "item"}, "stream"),
        step("after", {"zip": "item"}, "stream"),
        step("end", {"after": "list"}),
    )
    assert groups(plan_of(document, a=2))["a"] == ("a",)
    assert groups(plan_of(document, after=2))["after"] == ("after",)
    told = refusal(document, PlanOptions(shards=(("zip", 2),)))
    assert "several independent sources (p, q)" in told["shards-several-sources"]


def test_streams_around_a_region_are_given_up_where_they_would_make_a_cycle() -> None:
    document = contract(
        step("rows", {}, "stream"),
        step("work", {"rows": "item"}, "stream"),
        step("both", {"rows": "stream", "work": "stream"}),
    )
    plan = plan_of(document, work=2)
    assert groups(plan) == {"rows": ("rows",), "work": ("work",), "both": ("both",)}
    assert (
        "rows -> both: written to the store instead of streamed: "
        "their macro-tasks would wait for each other"
    ) in [reason.text for reason in plan.reasons]


def test_an_included_pipeline_stays_together_without_its_shards() -> None:
    document = contract(
        step("sub__rows", {}, "stream", scope=["sub"]),
        step("sub__work", {"sub__rows": "item"}, "stream", scope=["sub"], shards=2),
        step("sub__note", {"sub__rows": "stream"}, scope=["sub"]),
        step("sub", {"sub__work": "list"}, scope=["sub"]),
    )
    plan = make_plan(document, PlanOptions(granularity="scope"))
    assert groups(plan) == {
        "sub__note": ("sub__rows", "sub__note"),
        "sub__work": ("sub__work",),
        "sub": ("sub",),
    }


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"rows": 2}, "shards-need-each", "this one is called once"),
        ({"nowhere": 2}, "unknown-step", "no step of the pipeline has this name"),
        ({"parse": 2000}, "shard-count", "there may be 1 to 1,000"),
        ({"parse": 0}, "shard-count", "0 shards were asked for"),
        ({"parse": 2, "clean": 3}, "shards-differ", "different numbers of them: 2 and 3"),
    ],
)
def test_requests_that_make_no_sense(change: dict[str, int], code: str, told: str) -> None:
    assert told in refusal(contract(*CHAIN), PlanOptions(shards=tuple(change.items())))[code]


def test_options_that_make_no_sense() -> None:
    options = PlanOptions(shards=(("parse", 2),), rows_per_shard=-1, max_shards=0)
    assert set(refusal(contract(*CHAIN), options)) >= {"bad-number", "no-auto-shards"}
    whole = PlanOptions("pipeline", shards=(("parse", 2),))
    assert "runs everything in one task" in refusal(contract(*CHAIN), whole)["shards-in-one-task"]


def test_code_that_asks_for_shards_runs_in_one_task_all_the_same() -> None:
    steps = list(CHAIN)
    steps[1] = step("parse", {"rows": "item"}, "stream", shards=3)
    plan = make_plan(contract(*steps), PlanOptions("pipeline"))
    assert [task.shards for task in plan.macro_tasks] == [None]
    assert [reason.text for reason in plan.reasons] == [
        "parse: shards=3 has no effect with granularity 'pipeline'"
    ]


@pytest.mark.parametrize(
    ("steps", "code", "told"),
    [
        (
            (
                step("rows", {}, "stream", codec=None, output="Stream[Future]"),
                step("work", {"rows": "item"}, "stream", shards=2),
            ),
            "shards-unserialisable",
            "'rows' feeds 'work', and its output (Stream[Future]) cannot be serialised",
        ),
        (
            (
                step("rows", {}, "stream"),
                step("work", {"rows": "item"}, "stream", codec=None, shards=2),
                step("end", {"work": "list"}),
            ),
            "shards-unserialisable",
            "'work' feeds 'end'",
        ),
        (
            (
                step("rows", {}, "stream", macro_task="etl"),
                step("work", {"rows": "item"}, "stream", macro_task="etl", shards=2),
            ),
            "shards-label",
            "labelled macro_task='etl', as is 'rows'",
        ),
        (
            (step("work", {"events": "item"}, "stream", shards=2),),
            "shards-of-a-param",
            "its items come from the param 'events'",
        ),
        (
            (
                step("start", {}, macro_task="ends"),
                step("rows", {"start": "value"}, "stream"),
                step("work", {"rows": "item"}, "stream", shards=2),
                step("end", {"work": "list"}, macro_task="ends"),
            ),
            "shards-cycle",
            "between steps that must run together because they are labelled macro_task='ends'",
        ),
    ],
)
def test_what_ties_a_region_to_other_steps(steps: Any, code: str, told: str) -> None:
    assert told in refusal(contract(*steps), PlanOptions())[code]


@given(contracts(), st.sampled_from(GRANULARITIES[:3]), st.integers(0, 13))
@settings(max_examples=200, deadline=None)
def test_a_sharded_plan_keeps_the_rules(document: Contract, granularity: Any, chosen: int) -> None:
    each = [name for name, s in document.steps.items() if s.mode == "each"]
    if not each:
        return
    name = each[chosen % len(each)]
    try:
        plan = make_plan(document, PlanOptions(granularity, shards=((name, 4),)))
    except ExportError:
        return
    (task,) = (t for t in plan.macro_tasks if t.shards is not None)
    assert name in task.steps
    assert all(document.steps[s].mode == "each" for s in task.steps)
    assert task.shards is not None
    assert task.shards.dataset in {entry.dataset for entry in task.inputs}
    by_item = {
        dep
        for s in task.steps
        for dep, form in document.steps[s].delivery.items()
        if form == "item" and dep not in task.steps
    }
    assert by_item == {task.shards.dataset}
    written = {output.dataset for output in task.outputs}
    for other, declared in document.steps.items():
        if other not in task.steps:
            assert set(declared.delivery) & set(task.steps) <= written
