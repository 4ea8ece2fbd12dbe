"""A rollback waits for what is still at work, and not for what was killed."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from synaflow_core import SynaflowError
from synaflow_core.compensation import attempts_at_work, rollback_run
from synaflow_core.compensation.alive import is_alive, this_process
from synaflow_core.errors import ParamsError, SupersededError
from synaflow_core.handoff import HandoffStore
from synaflow_core.handoff.prune import prunable
from synaflow_export.loading.load import load
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.rollback import roll_back
from synaflow_export.runtime.running import Place, returned, run_exported

PIPE = """
import time
from pathlib import Path
from typing import NamedTuple
from synaflow_core import OnError, pipeline, step

class Params(NamedTuple):
    folder: str

def note(folder: str, text: str) -> None:
    with (Path(folder) / "log").open("a") as log:
        log.write(text + "\\\\n")

def save(folder: str) -> str:
    note(folder, "save")
    return folder

def unsave(save: str, folder: str) -> None:
    note(folder, "unsave")

def send(save: str, folder: str) -> int:
    (Path(folder) / "begun").touch()
    while not (Path(folder) / "go on").exists():
        time.sleep(0.01)
    note(folder, "send")
    return 1

p = pipeline("p", Params, [
    step("save", save, rollback=unsave),
    step("send", send, on_error=OnError.STOP),
])
""".replace("\\\\", "\\")


class Run:
    """A run of an export; its second macro-task goes on for as long as it is not let go."""

    def __init__(self, folder: Path, pipe: str = PIPE) -> None:
        export = folder / "export"
        (export / "src").mkdir(parents=True)
        (export / "src" / "pipe.py").write_text(pipe)
        contract = load(str(export / "src" / "pipe.py"), None).contract
        (export / "contract.json").write_bytes(contract.to_json())
        (export / "plan.json").write_bytes(make_plan(contract, PlanOptions()).to_json())
        self.folder = folder
        self.exported = Exported(export)
        self.logger = logging.getLogger("synaflow.test")
        url = str(folder / "store")
        self.store = HandoffStore(url)
        self.place = Place(url, folder, "r", self.logger, lambda report: None)
        self.failure: SynaflowError | None = None

    def tasks(self) -> None:
        refs: dict[str, Any] = {}
        params = {"folder": str(self.folder)}
        try:
            for name in ("save", "send"):
                _, result = run_exported(
                    self.exported, name, self.place, params=params, inputs=refs
                )
                refs |= {dataset: returned(ref) for dataset, ref in result.refs.items()}
        except SynaflowError as error:
            self.failure = error

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Its tasks are at work beside the block, and end after it at the latest."""
        tasks = threading.Thread(target=self.tasks)
        tasks.start()
        self.until_begun()
        try:
            yield
        finally:
            self.let_go()
            tasks.join()

    def until_begun(self) -> None:
        until((self.folder / "begun").exists)

    def let_go(self) -> None:
        (self.folder / "go on").touch()

    def log(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()

    def at_work(self) -> tuple[tuple[str, int | None], ...]:
        return attempts_at_work("p", "r", self.store)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


class LettingGo(logging.Handler):
    """Lets a task or a rollback go on when somebody says that they wait for it."""

    def __init__(self, run: Run, what: str = "macro-task 'send'") -> None:
        super().__init__()
        self.run = run
        self.what = what

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == f"waiting for the end of {self.what}":
            self.run.let_go()


def test_a_rollback_waits_until_all_has_ended(run: Run) -> None:
    handler = LettingGo(run)
    run.logger.addHandler(handler)
    run.logger.setLevel(logging.INFO)
    try:
        with run.beside():
            assert run.at_work() == (("send", None),)
            assert roll_back(run.exported, run.place, patience=60).complete
    finally:
        run.logger.removeHandler(handler)
    assert run.log() == ["save", "send", "unsave"]
    assert run.failure is None
    assert run.at_work() == ()


def test_what_goes_on_for_too_long_makes_nothing_visible_afterwards(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with run.beside():
        assert roll_back(run.exported, run.place, patience=0).complete
        assert "macro-task 'send': no word of its end in 0 s" in caplog.text
        assert run.at_work() == ()  # it was waited for once
    assert run.log() == ["save", "unsave", "send"]
    assert isinstance(run.failure, SupersededError)
    assert "its run was rolled back while this attempt of macro-task 'send'" in str(run.failure)


@pytest.mark.skipif(not this_process(), reason="the system does not tell of processes")
def test_nobody_waits_for_what_was_killed_here(run: Run) -> None:
    child = os.fork()
    if not child:
        run.tasks()
        os._exit(0)
    run.until_begun()
    assert run.at_work() == (("send", None),)
    os.kill(child, signal.SIGKILL)
    until(lambda: run.at_work() == ())  # a zombie is gone
    os.waitpid(child, 0)
    assert run.at_work() == ()


def test_what_was_killed_elsewhere_is_waited_for_once(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = this_process().replace("/pid:", "/another:") or "another"
    monkeypatch.setattr("synaflow_core.compensation.ledger.this_process", lambda: elsewhere)
    child = os.fork()
    if not child:
        run.tasks()
        os._exit(0)
    run.until_begun()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert run.at_work() == (("send", None),)
    with run.exported.pipeline() as pipeline:
        assert rollback_run(pipeline, "r", run.store).complete
    assert run.at_work() == ()


def test_a_ledger_that_does_not_tell_what_is_at_work_hinders_no_rollback(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with run.beside():
        fence = max((run.folder / "store").rglob("*.fence"))
        fence.unlink()
        fence.mkdir()
        assert roll_back(run.exported, run.place, patience=60).complete
    assert run.log() == ["save", "unsave", "send"]
    assert "cannot tell what is still at work" in caplog.text


def test_a_process_is_named_by_more_than_its_number() -> None:
    me = this_process()
    if me:
        assert is_alive(me) is True
        assert is_alive(me + "0") is False  # the number is that of a later process
    for other in ("", "another/pid:[1]/1/2", "nonsense"):
        assert is_alive(other) is None


def test_an_attempt_that_cannot_begin_has_ended_and_its_traces_can_be_pruned(run: Run) -> None:
    with pytest.raises(ParamsError):
        run_exported(run.exported, "save", run.place, params={"folder": 1}, inputs={})
    assert run.at_work() == ()
    (old,) = prunable(run.store.url, timedelta(0))
    assert (old.pipeline, old.run_key, old.what) == ("p", "r", "run")


def test_a_fence_that_is_damaged_does_not_keep_a_run_from_being_rolled_back(run: Run) -> None:
    with run.beside():
        for file in (run.folder / "store").rglob("*.fence"):
            file.write_bytes(file.read_bytes()[:5])  # some storages show half of a file
        assert run.at_work() == (("(unknown)", None),)
        assert roll_back(run.exported, run.place, patience=0).complete
    assert run.log() == ["save", "unsave", "send"]
