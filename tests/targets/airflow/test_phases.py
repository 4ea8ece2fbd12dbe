"""Workflows of phases on real Airflows: a task for each phase, and a failure undoes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.phases import exported as workflows
from tests.targets.airflow.running import DagFolder, on_both

pytestmark = [pytest.mark.airflow, on_both]


def test_the_workflow_of_the_page_is_a_dag_of_its_phases(dags: DagFolder) -> None:
    exported = dags.export(workflows.SEED)
    outcome = dags.run("workflow")
    assert outcome.state == "success", outcome.output
    assert {outcome.tasks[phase] for phase in workflows.PHASES} == {("success", 1)}
    assert outcome.tasks["rollback"][0] == "skipped"
    workflows.check_seed(dags.outputs(exported, outcome))


def test_a_failing_phase_undoes_those_before_it(dags: DagFolder) -> None:
    dags.export(workflows.FAILING_SEED)
    outcome = dags.run("workflow")
    assert outcome.state == "failed"
    assert outcome.tasks["enough"] == ("failed", 1)
    assert "3 are too few" in outcome.output
    assert outcome.xcoms["rollback", "return_value"]["undone"] == ["process_data"]


def test_the_upload_of_the_examples_fills_the_store(dags: DagFolder, tmp_path: Path) -> None:
    dags.export_file(workflows.EXAMPLE)
    outcome = dags.run("upload_folder", workflows.upload(tmp_path))
    assert outcome.state == "success", outcome.output
    for phase, share in workflows.UPLOADING.items():
        told = f"macro-task '{phase}' is done; with what it needs it is {share:.0%} of the run"
        assert told in outcome.log
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE


def test_an_upload_is_undone_when_a_later_phase_fails(dags: DagFolder, tmp_path: Path) -> None:
    dags.export(workflows.GUARDED, modules=workflows.MODULES)
    params = workflows.upload(tmp_path, blocked=True)
    outcome = dags.run("guarded", params)
    assert outcome.state == "failed"
    assert outcome.tasks["upload"] == ("success", 1)
    assert "3 files, and no index" in outcome.output
    assert "it is 95% of the run" in outcome.log
    assert "it is 100% of the run" not in outcome.log
    assert outcome.xcoms["rollback", "return_value"]["undone"] == ["upload"]
    assert workflows.uploaded(tmp_path) == []

    workflows.unblock(tmp_path)
    assert dags.run("guarded", params).state == "success"
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE
