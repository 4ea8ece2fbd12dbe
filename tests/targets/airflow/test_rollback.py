"""Rollbacks on real Airflows: a teardown undoes a run that failed, once, newest step first."""

from __future__ import annotations

from pathlib import Path

import pytest

from synaflow_export.targets.airflow.xcom import AT_WORK_KEY
from tests.targets.airflow.rolling_back import SOURCE, noted
from tests.targets.airflow.running import DagFolder, in_process, on_both

pytestmark = [pytest.mark.airflow, on_both]

DONE = ["load", "send"]
UNDONE = ["undo send receipt", "undo load 10"]


def test_a_failure_in_the_last_task_undoes_the_others_and_the_run_stays_failed(
    dags: DagFolder, tmp_path: Path
) -> None:
    dags.export(SOURCE, retries=2)
    outcome = dags.run("undoing", {"folder": str(tmp_path), "how": "ValueError"})
    assert outcome.state == "failed"
    assert noted(tmp_path) == [*DONE, "publish fails", *UNDONE]
    assert outcome.tasks["publish"] == ("failed", 1)
    assert outcome.tasks["complete"] == ("failed", 1)
    assert outcome.tasks["rollback"] == ("success", 1)
    returned = outcome.xcoms["rollback", "return_value"]
    assert returned == {"undone": ["send", "load"], "before": 0}
    assert "task 'publish' ended as failed" in outcome.output
    assert "INFO rolled back step 'send' of macro-task 'send'" in outcome.log


def test_it_waits_for_the_last_try(dags: DagFolder, tmp_path: Path) -> None:
    dags.export(SOURCE, retries=2)
    outcome = dags.run("undoing", {"folder": str(tmp_path), "how": "OSError"})
    assert outcome.tasks["publish"] == ("failed", 3)
    assert noted(tmp_path) == [*DONE, *["publish fails"] * 3, *UNDONE]


def test_a_run_that_succeeds_is_left_alone(dags: DagFolder, tmp_path: Path) -> None:
    exported = dags.export(SOURCE)
    outcome = dags.run("undoing", {"folder": str(tmp_path)})
    assert outcome.state == "success", outcome.output
    assert outcome.tasks["rollback"][0] == "skipped"
    assert noted(tmp_path) == [*DONE, "publish"]
    assert dags.outputs(exported, outcome) == in_process(exported, {"folder": str(tmp_path)})


def test_a_step_that_skips_is_no_failure(dags: DagFolder, tmp_path: Path) -> None:
    raising = 'raise __import__("airflow").exceptions.AirflowSkipException("not today")'
    source = SOURCE.replace('note(folder, "publish")', raising)
    dags.export(source)
    outcome = dags.run("undoing", {"folder": str(tmp_path)})
    assert outcome.state == "success", outcome.output
    states = {task: state for task, (state, _) in outcome.tasks.items()}
    assert states == {
        "load": "success",
        "send": "success",
        "publish": "skipped",
        "complete": "success",
        "rollback": "skipped",
    }
    assert noted(tmp_path) == DONE


def test_a_rollback_that_fails_is_tried_again_and_the_others_go_on(
    dags: DagFolder, tmp_path: Path
) -> None:
    failing = 'if not (Path(folder) / "again").exists():\n'
    failing += '            (Path(folder) / "again").touch()\n            raise OSError("busy")\n'
    source = SOURCE.replace(
        'note(folder, f"undo send', f'{failing}        note(folder, f"undo send'
    )
    dags.export(source)
    outcome = dags.run("undoing", {"folder": str(tmp_path), "how": "ValueError"})
    assert outcome.state == "failed"
    assert noted(tmp_path) == [*DONE, "publish fails", "undo load 10", "undo send receipt"]
    assert outcome.tasks["rollback"] == ("success", 2)


def test_what_was_done_is_looked_for_though_the_params_fit_no_task(
    dags: DagFolder, tmp_path: Path
) -> None:
    """They may have fitted the tasks: somebody has deployed other ones since."""
    dags.export(SOURCE)
    outcome = dags.run("undoing", {"folder": str(tmp_path), "hwo": "ValueError"})
    assert outcome.state == "failed"
    assert outcome.tasks["rollback"] == ("success", 1)
    assert outcome.xcoms["rollback", "return_value"] == {"undone": [], "before": 0}
    assert noted(tmp_path) == []


def test_nobody_waits_for_a_task_that_failed_before_its_steps_nor_for_one_of_the_owner(
    dags: DagFolder, tmp_path: Path
) -> None:
    exported = dags.export(SOURCE)
    own = """
    @task
    def own():
        raise ValueError("not of the export")

    own() >> undone
"""
    exported.dag_file.write_text(
        exported.text.replace("    # Airflow shows", f"{own}    # Airflow shows")
    )
    plan = exported.dag_file.with_name("undoing") / "plan.json"
    plan.write_text(plan.read_text().replace('"publish"', '"published"'))
    outcome = dags.run("undoing", {"folder": str(tmp_path)})
    assert {outcome.tasks[name][0] for name in ("own", "publish")} == {"failed"}
    assert "has no macro-task 'publish'" in outcome.output
    assert outcome.tasks["rollback"] == ("success", 1), outcome.output
    assert noted(tmp_path) == [*DONE, *UNDONE]
    assert "waiting for the end of" not in outcome.log
    words = {task: word for (task, key), word in outcome.xcoms.items() if key == AT_WORK_KEY}
    ended = dict.fromkeys(("load", "send", "publish"), False)
    assert words == (ended if dags.airflow.version == "3" else {})


SHARDED = """
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        folder: str


    def rows(folder: str) -> list[int]:
        return list(range(8))


    def sent(row: int, folder: str) -> int:
        if row == 4:
            raise ValueError("this one cannot be sent")
        (Path(folder) / f"{row}.sent").touch()
        return row


    def unsend(sent: list[int], folder: str) -> None:
        for row in sent:
            (Path(folder) / f"{row}.sent").rename(Path(folder) / f"{row}.undone")


    p = pipeline(
        "undoing",
        Params,
        [
            step("rows", rows),
            step("sent", sent, shards=4, on_error=OnError.STOP, rollback=unsend),
        ],
    )
"""


def test_one_shard_that_fails_has_all_shards_undone(dags: DagFolder, tmp_path: Path) -> None:
    dags.export(SHARDED, retries=1)
    outcome = dags.run("undoing", {"folder": str(tmp_path)})
    assert outcome.state == "failed"
    assert outcome.tasks["sent[2]"] == ("failed", 1)
    assert outcome.tasks["rollback"] == ("success", 1), outcome.output
    names = sorted(path.name for path in tmp_path.iterdir() if path.suffix)
    assert names == [f"{row}.undone" for row in (0, 1, 2, 3, 6, 7)]


def test_steps_that_are_called_like_the_tasks_of_the_run_keep_their_names(
    dags: DagFolder, tmp_path: Path
) -> None:
    source = SOURCE.replace('"load", load,', '"complete", load,').replace(
        '"publish", publish', '"rollback", publish'
    )
    source = source.replace("load: list[int]", "complete: list[int]").replace(
        "(load)", "(complete)"
    )
    exported = dags.export(source)
    outcome = dags.run("undoing", {"folder": str(tmp_path)})
    assert outcome.state == "success", outcome.output
    assert dags.outputs(exported, outcome) == {"rollback": "RECEIPT"}
    assert len(outcome.tasks) == 5


def test_the_time_limit_of_tasks_is_none_of_the_rollback(dags: DagFolder) -> None:
    dags.export(SOURCE, timeout="1h")
    tasks = dags.describe("undoing")["tasks"]
    limits = {name: task["execution_timeout"] for name, task in tasks.items()}
    assert limits.pop("rollback") is None
    assert set(limits.values()) == {3600}
