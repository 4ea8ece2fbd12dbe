"""Killed before any operation, in tasks and in rollbacks: no rollback is lost, none is doubled.

Operations are those that change the store or the world; whatever lies between two of them changes
nothing, so that a kill there is a kill before the next one. What cannot be known is told instead: a
rollback that was killed after it began is called again, and then with ``repeated=True``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import pytest

from synaflow_core import PipelineStopException
from synaflow_core.compensation import rollback_run
from synaflow_core.compensation.ledger import UNDOING, UNDONE, Entry, Ledger
from synaflow_core.handoff import DatasetRef, HandoffStore
from tests.compensation.world import Refs, lines, run_task, specs, world_pipeline

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")

OPERATIONS = {"write", "replace", "mkdir"}
MADE = world_pipeline()


def counting(work: Callable[[], object], kill_at: int = 0) -> int:
    """Do the work and count its operations; killed right before operation ``kill_at``."""
    count = 0

    def look(frame: FrameType, event: str, called: Any) -> None:
        nonlocal count
        if event == "c_call" and called.__name__ in OPERATIONS:
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do the work in a process of its own; whether it was killed before it had ended."""
    child = os.fork()
    if not child:
        code = 1
        try:
            counting(work, number)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what a killed process has written stays there, too."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


class Place:
    """A store, a world, and an orchestrator's memory of which tasks have returned what."""

    def __init__(self, folder: Path, granularity: str) -> None:
        folder.mkdir()
        self.store = HandoffStore(folder / "store")
        self.world = folder / "world.txt"
        self.memory = folder / "memory.json"
        self.specs = specs(MADE, granularity)

    def run(self) -> None:
        """Run the tasks that have not returned yet, until one fails."""
        known = json.loads(self.memory.read_text()) if self.memory.exists() else {}
        refs: Refs = {name: DatasetRef.from_dict(ref) for name, ref in known.items()}
        with suppress(PipelineStopException):
            for spec in self.specs:
                if all(output.dataset in refs for output in spec.outputs):
                    continue
                run_task(MADE, spec, refs, self.store, {"world": str(self.world)})
                draft = self.memory.with_suffix(".new")
                draft.write_text(json.dumps({n: r.to_dict() for n, r in refs.items() if r}))
                os.rename(draft, self.memory)

    def roll_back(self) -> None:
        assert rollback_run(MADE, "r", self.store).complete

    def entries(self) -> tuple[dict[str, str], set[str]]:
        """Entry -> what its step did; and those that a kill has left in doubt."""
        ledger = Ledger(self.store, "world", "r")
        listing = ledger.listing()
        done = {name: self._done(ledger.read(name)) for name in listing.entries}
        return done, set(listing.marked[UNDOING] - listing.marked[UNDONE])

    def _done(self, entry: Entry) -> str:
        if entry.step == "inserts":
            return "+".join(self.store.read(entry.arguments["inserts"].ref, str))
        if entry.step == "publish":
            return next(iter(self.store.read_value(entry.arguments["publish"].ref, dict[str, int])))
        return str(self.store.read_value(entry.arguments["output"].ref, str))

    def check(self, doubtful: set[str], killed_after: int) -> None:
        """After all: what was done and entered is undone once, or its repetition was told."""
        told = lines(self.world)
        done, left = self.entries()
        assert not left
        undone = [line.removeprefix("undo ") for line in told if line.startswith("undo ")]
        for name, work in done.items():
            calls = [call for call in undone if call.removesuffix(" again") == work]
            if name in doubtful:
                assert calls in ([work], [f"{work} again"], [work, f"{work} again"])
            else:
                assert calls == [work]
        assert {call.removesuffix(" again") for call in undone} == set(done.values())
        entered = {each for work in done.values() for each in work.split("+")}
        lost = [line for line in told if line.startswith("do ") and line[3:] not in entered]
        # The step that was at work when the kill came had not completed: one, and the last.
        assert len({line[3:].rstrip("0123456789x") for line in lost}) <= 1
        assert lost == [line for line in told[:killed_after] if line in lost]
        assert not lost or told[:killed_after][-len(lost) :] == lost


@pytest.mark.parametrize("granularity", ["stream", "pipeline"])
@pytest.mark.parametrize("then", ["roll back", "retry"])
def test_tasks_killed_before_any_operation(folder: Path, granularity: str, then: str) -> None:
    Place(folder / "first", granularity).run()  # whatever happens only once
    last = counting(Place(folder / "whole", granularity).run)
    assert last > 50
    doubts = 0
    for number in range(1, last + 2):
        place = Place(folder / str(number), granularity)
        killed = killed_at(number, place.run)
        assert killed == (number <= last)
        _, doubtful = place.entries()
        doubts += bool(doubtful)
        before = len(lines(place.world))
        if then == "retry" and killed:
            place.run()
        place.roll_back()
        place.check(doubtful, before)
    # Only within a failing macro-task rollbacks are called while tasks run.
    assert bool(doubts) == (granularity == "pipeline")


def test_rollbacks_killed_before_any_operation(folder: Path) -> None:
    whole = Place(folder / "whole", "stream")
    whole.run()
    last = counting(whole.roll_back)
    assert last > 10
    repeated = 0
    for number in range(1, last + 2):
        place = Place(folder / str(number), "stream")
        place.run()
        assert killed_at(number, place.roll_back) == (number <= last)
        _, doubtful = place.entries()
        assert len(doubtful) <= 1
        place.roll_back()
        place.check(doubtful, 0)
        repeated += any(line.endswith("again") for line in lines(place.world))
        told = len(lines(place.world))
        place.roll_back()
        assert len(lines(place.world)) == told
    assert repeated
