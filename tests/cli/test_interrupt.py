"""Ctrl-C while macro-tasks are at work: what is done is undone, once, and told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.interrupting import (
    ONCE,
    UNDOING,
    Interrupt,
    group,
    interrupted,
    log,
    parent,
)

SHARDS = """
    import time
    from collections.abc import Iterator
    from pathlib import Path

    from synaflow_core import pipeline, step


    def told(text: str) -> None:
        with Path("log").open("a") as log:
            log.write(text + "\\n")


    def rows() -> Iterator[int]:
        yield from range(8)


    def sent(row: int) -> int:
        if row % 2 == 0:
            told(f"sent {row}")
            return row
        told(f"waiting {row}")
        time.sleep(60)
        return row


    def forget(sent: list[int]) -> None:
        told("forgotten")


    p = pipeline("p", None, [step("rows", rows), step("sent", sent, rollback=forget)])
"""


@pytest.mark.parametrize("interrupt", [group, parent])
@pytest.mark.parametrize("task", ["one", "other"])
def test_a_rollback_is_called_once_and_comes_to_its_end(
    project: Any, task: str, interrupt: Interrupt
) -> None:
    project.write("pipe.py", UNDOING.replace("TASK", task))
    code, _, err = interrupted(project, "rehearse", "pipe.py", "--retries", "2", waiting=interrupt)
    assert log(project) == ONCE
    assert code == 130
    assert err.endswith("note: rolled back, newest first: saved\nerror: interrupted\n")
    assert "Traceback" not in err


def test_the_rollback_of_an_async_pipeline_too(project: Any) -> None:
    text = UNDOING.replace("TASK", "one").replace("import time", "import asyncio")
    text = text.replace("    def ", "    async def ").replace("async def told", "def told")
    project.write("pipe.py", text.replace("time.sleep", "await asyncio.sleep"))
    code, _, err = interrupted(project, "rehearse", "pipe.py", waiting=group)
    assert log(project) == ONCE
    assert code == 130
    assert err.endswith("note: rolled back, newest first: saved\nerror: interrupted\n")


def test_shards_at_work_are_interrupted_and_no_other_begins(project: Any) -> None:
    project.write("pipe.py", SHARDS)
    arguments = ["rehearse", "pipe.py", "--shard", "sent=4", "--jobs", "2", "--retries", "1"]
    both = {"waiting 1": lambda running: None, "waiting 3": parent}
    code, _, err = interrupted(project, *arguments, **both)
    assert sorted(log(project)) == [*["forgotten"] * 2, "sent 0", "sent 2", *sorted(both)]
    assert code == 130
    assert err.endswith("note: rolled back, newest first: sent\nerror: interrupted\n")


@pytest.mark.parametrize("task", ["one", "other"])
def test_a_second_interrupt_does_not_wait_for_rollbacks(project: Any, task: str) -> None:
    project.write("pipe.py", UNDOING.replace("TASK", task).replace("0.8", "60"))
    code, _, err = interrupted(project, "rehearse", "pipe.py", waiting=group, forget=group)
    assert log(project) == ONCE[:-1]
    assert code == 130
    assert "note: not all could be rolled back: " in err


def test_an_interrupt_while_a_failed_run_is_undone_lets_it_be_undone(project: Any) -> None:
    text = UNDOING.replace("TASK", "other").replace("time.sleep(60)", "raise ValueError(1)")
    text = text.replace('waiting, macro_task="other"', "waiting, on_error=OnError.STOP")
    project.write("pipe.py", text.replace("import pipeline", "import OnError, pipeline"))
    code, _, err = interrupted(project, "rehearse", "pipe.py", forget=group)
    assert log(project) == ONCE
    assert code == 130
    assert "note: rolled back, newest first: saved\n" in err
    assert "note: macro-task 'waiting' had failed: " in err


def test_a_run_that_is_interrupted_twice_says_what_is_left(project: Any) -> None:
    project.write("pipe.py", UNDOING.replace("0.8", "60"))
    code, out, err = interrupted(project, "run", "pipe.py", waiting=group, forget=group)
    assert log(project) == ONCE[:-1]
    assert code == 130
    assert "waiting   cancelled" in out
    assert err == "note: not rolled back, or not to the end: saved\nerror: interrupted\n"
