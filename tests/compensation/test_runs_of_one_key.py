"""The runs of a window have one ledger: which of them undoes the work of which."""

from __future__ import annotations

from pathlib import Path

import pytest

from synaflow_core import OnError, Pipeline, pipeline, step
from synaflow_core.compensation import RollbackResult, rollback_run, undone_macro_tasks
from synaflow_core.handoff import HandoffStore
from tests.compensation.world import Refs, lines, run_task, specs, world_pipeline


def run(made: Pipeline, store: HandoffStore, run_id: str, world: Path, count: int = 3) -> None:
    """The first macro-tasks of a run."""
    refs = Refs()
    for spec in specs(made)[:count]:
        run_task(made, spec, refs, store, {"world": str(world)}, run_id=run_id)


def test_what_a_later_run_has_done_is_not_undone_with_an_earlier_one(tmp_path: Path) -> None:
    made, store, world = world_pipeline(), HandoffStore(tmp_path / "store"), tmp_path / "world"
    run(made, store, "monday", world, count=1)
    run(made, store, "tuesday", world)
    before = lines(world)
    assert before[:3] == ["do create1", "undo create1", "do create2"]
    assert rollback_run(made, "r", store, run_id="monday") == RollbackResult(left_to="tuesday")
    assert lines(world) == before
    assert undone_macro_tasks("world", "r", store) == ()
    assert [each.step for each in rollback_run(made, "r", store, run_id="tuesday").undone] == [
        "publish",
        "inserts",
        "create",
    ]


def test_a_run_that_ends_before_it_has_begun_undoes_no_other(tmp_path: Path) -> None:
    made, store, world = world_pipeline(), HandoffStore(tmp_path / "store"), tmp_path / "world"
    run(made, store, "monday", world)
    before = lines(world)
    assert rollback_run(made, "r", store, run_id="cancelled").left_to == "monday"
    assert lines(world) == before


def test_whoever_does_not_say_which_run_undoes_all(tmp_path: Path) -> None:
    made, store, world = world_pipeline(), HandoffStore(tmp_path / "store"), tmp_path / "world"
    run(made, store, "monday", world)
    assert len(rollback_run(made, "r", store).undone) == 3
    run(made, store, "", world)
    assert len(rollback_run(made, "r", store, run_id="monday").undone) == 3


def test_what_is_done_again_with_nothing_to_undo_is_not_missed(tmp_path: Path) -> None:
    """The step fails now, and the run goes on all the same: nobody has to do anything again."""
    failing: list[bool] = []

    def saved() -> int:
        if failing:
            raise OSError("no line")
        return 1

    def unsave(saved: int) -> None:
        pass

    steps = [step("saved", saved, rollback=unsave, on_error=OnError.CONTINUE)]
    made, store = pipeline("p", None, steps), HandoffStore(tmp_path / "store")
    (spec,) = specs(made)
    run_task(made, spec, Refs(), store, {})
    rollback_run(made, "r", store)
    assert undone_macro_tasks("p", "r", store) == (("saved", None),)
    failing.append(True)
    run_task(made, spec, Refs(), store, {})
    assert undone_macro_tasks("p", "r", store) == ()


def test_an_attempt_tells_what_it_goes_on_without_having_undone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The macro-task has kept its name, its step has not."""
    undone: list[int] = []

    def saved() -> int:
        return 1

    def unsave(output: int) -> None:
        undone.append(output)

    old = pipeline("p", None, [step("save", saved, rollback=unsave, macro_task="m")])
    new = pipeline("p", None, [step("store", saved, rollback=unsave, macro_task="m")])
    store = HandoffStore(tmp_path)
    run_task(old, specs(old)[0], Refs(), store, {})
    run_task(new, specs(new)[0], Refs(), store, {})
    (told,) = (record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert "macro-task 'm' goes on, although what step 'save' did before could not be" in told
    assert "no such step any more -> roll back with the code that the run had" in told
    assert [each.step for each in rollback_run(new, "r", store).failed] == ["save"]
    assert [each.step for each in rollback_run(old, "r", store).undone] == ["save"]
