"""``backfill``: what was undone in a window that failed or was interrupted is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.interrupting import group, interrupted, log

PIPE = """
    import time
    from datetime import date
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        day: date


    def told(text: str) -> None:
        with Path("log").open("a") as log:
            log.write(text + "\\n")


    def saved(day: date) -> str:
        return str(day)


    def forget(saved: str) -> None:
        told(f"forget {saved}")


    def published(saved: str) -> str:
        return saved


    def withdraw(published: str) -> None:
        raise ValueError("it is public")


    def waiting(published: str, day: date) -> int:
        if day.day == 2:
            told("waiting")
            ENDS
        return 1


    p = pipeline("p", Params, [
        step("saved", saved, rollback=forget),
        step("published", published, rollback=withdraw),
        step("waiting", waiting, on_error=OnError.STOP),
    ])
"""
BACKFILL = ["backfill", "pipe.py", "--from", "2026-06-01", "--to", "2026-06-04"]
BACKFILL += ["--window", "day", "--bind", "day=start", "--store", "ds", "--quiet"]
ROLLED_BACK = "rolled back, newest first: saved"
FAILED = "not all could be rolled back: step 'published': ValueError: it is public"


def told(err: str) -> list[str]:
    """Ours, without what the steps and the log say."""
    return [line for line in err.splitlines() if line.startswith(("note: ", "error: "))]


@pytest.mark.parametrize("form", ["json", "table"])
def test_in_a_window_that_fails(cli: Any, project: Any, form: str) -> None:
    project.write("pipe.py", PIPE.replace("ENDS", "raise ValueError(1)"))
    done = cli(*BACKFILL, "--format", form)
    assert done.code == 1
    assert log(project) == ["waiting", "forget 2026-06-02"]
    assert [f"note: {ROLLED_BACK}", f"note: {FAILED}"] == told(done.err)[:2]
    if form == "json":
        windows = json.loads(done.out)["windows"]
        assert [window["rolled_back"] for window in windows] == [[], ["saved"], []]
        assert [window["notes"] for window in windows] == [[], [FAILED], []]
    else:
        assert done.out.count(ROLLED_BACK) == done.out.count(FAILED) == 1


def test_in_a_window_that_is_interrupted(project: Any) -> None:
    project.write("pipe.py", PIPE.replace("ENDS", "time.sleep(60)"))
    code, out, err = interrupted(project, *BACKFILL, "--format", "json", waiting=group)
    assert code == 130
    assert log(project) == ["waiting", "forget 2026-06-02"]
    assert told(err) == [f"note: {ROLLED_BACK}", f"note: {FAILED}", "error: interrupted"]
    first, second, third = json.loads(out)["windows"]
    assert (first["error"], first["datasets"]["saved"]["count"]) == (None, 1)
    assert (second["error"], second["rolled_back"]) == ("interrupted", ["saved"])
    assert third.keys() == {"start", "end"}
