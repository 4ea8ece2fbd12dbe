"""``prune``: what it shows, removes and refuses."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.handoff import HandoffStore


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with an old and a young run of ``sales``."""
    folder = tmp_path / "store"
    handoff = HandoffStore(folder)
    for run in ("old", "young"):
        handoff.write_value("sales", run, "report", 1, type=int)
    for path in (folder / "sales" / "old").rglob("*"):
        os.utime(path, (time.time() - 10 * 86400,) * 2)
    return folder


def runs(store: Path) -> list[str]:
    return sorted(path.name for path in (store / "sales").iterdir())


def test_a_dry_run_shows_what_would_go(cli: Any, store: Path) -> None:
    told = cli("prune", "--older-than", "7d", "--store", str(store), "--dry-run")
    assert told.code == 0
    assert told.err == ""
    lines = told.out.splitlines()
    assert lines[0].split() == ["pipeline", "run", "what", "last", "written", "files", "bytes"]
    assert lines[2].split()[:3] == ["sales", "old", "run"]
    assert lines[-1].startswith("would be removed: 1 runs, 0 attempts, ")
    assert runs(store) == ["old", "young"]


def test_what_is_old_goes(cli: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAFLOW_STORE", str(store))
    told = cli("prune", "--older-than", "7d", "--pipeline", "sales")
    assert told.code == 0
    assert told.out.splitlines()[-1].startswith("removed: 1 runs, 0 attempts, ")
    assert runs(store) == ["young"]
    again = cli("prune", "--older-than", "7d")
    assert (again.code, again.out) == (0, "removed: 0 runs, 0 attempts, 0 bytes\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--older-than", "7 weeks"], "'7 weeks' is not a duration"),
        (["--older-than", "0d"], "everything is older than that"),
        (["--older-than", "-1d"], "is not a duration"),
        (["--older-than", "7d", "--pipeline", "sale"], "did you mean 'sales'?"),
        (["--older-than", "7d", "--store", "nowhere"], "there is no store at"),
        (["--older-than", "7d", "--store", "nosuch://x/y"], "Protocol not known: nosuch"),
        (["--older-than", "7d", "--store", "s3://key:hunter2@x/y"], "holds a credential"),
        ([], "--older-than"),
    ],
)
def test_bad_input_removes_nothing(
    cli: Any, store: Path, arguments: list[str], message: str
) -> None:
    told = cli("prune", "--store", str(store), *arguments)
    assert told.code == 2
    assert told.out == ""
    assert message in told.err
    assert "hunter2" not in told.err
    assert runs(store) == ["old", "young"]


def test_it_needs_a_store(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNAFLOW_STORE", raising=False)
    told = cli("prune", "--older-than", "7d")
    assert told.code == 2
    assert "--store" in told.err
