"""Pruning removes what is old and nothing else: no younger run, no live attempt, no other file."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff.prune import Prunable, pipelines_in, prunable, prune

WEEK = timedelta(days=7)
NOW = datetime.now(UTC)


def write(store: HandoffStore, run: str, dataset: str = "d", pipeline: str = "p") -> DatasetRef:
    with store.writer(pipeline, run, dataset, type=int) as writer:
        for n in range(1000):
            writer.write(n)
        return writer.commit()


def attempt(store: HandoffStore, run: str, dataset: str = "d") -> Any:
    """An attempt that is killed, or still at work: blocks without a manifest."""
    writer = store.writer("p", run, dataset, type=str)
    for _ in range(3):
        writer.write("x" * 2_000_000)
    return writer


def age(path: Path, days: float) -> None:
    for file in [path, *path.rglob("*")]:
        os.utime(file, (time.time() - days * 86400,) * 2)


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def seen(found: list[Prunable]) -> list[tuple[str, str, str, str]]:
    return [(item.pipeline, item.run_key, item.what, item.dataset) for item in found]


@pytest.fixture
def store(tmp_path: Path) -> HandoffStore:
    return HandoffStore(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_old_runs_go_and_younger_ones_stay(store: HandoffStore, folder: Path) -> None:
    write(store, "2024-01-01T00:00:00+00:00")
    age(folder, 8)
    write(store, "old, too", pipeline="größe")
    age(folder / "gr=C3=B6=C3=9Fe", 7.1)
    kept = write(store, "young")
    age(folder / "p" / "young", 6.9)
    found = list(prunable(str(folder), WEEK))
    assert seen(found) == [
        ("größe", "old, too", "run", ""),
        ("p", "2024-01-01T00:00:00+00:00", "run", ""),
    ]
    assert all(item.files == 2 and item.bytes > 1000 for item in found)
    before = files(folder)
    assert files(folder) == before, "looking removes nothing"
    assert all(prune(item, WEEK) for item in found)
    assert list(store.read(kept, int)) == list(range(1000))
    assert {name.split("/")[1] for name in files(folder)} == {"young"}
    assert sorted(p.name for p in folder.iterdir()) == ["p"], "no empty folders are left"
    assert list(prunable(str(folder), WEEK)) == []


def test_only_the_runs_of_a_pipeline(store: HandoffStore, folder: Path) -> None:
    write(store, "r", pipeline="one")
    write(store, "r", pipeline="two")
    age(folder, 8)
    assert seen(list(prunable(str(folder), WEEK, "two"))) == [("two", "r", "run", "")]
    assert pipelines_in(str(folder)) == ["one", "two"]


def test_one_new_file_keeps_a_whole_run(store: HandoffStore, folder: Path) -> None:
    write(store, "r", "first")
    age(folder, 30)
    writer = attempt(store, "r", "second")
    assert list(prunable(str(folder), WEEK)) == []
    writer.commit()
    assert store.exists("p", "r", "first")
    assert store.exists("p", "r", "second")


def test_abandoned_attempts_of_a_young_run_go(store: HandoffStore, folder: Path) -> None:
    ref = write(store, "r")
    attempt(store, "r")
    attempt(store, "r", "never committed")
    age(folder, 30)
    write(store, "r", "other")
    working = attempt(store, "r", "other")
    found = list(prunable(str(folder), WEEK))
    assert seen(found) == [("p", "r", "attempt", "d"), ("p", "r", "attempt", "never committed")]
    assert all(prune(item, WEEK) for item in found)
    assert list(store.read(ref, int)) == list(range(1000))
    assert working.commit().count == 3
    assert not (folder / "p" / "r" / "never=20committed").exists()


def test_parts_of_a_joined_dataset_are_attempts_of_their_own(
    store: HandoffStore, folder: Path
) -> None:
    refs = []
    for part in range(2):
        with store.writer("p", "r", "d", type=int, part=(part, 2)) as writer:
            writer.write(part)
            refs.append(writer.commit())
    whole = store.join("p", "r", "d", refs)
    age(folder, 30)
    write(store, "r", "young")
    assert list(prunable(str(folder), WEEK)) == []
    assert list(store.read(whole, int)) == [0, 1]
    age(folder, 30)
    assert [item.what for item in prunable(str(folder), WEEK)] == ["run"]


def test_the_attempt_of_a_damaged_manifest_stays(store: HandoffStore, folder: Path) -> None:
    write(store, "r")
    manifest = folder / "p" / "r" / "d" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-9])
    age(folder, 30)
    write(store, "r", "young")
    assert list(prunable(str(folder), WEEK)) == [], "a person may want to look at it"


def test_what_is_written_meanwhile_stays(store: HandoffStore, folder: Path) -> None:
    write(store, "r")
    age(folder, 30)
    (found,) = prunable(str(folder), WEEK)
    ref = write(store, "r")
    assert not prune(found, WEEK)
    assert list(store.read(ref, int)) == list(range(1000))


def test_foreign_files_stay(store: HandoffStore, folder: Path) -> None:
    write(store, "r")
    for name in ("readme.txt", "logs/2024/x.log", "a/b/c/d/manifest.txt", "p/notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    age(folder, 30)
    (found,) = prunable(str(folder), WEEK)
    assert found.run_key == "r"
    prune(found, WEEK)
    assert files(folder) == {
        "readme.txt",
        "logs/2024/x.log",
        "a/b/c/d/manifest.txt",
        "p/notes.txt",
    }


def test_any_file_system() -> None:
    url = "memory://pruned/x"
    store = HandoffStore(url)
    write(store, "a")
    write(store, "b")
    assert list(prunable(url, WEEK)) == []
    later = datetime.now(UTC) + timedelta(days=8)
    found = list(prunable(url, WEEK, now=later))
    assert seen(found) == [("p", "a", "run", ""), ("p", "b", "run", "")]
    assert not prune(found[0], WEEK), "by the real clock it is young"
    assert all(prune(item, WEEK, now=later) for item in found)
    assert not store.exists("p", "a", "d")
    assert list(prunable(url, WEEK, now=later)) == []


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HandoffError, match=r"there is no store at .*/nowhere\n"):
        list(prunable(str(tmp_path / "nowhere"), WEEK))
    (tmp_path / "file").write_text("")
    with pytest.raises(HandoffError, match="there is no store at"):
        pipelines_in(str(tmp_path / "file"))
