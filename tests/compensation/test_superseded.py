"""An attempt that was taken for dead is at work while somebody else rolls back, or tries again.

Both run in threads and are stopped before every operation of the store and the world, so that every
order of their operations is seen in which each of them is stopped once. In all of them what was
done is undone once, whoever does it.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, NamedTuple

import pytest

from synaflow_core import OnError, pipeline, step
from synaflow_core.compensation import rollback_run, undone_macro_tasks
from synaflow_core.errors import HandoffError, SupersededError
from synaflow_core.handoff import HandoffStore
from synaflow_core.macro.task import MacroResult
from tests.compensation.world import change, lines, run_task, specs

OPERATIONS: tuple[Callable[..., Any], ...] = (os.replace, os.listdir, os.open, io.open)
UNSEEN = {"write", "_sync"}
"""Functions that open files which nobody looks at yet, or that are there already."""


class Params(NamedTuple):
    world: str


_numbers = count()


def book(world: str) -> str:
    number = str(next(_numbers))  # a booking of its own for each call
    change(world, f"do {number}")
    return number


def cancel(book: str, world: str, repeated: bool) -> None:
    change(world, f"undo {book}{' again' if repeated else ''}")


MADE = pipeline("booking", Params, [step("book", book, rollback=cancel, on_error=OnError.STOP)])
(SPEC,) = specs(MADE)


def pay(book: str, world: str) -> str:
    number = str(next(_numbers))
    change(world, f"do {number}")
    return number


def refund(pay: str, world: str, repeated: bool) -> None:
    change(world, f"undo {pay}{' again' if repeated else ''}")


TWO = pipeline(
    "booking",
    Params,
    [
        step("book", book, rollback=cancel, on_error=OnError.STOP),
        step("pay", pay, rollback=refund, on_error=OnError.STOP),
    ],
)
(BOTH,) = specs(TWO, "pipeline")


class Actor:
    """Does its work in a thread, stopped right before one of its operations."""

    def __init__(self, work: Callable[[], object], stop_at: int) -> None:
        self.operations = 0
        self.result: object = None
        self.error: Exception | None = None
        self._work = work
        self._stop_at = stop_at
        self._still, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._still.wait()

    def go_on(self) -> None:
        """Let it go on, until it has ended or waits for others."""
        self._still.clear()
        self._go.set()
        if self._thread.is_alive():
            self._still.wait()

    def end(self) -> None:
        self._go.set()
        self._thread.join()

    def _run(self) -> None:
        sys.setprofile(self._look)
        try:
            self.result = self._work()
        except Exception as error:
            self.error = error
        finally:
            sys.setprofile(None)
            self._still.set()

    def _look(self, frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call":
            return
        if called is time.sleep:
            self._still.set()
        elif called in OPERATIONS and frame.f_code.co_name not in UNSEEN:
            self.operations += 1
            if self.operations == self._stop_at:
                self._still.set()
                self._go.wait()


class Place:
    """A store and a world of their own, and a pipeline of one step, or of two."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.made, self.spec = MADE, SPEC
        self.store = HandoffStore(folder / "store")
        self.world = folder / "world.txt"

    def attempt(self) -> MacroResult:
        return run_task(self.made, self.spec, {}, self.store, {"world": str(self.world)})

    def roll_back(self) -> None:
        assert rollback_run(self.made, "r", self.store).complete

    def left(self) -> list[str]:
        """What was done and not undone; what was undone twice was told to have been, perhaps."""
        told = lines(self.world)
        done = [line.removeprefix("do ") for line in told if line.startswith("do ")]
        undone = [line.removeprefix("undo ") for line in told if line.startswith("undo ")]
        assert len(undone) == len(set(undone)), told
        assert {each.removesuffix(" again") for each in undone} <= set(done), told
        return [each for each in done if each not in undone and f"{each} again" not in undone]

    def called_twice(self) -> list[str]:
        """What was undone twice."""
        told = lines(self.world)
        return [line for line in told if f"{line} again" in told]


@pytest.fixture
def places() -> Iterator[Iterator[Place]]:
    """Places in memory, where there is such a folder.

    Nothing is logged: whoever is stopped in a handler's lock would stop the others.
    """
    memory = Path("/dev/shm")
    logging.disable()
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield (Place(Path(folder, str(number))) for number in count())
    logging.disable(logging.NOTSET)


def orders(first: int, second: int) -> Iterator[tuple[int, int]]:
    """Where each of two is stopped; after its last operation it is not."""
    return ((a, b) for a in range(1, first + 2) for b in range(1, second + 2))


def operations(place: Place, *works: Callable[[Place], object]) -> list[int]:
    """How many operations each of these has, one after the other."""
    return [Actor(lambda work=work: work(place), 0).operations for work in works]  # type: ignore[misc]


def read(place: Place, result: MacroResult) -> str:
    """What a downstream task would be given."""
    ref = result.refs["book"]
    assert ref is not None
    return str(place.store.read_value(ref, str))


def readable(place: Place, result: MacroResult) -> bool:
    """Whether the data are those that the attempt has written; that they are not is noticed."""
    try:
        read(place, result)
    except HandoffError as error:
        return "replaced it" not in str(error)
    return True


def test_whatever_an_attempt_does_while_its_run_is_rolled_back_is_undone_once(
    places: Iterator[Place],
) -> None:
    operations(next(places), Place.attempt, Place.roll_back)  # whatever happens only once
    whole = operations(next(places), Place.attempt, Place.roll_back)
    superseded = 0
    for stop_attempt, stop_rollback in orders(*whole):
        place = next(places)
        attempt = Actor(place.attempt, stop_attempt)
        rollback = Actor(place.roll_back, stop_rollback)
        attempt.go_on()
        rollback.end()
        attempt.end()
        assert rollback.error is None
        assert attempt.error is None or isinstance(attempt.error, SupersededError)
        assert place.called_twice() == []
        superseded += attempt.error is not None
        if attempt.error is None and not lines(place.world)[-1].startswith("undo"):
            # It began after the rollback, as a retry does.
            assert isinstance(attempt.result, MacroResult)
            (kept,) = place.left()
            assert read(place, attempt.result) == kept
            continue
        assert place.left() == []
        if isinstance(attempt.result, MacroResult):
            with pytest.raises(HandoffError, match="undone"):
                read(place, attempt.result)
    assert superseded > sum(whole)


def test_an_attempt_that_runs_beside_the_next_one_leaves_nothing(places: Iterator[Place]) -> None:
    operations(next(places), Place.attempt, Place.attempt)
    whole = operations(next(places), Place.attempt, Place.attempt)
    superseded = replaced = 0
    for stop_old, stop_new in orders(*whole):
        place = next(places)
        old = Actor(place.attempt, stop_old)
        new = Actor(place.attempt, stop_new)
        old.go_on()
        new.end()
        old.end()
        good = [actor for actor in (old, new) if actor.error is None]
        bad = [actor for actor in (old, new) if actor.error is not None]
        assert all(isinstance(actor.error, SupersededError) for actor in bad)
        superseded += bool(bad)
        (kept,) = place.left()
        assert undone_macro_tasks("booking", "r", place.store) == ()
        result = good[-1].result
        assert isinstance(result, MacroResult)
        if not readable(place, result):
            # Between its last look and the commit the old one can still replace the data.
            replaced += 1
        else:
            assert read(place, result) == kept
    assert superseded > sum(whole)
    assert replaced < superseded / 5


def test_what_was_left_is_undone_once_whoever_takes_over_meanwhile(
    places: Iterator[Place],
) -> None:
    """The next attempt, which undoes what was left, is stopped anywhere; then comes a rollback."""

    def with_leftovers() -> Place:
        place = next(places)
        place.made, place.spec = TWO, BOTH
        place.attempt()  # it has ended, and its task was taken for dead
        return place

    with_leftovers().attempt()  # whatever happens only once
    (whole,) = operations(with_leftovers(), Place.attempt)
    twice = 0
    for stop_attempt in range(1, whole + 2):
        place = with_leftovers()
        retry = Actor(place.attempt, stop_attempt)
        place.roll_back()
        retry.end()
        assert retry.error is None or isinstance(retry.error, SupersededError)
        kept = place.left()
        # Without an error it had ended before the rollback, or began after it.
        assert len(kept) == 0 if retry.error else len(kept) in (0, 2)
        twice += len(place.called_twice())
    # Stopped between its mark and its change of the world, which nobody else can know.
    assert 0 < twice <= 4
