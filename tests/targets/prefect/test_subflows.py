"""Included pipelines as subflows, on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.catalogue import PIPES
from tests.targets.airflow.running import in_process
from tests.targets.prefect.running import FlowFolder

pytestmark = pytest.mark.prefect

NESTED = """
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, include, pipeline, step


    class Rows(NamedTuple):
        rows: list[str]
        folder: str


    def numbers(rows: list[str], folder: str) -> list[int]:
        with Path(folder, "calls").open("a") as calls:
            calls.write("x")
        return [int(row) for row in rows if row.isdecimal()]

    def checked(numbers: list[int], folder: str) -> list[int]:
        if not Path(folder, "open").exists():
            raise ValueError("closed")
        return numbers

    inner = pipeline(
        "inner",
        Rows,
        [
            step("numbers", numbers),
            step("checked", checked, on_error=OnError.STOP),
        ],
        exports="checked",
    )

    def cleaned(rows: list[str], folder: str) -> Rows:
        return Rows(rows, folder)

    def largest(cleaned: list[int]) -> list[int]:
        return [max(cleaned)]

    outer = pipeline(
        "outer",
        Rows,
        [include("cleaned", cleaned, inner), step("largest", largest)],
        exports="largest",
    )


    class Params(NamedTuple):
        folder: str


    def rows() -> list[str]:
        return ["1", "x", "3"]

    def taken(rows: list[str], folder: str) -> Rows:
        return Rows(rows, folder)

    def told(taken: list[int], rows: list[str]) -> str:
        return f"{taken} of {len(rows)}"

    p = pipeline(
        "nested",
        Params,
        [step("rows", rows), include("taken", taken, outer), step("told", told)],
    )
"""


def test_included_pipelines_are_flows_within_the_flow(flows: FlowFolder, tmp_path: Path) -> None:
    exported = flows.export(NESTED)
    (tmp_path / "open").touch()
    params = {"folder": str(tmp_path)}
    outcome = flows.run(exported, params)

    assert outcome.state == "Completed", outcome.message
    assert flows.outputs(exported, outcome) == in_process(exported, params)
    assert {"nested-taken-0", "nested-taken-cleaned-0"} <= set(outcome.tasks)
    assert outcome.artifacts["nested-progress"] == 100.0


def test_inline_they_are_tasks_of_the_flow_itself(flows: FlowFolder, tmp_path: Path) -> None:
    exported = flows.export(NESTED, inline_subflows=True)
    (tmp_path / "open").touch()
    outcome = flows.run(exported, {"folder": str(tmp_path)})
    assert exported.text.count("@flow(") == 1
    assert flows.outputs(exported, outcome) == {"told": "[3] of 3"}


def test_a_failure_inside_fails_the_run_and_a_retried_run_repeats_nothing(
    flows: FlowFolder, tmp_path: Path
) -> None:
    exported = flows.export(NESTED)
    failed = flows.run(exported, {"folder": str(tmp_path)})
    assert failed.state == "Failed"
    assert "pipeline stopped at step 'taken__cleaned'" in failed.message
    (tmp_path / "open").touch()

    outcome = flows.retry(exported, failed)

    assert outcome.state == "Completed", outcome.message
    assert flows.outputs(exported, outcome) == {"told": "[3] of 3"}
    assert (tmp_path / "calls").read_text() == "x"


def test_errors_inside_are_told_by_the_run(flows: FlowFolder, tmp_path: Path) -> None:
    source = NESTED.replace(
        "[int(row) for row in rows if row.isdecimal()]", "[int(r) for r in rows]"
    )
    outcome = flows.run(flows.export(source), {"folder": str(tmp_path)})
    assert outcome.state == "CompletedWithErrors"
    assert outcome.message.startswith("step 'taken__cleaned__numbers' failed; ")


def test_two_includes_of_one_pipeline_are_two_subflows(flows: FlowFolder) -> None:
    exported = flows.export_file(f"{PIPES / 'included.py'}:p")
    outcome = flows.run(exported)
    assert exported.text.count("@flow(") == 3
    assert flows.outputs(exported, outcome) == {"merged": ["A", "B", "c", "d"]}
