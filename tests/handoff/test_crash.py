"""A writer killed at any moment: nothing half-written is seen, and a retry makes the data whole."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff import writer as writers
from tests.handoff.records import Plain

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")


def rows(version: int, count: int = 30) -> list[Plain]:
    return [Plain(i, f"row {i}", version / 8, True) for i in range(count)]


def attempt(store: HandoffStore, items: list[Plain]) -> DatasetRef:
    with store.writer("p", "r", "clean", type=Plain) as writer:
        for item in items:
            writer.write(item)
        return writer.commit()


@pytest.fixture(autouse=True)
def many_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "BLOCK_BYTES", 500)
    monkeypatch.setattr(writers, "BATCH_ITEMS", 5)


def seen(store: HandoffStore) -> list[Plain] | None:
    """What a reader sees who comes now; it must be a whole dataset or none."""
    manifest = store.read_manifest("p", "r", "clean")
    if manifest is None:
        return None
    uri = store.uri("p", "r", "clean")
    ref = DatasetRef(
        uri, "jsonl", "", "items", manifest.count, manifest.bytes, manifest.digest, manifest.errors
    )
    return list(store.read(ref, Plain))


def in_child(work: Callable[[], object]) -> int:
    """Process id of a forked process that does the work and exits with 0, or 1 on an error."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dying_at(call: int, work: Callable[[], object]) -> Callable[[], None]:
    """The work, killed at its ``call``-th call of anything written in C (all that touch a file)."""

    def doomed() -> None:
        calls = 0

        def count(frame: FrameType, event: str, arg: Any) -> None:
            nonlocal calls
            if event in ("c_call", "c_return"):
                calls += 1
                if calls == call:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        work()
        sys.setprofile(None)

    return doomed


def calls_of(work: Callable[[], object]) -> int:
    """How many calls :func:`dying_at` counts."""
    calls = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event in ("c_call", "c_return")

    sys.setprofile(count)
    work()
    sys.setprofile(None)
    return calls


def test_killed_at_any_call_leaves_the_old_data_or_the_new(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    undisturbed = attempt(HandoffStore(tmp_path / "undisturbed"), rows(2))
    attempt(store, rows(1))
    last = calls_of(lambda: attempt(HandoffStore(tmp_path / "counted"), rows(2)))
    # Some moments of the writing, and all those of the commit, where the order matters.
    outcomes = []
    for call in (*range(1, last - 90, last // 25), *range(last - 90, last + 10)):
        code = ended(in_child(dying_at(call, lambda: attempt(store, rows(2)))))
        assert code in (0, -signal.SIGKILL)
        found = seen(store)
        assert found in (rows(1), rows(2))
        outcomes.append((code == 0, found == rows(2)))
        if found == rows(2):
            attempt(store, rows(1))
    # Killed before the commit, killed after it, and not at all.
    assert set(outcomes) == {(False, False), (False, True), (True, True)}
    retried = attempt(store, rows(2))
    assert retried.digest == undisturbed.digest
    assert seen(store) == rows(2)
    assert len(list(tmp_path.glob("p/r/clean/manifest*"))) == 1


def test_killed_at_a_random_moment_then_retried(tmp_path: Path) -> None:
    chance = random.Random(7)
    undisturbed = attempt(HandoffStore(tmp_path / "undisturbed"), rows(2))
    begin = time.perf_counter()
    assert ended(in_child(lambda: attempt(HandoffStore(tmp_path / "timed"), rows(2)))) == 0
    whole = time.perf_counter() - begin
    codes = set()
    for number in range(60):
        store = HandoffStore(tmp_path / str(number))
        child = in_child(lambda store=store: attempt(store, rows(2)))  # type: ignore[misc]
        time.sleep(chance.random() * whole)
        os.kill(child, signal.SIGKILL)
        codes.add(ended(child))
        assert seen(store) in (None, rows(2))
        assert attempt(store, rows(2)).digest == undisturbed.digest
        assert seen(store) == rows(2)
        assert len(list((tmp_path / str(number)).glob("p/r/clean/manifest*"))) == 1
    assert -signal.SIGKILL in codes


def test_readers_racing_writers_see_old_new_or_are_told(tmp_path: Path) -> None:
    store = HandoffStore(tmp_path)
    attempt(store, rows(0))

    def write_often() -> None:
        for version in range(1, 60):
            attempt(store, rows(version % 3))

    children = [in_child(write_often) for _ in range(2)]
    whole = 0
    running = set(children)
    while running:
        found: object
        try:
            found = seen(store)
        except HandoffError as problem:
            found = str(problem)
        if isinstance(found, str):
            assert "a later attempt replaced it" in found
        else:
            assert found in (rows(0), rows(1), rows(2))
            whole += 1
        running -= {child for child in running if os.waitpid(child, os.WNOHANG)[0]}
    assert whole
    assert seen(store) in (rows(0), rows(1), rows(2))
    attempt(store, rows(1))
    assert seen(store) == rows(1)
