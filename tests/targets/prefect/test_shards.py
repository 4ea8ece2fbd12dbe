"""Sharded macro-tasks as mapped Prefect tasks, on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from synaflow_export.plan.model import PlanOptions
from tests.targets.airflow.running import in_process
from tests.targets.prefect.running import FlowFolder
from tests.targets.test_pylayout import complaints

pytestmark = pytest.mark.prefect

SHARDED = """
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        count: int
        folder: str
        factor: int = 3


    def numbers(count: int) -> list[int]:
        return list(range(count))


    def scored(number: int, factor: int, folder: str) -> int:
        '''Multiply.'''
        with Path(folder, "calls").open("a") as calls:
            calls.write(f"{number} ")
        if number == 7 and not Path(folder, "open").exists():
            Path(folder, "open").touch()
            raise {error}("closed")
        return number * factor


    def total(scored: list[int]) -> int:
        return sum(scored)


    p = pipeline(
        "sharded",
        Params,
        [
            step("numbers", numbers),
            step("scored", scored, shards=4{more}),
            step("total", total),
        ],
    )
"""


def source(error: str = "ValueError", more: str = "") -> str:
    return SHARDED.replace("{error}", error).replace("{more}", more)


def test_shards_give_what_one_task_gives_byte_for_byte(flows: FlowFolder, tmp_path: Path) -> None:
    (tmp_path / "open").touch()
    params = {"count": 10, "folder": str(tmp_path)}
    exported = flows.export(source())
    assert complaints(exported.text) == ""
    outcome = flows.run(exported, params)

    assert outcome.state == "Completed", outcome.message
    assert {name for name in outcome.tasks if name.startswith("scored")} == {
        f"scored {number}/4" for number in (1, 2, 3, 4)
    }
    assert flows.outputs(exported, outcome) == in_process(exported, params)
    assert outcome.reported("sharded-scored")["scored"]["ok"] == 10
    whole = flows.run(
        flows.export(source(), plan=PlanOptions(shards=(("scored", 1),)), id="whole"), params
    )
    assert whole.refs["total"]["digest"] == outcome.refs["total"]["digest"]


@pytest.mark.parametrize("count", [0, 2])
def test_no_row_and_fewer_rows_than_shards(flows: FlowFolder, tmp_path: Path, count: int) -> None:
    exported = flows.export(source())
    params = {"count": count, "folder": str(tmp_path)}
    outcome = flows.run(exported, params)
    assert flows.outputs(exported, outcome) == in_process(exported, params)
    assert len([name for name in outcome.tasks if name.startswith("scored")]) == max(count, 1)


def test_a_shard_that_failed_is_tried_again_alone(flows: FlowFolder, tmp_path: Path) -> None:
    exported = flows.export(source("ConnectionError", ", on_error=OnError.STOP"), retries=1)
    outcome = flows.run(exported, {"count": 8, "folder": str(tmp_path)})
    assert outcome.state == "Completed", outcome.message
    assert [outcome.tries[f"scored {n}/4"] for n in (1, 2, 3, 4)] == [1, 1, 1, 2]
    calls = (tmp_path / "calls").read_text().split()
    assert sorted(calls) == sorted([*map(str, range(8)), "6", "7"])


def test_a_failed_shard_fails_the_run_and_a_retried_run_repeats_only_it(
    flows: FlowFolder, tmp_path: Path
) -> None:
    exported = flows.export(source(more=", on_error=OnError.STOP"))
    failed = flows.run(exported, {"count": 8, "folder": str(tmp_path)})
    assert failed.state == "Failed"
    assert "pipeline stopped at step 'scored'" in failed.message
    assert failed.tasks["join_scored"] == failed.tasks["total"] == "NotReady"

    outcome = flows.retry(exported, failed)
    assert outcome.state == "Completed", outcome.message
    assert [outcome.tasks[f"scored {n}/4"] for n in (1, 2, 3, 4)] == [*["Cached"] * 3, "Completed"]
    assert flows.outputs(exported, outcome) == {"total": 84}


def test_errors_and_thresholds_are_those_of_all_shards_together(
    flows: FlowFolder, tmp_path: Path
) -> None:
    few = flows.run(flows.export(source()), {"count": 8, "folder": str(tmp_path)})
    assert (few.state, few.message) == ("CompletedWithErrors", "step 'scored': 1 error")
    (tmp_path / "open").unlink()
    strict = flows.export(source(more=", error_threshold_absolute=1"))
    many = flows.run(strict, {"count": 8, "folder": str(tmp_path)})
    assert many.state == "Failed"
    assert "step 'scored'" in many.message
