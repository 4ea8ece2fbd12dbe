"""Workflows of phases on a real Prefect: a task for each phase, and a failure undoes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.phases import exported as workflows
from tests.targets.prefect.running import FlowFolder

pytestmark = pytest.mark.prefect


def test_the_workflow_of_the_page_is_a_flow_of_its_phases(flows: FlowFolder) -> None:
    exported = flows.export(workflows.SEED)
    outcome = flows.run(exported)
    assert outcome.state == "Completed", outcome.message
    assert outcome.tasks == dict.fromkeys(workflows.PHASES, "Completed")
    workflows.check_seed(flows.outputs(exported, outcome))


def test_a_failing_phase_undoes_those_before_it(
    flows: FlowFolder, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = flows.run(flows.export(workflows.FAILING_SEED))
    assert outcome.state == "Failed"
    assert outcome.tasks["enough"] == "Failed"
    assert "3 are too few" in outcome.messages["enough"]
    assert "rolled back step 'process_data'" in caplog.text


def test_the_upload_of_the_examples_fills_the_store(
    flows: FlowFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = flows.run(flows.export_file(workflows.EXAMPLE), workflows.upload(tmp_path))
    logged = [r for r in caplog.records if r.getMessage() == "step_start {'step': 'upload'}"]
    assert [record.name for record in logged] == ["prefect.task_runs"]  # its log, in the interface
    assert outcome.state == "Completed", outcome.message
    assert outcome.artifacts["upload-folder-progress"] == 100
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE


def test_an_upload_is_undone_when_a_later_phase_fails_and_done_again_by_a_retry(
    flows: FlowFolder, tmp_path: Path
) -> None:
    exported = flows.export(workflows.GUARDED, modules=workflows.MODULES)
    failed = flows.run(exported, workflows.upload(tmp_path, blocked=True))
    assert failed.state == "Failed"
    assert (failed.tasks["upload"], failed.tasks["cleanup"]) == ("Completed", "Failed")
    assert "3 files, and no index" in failed.messages["cleanup"]
    assert workflows.uploaded(tmp_path) == []
    assert failed.artifacts["guarded-progress"] == 95  # the weights of the phases before it

    workflows.unblock(tmp_path)
    retried = flows.retry(exported, failed)
    assert retried.state == "Completed", retried.message
    assert retried.artifacts["guarded-progress"] == 100
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE
    (context,) = flows.outputs(exported, retried).values()
    assert len(context.uploaded) == 3
