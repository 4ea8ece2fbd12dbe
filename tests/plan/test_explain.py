"""The plan for people and other tools: table rows, JSON, Mermaid."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synaflow_core.errors import ExportError
from synaflow_core.macro.task import MacroSpec
from synaflow_export.plan import Plan, make_plan, plan_rows, to_json, to_mermaid
from tests.plan.building import contract, contracts, step

DOCUMENT = contract(
    step("rows", {"events": "param"}, "stream"),
    step("clean", {"rows": "item"}, "stream"),
    step("count", {"clean": "list"}),
    step("report", {"count": "value", "clean": "list"}, "none"),
)


def test_the_table_has_a_row_per_macro_task() -> None:
    clean, count, report = plan_rows(make_plan(DOCUMENT))
    assert (clean.macro_task, clean.steps) == ("clean", ("rows", "clean"))
    assert clean.why == ("rows + clean: rows streams to clean, item by item",)
    (dataset,) = clean.writes
    assert (dataset.name, dataset.type, dataset.codec, dataset.representation) == (
        "clean",
        "Stream[int]",
        "jsonl",
        "items",
    )
    assert (dataset.producer, dataset.consumers, dataset.final) == (
        "clean",
        ("count", "report"),
        False,
    )
    assert (count.reads, count.why) == (("clean",), ())
    assert (report.reads, report.writes) == (("clean", "count"), ())


def test_the_picture_shows_macro_tasks_datasets_and_results() -> None:
    document = contract(*DOCUMENT.steps.items(), step("total", {"count": "value"}))
    assert to_mermaid(make_plan(document)) == (
        "flowchart LR\n"
        '    t0["<b>clean</b><br/>rows<br/>clean"]\n'
        '    t1["count"]\n'
        '    t2["report"]\n'
        '    t3["total"]\n'
        '    t0 -->|"clean: Stream[int], jsonl"| t1\n'
        '    t0 -->|"clean: Stream[int], jsonl"| t2\n'
        '    t1 -->|"count: int, jsonl"| t2\n'
        '    t1 -->|"count: int, jsonl"| t3\n'
        '    t3 --> d2[("total: int, jsonl")]\n'
    )


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
@settings(max_examples=60, deadline=None)
def test_no_name_gets_out_of_its_quotes_in_the_picture(names: list[str]) -> None:
    picture = to_mermaid(make_plan(contract(*[step(name, output=name) for name in names])))
    lines = picture.removesuffix("\n").split("\n")
    assert len(lines) == 1 + 2 * len(names)
    for line in lines[1:]:
        assert re.fullmatch(r'    t\d+(\["[^"`<>]*"\]| --> d\d+\[\("[^"`<>]*"\)\])', line), line
        assert "%%" not in line


def test_json_is_readable_and_reads_back() -> None:
    plan = make_plan(DOCUMENT)
    document = to_json(plan)
    assert document.endswith(b"}\n")
    assert json.loads(document)["macro_tasks"][0]["steps"] == ["rows", "clean"]
    assert Plan.from_json(document) == plan


@given(contracts(max_steps=6))
@settings(max_examples=40, deadline=None)
def test_a_worker_reads_its_part_from_the_json(document: object) -> None:
    try:
        plan = make_plan(document)  # type: ignore[arg-type]
    except ExportError:
        return
    for raw, task in zip(json.loads(to_json(plan))["macro_tasks"], plan.macro_tasks, strict=True):
        spec = msgspec.convert(raw, MacroSpec)
        assert (spec.name, spec.steps, spec.fingerprint) == (
            task.name,
            task.steps,
            plan.fingerprint,
        )
        assert [(i.dataset, i.producer, i.representation) for i in spec.inputs] == [
            (i.dataset, i.producer, i.representation) for i in task.inputs
        ]
        assert [(o.dataset, o.step, o.representation, o.codec, o.final) for o in spec.outputs] == [
            (o.dataset, o.step, o.representation, o.codec, o.final) for o in task.outputs
        ]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "bad-plan"),
        (b"[]", "bad-plan"),
        (b"\xff", "bad-plan"),
        (b'{"plan_version": "x"}', "bad-plan"),
        (to_json(make_plan(DOCUMENT)).replace(b'_version": 1', b'_version": 2'), "newer-plan"),
    ],
)
def test_what_is_no_plan_is_refused(document: bytes, code: str) -> None:
    with pytest.raises(ExportError) as caught:
        Plan.from_json(document)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_an_unknown_macro_task_lists_those_that_exist() -> None:
    with pytest.raises(KeyError, match="no macro-task 'x'; the plan has clean, count, report"):
        make_plan(DOCUMENT).task("x")
