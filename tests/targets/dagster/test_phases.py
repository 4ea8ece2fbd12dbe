"""Workflows of phases on a real Dagster: an asset for each phase, and a failure undoes them."""

from __future__ import annotations

from pathlib import Path

from tests.phases import exported as workflows
from tests.targets.dagster.running import DefsFolder, Outcome
from tests.targets.dagster.test_rollback import rolled_back


def progress(outcome: Outcome, name: str) -> dict[str, float]:
    """Phase -> share of the run that was done after it, as its asset tells."""
    told = {key: outcome.metadata(key)["progress of the run"] for key in outcome.materialised()}
    return {key.removeprefix(f"{name}/"): share for key, share in told.items()}


def test_the_workflow_of_the_page_is_assets_of_its_phases(defs: DefsFolder) -> None:
    exported = defs.export(workflows.SEED)
    outcome = defs.run(exported)
    assert outcome.success, outcome.errors()
    assert outcome.materialised() == [f"workflow/{phase}" for phase in workflows.PHASES]
    workflows.check_seed(defs.outputs(exported, outcome))


def test_a_failing_phase_undoes_those_before_it(defs: DefsFolder) -> None:
    exported = defs.export(workflows.FAILING_SEED)
    outcome = defs.run(exported)
    assert not outcome.success
    assert outcome.steps("STEP_FAILURE") == ["workflow__enough"]
    assert "3 are too few" in outcome.errors()
    assert "process_data" in defs.references(outcome)
    assert rolled_back(defs, exported, outcome.run_id).success
    assert "process_data" not in defs.references(outcome)


def test_the_upload_of_the_examples_fills_the_store(defs: DefsFolder, tmp_path: Path) -> None:
    outcome = defs.run(defs.export_file(workflows.EXAMPLE), workflows.upload(tmp_path))
    assert outcome.success, outcome.errors()
    assert progress(outcome, "upload_folder") == workflows.UPLOADING
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE


def test_an_upload_is_undone_when_a_later_phase_fails_and_done_again_by_the_next_run(
    defs: DefsFolder, tmp_path: Path
) -> None:
    exported = defs.export(workflows.GUARDED, modules=workflows.MODULES)
    params = workflows.upload(tmp_path, blocked=True)
    failed = defs.run(exported, params)
    assert failed.steps("STEP_FAILURE") == ["guarded__cleanup"]
    assert "3 files, and no index" in failed.errors()
    assert list(progress(failed, "guarded").values())[-1] == workflows.UPLOADING["upload"]
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE[:-1]
    assert rolled_back(defs, exported, failed.run_id).success
    assert workflows.uploaded(tmp_path) == []
    assert defs.dagster.get_run_by_id(failed.run_id).is_failure

    workflows.unblock(tmp_path)
    again = defs.run(exported, params)
    assert again.success, again.errors()
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE
