"""The parts of the worker side that all orchestrators share."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import ClassVar

import pytest

from synaflow_core.engine import StepReport
from synaflow_core.errors import (
    DefinitionError,
    DriftError,
    HandoffError,
    LockstepDeadlockError,
    LossyValueError,
    ParamsError,
    PipelineStopException,
    Problem,
    SupersededError,
    SynaflowError,
    ThresholdExceededException,
)
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.portable import portable
from synaflow_export.runtime.progress import line_of, progress_lines, report_values
from synaflow_export.runtime.retry import worth_retrying
from synaflow_export.runtime.storage import open_store


class _BothAtOnceError(ConnectionError, ValueError):
    """As ``requests.JSONDecodeError`` is both a RequestException (an OSError) and a ValueError."""


class _LibraryError(Exception):
    pass


def stopped_by(cause: BaseException) -> PipelineStopException:
    return PipelineStopException("step", cause)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ParamsError("title", []), False),
        (DefinitionError("title", []), False),
        (DriftError("other code"), False),
        (LossyValueError("a set in a dict"), False),
        (LockstepDeadlockError("stuck"), False),
        (SupersededError("its run was rolled back"), False),
        (ThresholdExceededException("step", 5, 5, 5), False),
        (HandoffError("the store does not answer"), True),
        (ConnectionError("refused"), True),
        (MemoryError(), True),
        (stopped_by(ValueError("bad row")), False),
        (stopped_by(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")), False),
        (stopped_by(KeyError("column")), False),
        (stopped_by(ZeroDivisionError()), False),
        (stopped_by(NotImplementedError()), False),
        (stopped_by(ModuleNotFoundError("no pandas here")), False),
        (stopped_by(RecursionError()), False),
        (stopped_by(LossyValueError("a set in a dict")), False),
        (stopped_by(TimeoutError()), True),
        (stopped_by(FileNotFoundError("not there yet")), True),
        (stopped_by(_BothAtOnceError()), True),
        (stopped_by(_LibraryError()), True),
        (stopped_by(RuntimeError()), True),
        (stopped_by(MemoryError()), True),
    ],
    ids=repr,
)
def test_what_may_pass_is_worth_a_retry(error: BaseException, again: bool) -> None:
    assert worth_retrying(error) is again


def report(name: str, ok: int, errors: int = 0, **further: object) -> StepReport:
    values = {"status": "ok", "skipped": 0, "duration": 1.25, **further}
    return StepReport(name=name, ok=ok, errors=errors, **values)  # type: ignore[arg-type]


class Snapshots:
    """Stands where an engine's monitor does; says when it was looked at for the last time."""

    def __init__(self, *snapshots: list[StepReport]) -> None:
        self._left = list(snapshots)
        self.exhausted = threading.Event()

    weighted = False

    def snapshot(self) -> list[StepReport]:
        if len(self._left) > 1:
            return self._left.pop(0)
        self.exhausted.set()
        return self._left[0]


def test_a_progress_line_tells_what_moved_and_nothing_when_nothing_did(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    first = [report("read", 1200), report("parse", 1100, 100), report("write", 0)]
    second = [report("read", 1200), report("parse", 1101, 101), report("write", 0)]
    monitor = Snapshots([], first, first, second, second)
    before = set(threading.enumerate())
    with progress_lines(monitor, logging.getLogger("t"), every=0.001):  # type: ignore[arg-type]
        assert monitor.exhausted.wait(30)
    assert caplog.messages == [
        "so far: read 1,200, parse 1,100 (100 errors)",
        "so far: parse 1,101 (101 errors)",
    ]
    assert set(threading.enumerate()) <= before  # those of others may have ended


class Weighted(Snapshots):
    """The same for a run whose steps have weights: 10 % more at every look."""

    weighted = True
    shares: ClassVar[list[float]] = [0.1, 0.2, 0.2, 0.3]

    def progress(self) -> float:
        return self.shares.pop(0) if self.shares else 0.3


def test_a_progress_line_begins_with_the_percentage_where_steps_have_weights(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    one = [report("train", 0)]
    monitor = Weighted(one, one, one, [report("train", 0), report("upload", 2)], one)
    with progress_lines(monitor, logging.getLogger("t"), every=0.001):  # type: ignore[arg-type]
        assert monitor.exhausted.wait(30)
    assert caplog.messages[:3] == ["so far: 10%", "so far: 20%", "so far: 30%, upload 2"]


def test_a_progress_line_stays_short(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    many = [report(f"step_{i}", 1) for i in range(20)]
    monitor = Snapshots(many, many)
    with progress_lines(monitor, logging.getLogger("t"), every=0.001):  # type: ignore[arg-type]
        assert monitor.exhausted.wait(30)
    (line,) = caplog.messages
    assert line.endswith("step_7 1 and 12 more steps")


def test_the_progress_thread_ends_when_the_work_fails() -> None:
    before = set(threading.enumerate())
    monitor = Snapshots([])
    with (
        pytest.raises(ZeroDivisionError),
        progress_lines(monitor, logging.getLogger("t")),  # type: ignore[arg-type]
    ):
        raise ZeroDivisionError
    assert set(threading.enumerate()) <= before  # those of others may have ended


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (report("a", 1000), "step 'a': ok, 1,000 done, 1.2 s"),
        (
            report("a", 9, 1, first_error="ValueError: x"),
            "step 'a': ok, 9 done, 1 error, 1.2 s (first: ValueError: x)",
        ),
        (
            report("a", 0, status="skipped", reason="'b' produced no dataset", skipped=3),
            "step 'a': skipped, 0 done, 3 skipped, 1.2 s ('b' produced no dataset)",
        ),
    ],
)
def test_a_step_in_one_line(given: StepReport, line: str) -> None:
    assert line_of(given) == line


def test_reports_are_small_json_whatever_the_error_says() -> None:
    values = report_values("task", [report("a", 1, 1, first_error="x" * 100_000)], 2.34567)
    assert len(json.dumps(values)) < 1000
    assert values["duration"] == 2.346
    assert values["steps"][0]["first_error"].endswith("…")


def test_of_very_many_steps_those_are_reported_where_something_happened() -> None:
    many = [report(f"step_{i}", 1, errors=i % 100 == 0) for i in range(1000)]
    values = report_values("task", many, 1.0)
    assert [step["name"] for step in values["steps"]] == [
        f"step_{i}00" if i else "step_0" for i in range(10)
    ]
    assert values["steps_omitted"] == 990


def test_the_store_is_the_environments_then_the_exported_one_then_a_local_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def place_of(exported: str | None) -> str:
        store = open_store(exported, tmp_path / "home", allow_pickle=False)
        writer = store.writer(
            "p", "run", "d", type=int, codec="jsonl", kind="value", type_name="int"
        )
        with writer:
            writer.write(1)
            return writer.commit().uri

    monkeypatch.delenv("SYNAFLOW_STORE", raising=False)
    assert place_of(str(tmp_path / "exported")).startswith((tmp_path / "exported").as_uri())
    assert not caplog.messages
    assert place_of(None).startswith((tmp_path / "home" / "synaflow").as_uri())
    assert "only this machine can reach" in caplog.text
    monkeypatch.setenv("SYNAFLOW_STORE", (tmp_path / "environment").as_uri())
    assert place_of("s3://nowhere").startswith((tmp_path / "environment").as_uri())


def test_a_folder_that_was_not_deployed_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing on this worker"):
        _ = Exported(tmp_path).contract


def test_a_plan_that_lacks_the_macro_task_is_told(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(
        '{"macro_tasks": [{"name": "other"}], "allow_pickle": false}'
    )
    with pytest.raises(DriftError, match=r"no macro-task 'gone'; it has 'other'.*Export again"):
        Exported(tmp_path).macro_task("gone")


def test_only_errors_of_ours_are_judged_final() -> None:
    """Whatever is new in the hierarchy must be placed in the table, not fall through unseen."""
    known = {
        "ProblemsError",
        "DefinitionError",
        "ContractError",
        "ParamsError",
        "OverridesError",
        "ReplayError",
        "ExportError",
        "RunError",
        "PipelineStopException",
        "StepFailedError",
        "ThresholdExceededException",
        "LockstepDeadlockError",
        "WrongEngineError",
        "HandoffError",
        "DamagedError",
        "LossyValueError",
        "SupersededError",
        "DriftError",
    }

    def below(kind: type[BaseException]) -> set[str]:
        return {name for sub in kind.__subclasses__() for name in {sub.__name__, *below(sub)}}

    import synaflow_core.errors as errors

    found = {name for name in below(SynaflowError) if hasattr(errors, name)}
    assert found == known


def test_errors_travel_between_processes() -> None:
    import pickle

    stopped = PipelineStopException("step", ValueError("bad"))
    back = pickle.loads(pickle.dumps(stopped))
    assert (str(back), back.step_name, str(back.cause)) == (str(stopped), "step", "bad")
    exceeded = pickle.loads(pickle.dumps(ThresholdExceededException("step", 1, 2, 1)))
    assert (exceeded.error_count, exceeded.threshold_pct) == (1, None)
    refused = ParamsError("title", [Problem("a", "b", "c", "d")])
    assert pickle.loads(pickle.dumps(refused)).problems == refused.problems


@pytest.mark.parametrize("again", [True, False])
def test_what_only_the_users_code_could_unpickle_is_told_in_other_words(
    again: bool,
) -> None:
    kind = type("Closed", (ConnectionError if again else ValueError,), {"__module__": "nowhere"})
    error = PipelineStopException("step", kind("today"))
    found = portable(error)
    assert isinstance(found, PipelineStopException)
    assert str(found) == "pipeline stopped at step 'step': Closed: today"
    assert worth_retrying(found) is worth_retrying(error) is again
    other = portable(kind("today"))
    assert (type(other), str(other)) == (RuntimeError, "Closed: today")
    known = PipelineStopException("step", ValueError("x"))
    assert portable(known) is known
