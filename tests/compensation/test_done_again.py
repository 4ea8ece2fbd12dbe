"""What is done again while its run is being undone waits for the end of that."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

import pytest

from synaflow_core.compensation import rollback_at_work
from synaflow_core.compensation.alive import this_process
from synaflow_export.runtime.rollback import roll_back
from synaflow_export.runtime.running import run_exported
from tests.compensation.test_at_work import PIPE, LettingGo, Run, until

SLOW = PIPE.replace(
    'note(folder, "unsave")',
    """note(folder, "undoing")
    for _ in range(3000):
        if (Path(folder) / "go on").exists():
            break
        time.sleep(0.01)
    note(folder, "unsave")""",
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, SLOW)


def save(run: Run) -> None:
    run_exported(run.exported, "save", run.place, params={"folder": str(run.folder)}, inputs={})


def undo(run: Run) -> None:
    roll_back(run.exported, run.place)


@pytest.mark.skipif(not this_process(), reason="the system does not tell of processes")
def test_a_task_waits_for_a_rollback_that_is_at_work_here(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    save(run)
    run.logger.addHandler(handler := LettingGo(run, "the rollback of the run"))
    caplog.set_level(logging.INFO)
    rollback = threading.Thread(target=undo, args=(run,))
    rollback.start()
    until(lambda: run.log() == ["save", "undoing"])
    save(run)
    rollback.join()
    run.logger.removeHandler(handler)
    assert run.log() == ["save", "undoing", "unsave", "save"]
    assert rollback_at_work("p", "r", run.store) is False


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_task_does_not_wait_for_ever_for_a_rollback_that_was_killed(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    elsewhere: bool,
) -> None:
    if elsewhere:
        there = this_process().replace("/pid:", "/another:") or "another"
        monkeypatch.setattr("synaflow_core.compensation.ledger.this_process", lambda: there)
        monkeypatch.setattr("synaflow_export.runtime.running.PATIENCE", 0.1)
    elif not this_process():
        pytest.skip("the system does not tell of processes")
    save(run)
    child = os.fork()
    if not child:
        undo(run)
        os._exit(0)
    until(lambda: run.log() == ["save", "undoing"])
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert rollback_at_work("p", "r", run.store) is (None if elsewhere else False)
    run.let_go()
    save(run)
    assert run.log() == ["save", "undoing", "undoing", "unsave", "save"]
    assert caplog.text.count("the rollback of the run: no word of its end") == elsewhere
    save(run)  # nor does anybody wait again
    assert caplog.text.count("the rollback of the run: no word of its end") == elsewhere


def test_a_word_that_the_store_did_not_take_is_waited_for_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The process of the rollback may be there for days: that of a worker of Prefect."""
    monkeypatch.setattr("synaflow_export.runtime.running._AN_HOUR", 0.1)
    monkeypatch.setattr("synaflow_export.runtime.running.PATIENCE", 0.1)
    run.let_go()
    save(run)
    undo(run)
    (word,) = sorted((run.folder / "store").rglob("*.run.*.ended"))
    word.unlink()
    for _ in range(2):
        save(run)
    assert caplog.text.count("the rollback of the run: no word of its end") == 1
