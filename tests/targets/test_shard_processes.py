"""Shards as processes of this machine: when one fails, or their task, they clean up and end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from synaflow_export.runtime import shard_processes
from synaflow_export.runtime.retry import ShardFailedError
from synaflow_export.runtime.shard_processes import run_shards
from tests.targets.test_shards_on_workers import Run

CODE = """\
import time
from pathlib import Path

from synaflow_core import OnError, pipeline, step

FOLDER = Path(__FOLDER__)


def rows() -> list[int]:
    return [0, 1]


def sent(row: int) -> int:
    if row == 0:
        while not (FOLDER / "begun").exists():
            time.sleep(0.02)
        raise ValueError("this one cannot be sent")
    (FOLDER / "begun").touch()
    try:
        time.sleep(600)
    finally:
        (FOLDER / "begun").rename(FOLDER / "taken back")
    return row


p = pipeline(
    "p", None, [step("rows", rows), step("sent", sent, shards=2, on_error=OnError.STOP)]
)
"""


def test_a_shard_that_is_stopped_cleans_up(tmp_path: Path) -> None:
    run = Run(tmp_path, CODE.replace("__FOLDER__", repr(str(tmp_path))))
    run.shard("rows")
    with pytest.raises(ShardFailedError, match=r"shard 1/2 of 'sent'.*this one cannot be sent"):
        run_shards(run.exported, "sent", run.place, params={}, inputs=run.returned, at_most=2)
    assert (tmp_path / "taken back").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_shards_whose_task_is_killed_clean_up_and_end(tmp_path: Path) -> None:
    code = CODE.replace("__FOLDER__", repr(str(tmp_path))).replace("row == 0", "row == 7")
    run = Run(tmp_path, code.replace("[0, 1]", "[1]"))
    run.shard("rows")
    task = os.fork()
    if not task:
        run_shards(run.exported, "sent", run.place, params={}, inputs=run.returned, at_most=2)
        os._exit(0)
    until_there(tmp_path / "begun")
    os.kill(task, signal.SIGKILL)
    os.waitpid(task, 0)
    until_there(tmp_path / "taken back")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_a_shard_that_cleans_up_is_not_interrupted_when_its_task_is_killed_meanwhile(
    tmp_path: Path,
) -> None:
    slowly = """\
        (FOLDER / "cleaning").touch()
        while not (FOLDER / "go on").exists():
            time.sleep(0.02)
"""
    code = CODE.replace("__FOLDER__", repr(str(tmp_path))).replace("row == 0", "row == 7")
    code = code.replace("    finally:\n", f"    finally:\n{slowly}")
    run = Run(tmp_path, code.replace("[0, 1]", "[1]"))
    run.shard("rows")
    task = os.fork()
    if not task:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run_shards(run.exported, "sent", run.place, params={}, inputs=run.returned, at_most=2)
        os._exit(0)
    until_there(tmp_path / "begun")
    os.kill(task, signal.SIGINT)
    until_there(tmp_path / "cleaning")
    os.kill(task, signal.SIGKILL)
    os.waitpid(task, 0)
    time.sleep(0.2)  # the shard sees it at once
    (tmp_path / "go on").touch()
    until_there(tmp_path / "taken back")


def until_there(file: Path) -> None:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


UNDOING = """\
import time
from pathlib import Path

from synaflow_core import OnError, pipeline, step

FOLDER = Path(__FOLDER__)


def rows() -> list[int]:
    return [0, 1, 2]


def sent(row: int) -> int:
    while row == 0 and not (FOLDER / "begun").exists():
        time.sleep(0.02)
    if row == 0:
        raise ValueError("this one cannot be sent")
    if row == 2:
        (FOLDER / "begun").touch()
        time.sleep(600)
    return row


def unsend(sent: list[int]) -> None:
    time.sleep(1)
    (FOLDER / f"undone {sent}").touch()


p = pipeline(
    "p",
    None,
    [
        step("rows", rows),
        step("sent", sent, shards=2, on_error=OnError.STOP, rollback=unsend),
    ],
)
"""


def test_a_shard_that_undoes_what_it_did_has_the_time_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_processes, "_SECONDS_TO_END", 0.05)
    run = Run(tmp_path, UNDOING.replace("__FOLDER__", repr(str(tmp_path))))
    run.shard("rows")
    with pytest.raises(ShardFailedError, match=r"shard 1/2 of 'sent'.*this one cannot be sent"):
        run_shards(run.exported, "sent", run.place, params={}, inputs=run.returned, at_most=2)
    assert (tmp_path / "undone [1]").exists()
