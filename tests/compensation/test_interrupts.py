"""An interrupt that comes while something is undone waits for its end, whatever is undone, and why.

The interrupt comes within the rollback that is called first.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from synaflow_core import Observer, OnError, Pipeline, PipelineEvent, pipeline, step
from synaflow_core.compensation import rollback_run
from synaflow_core.compensation.interrupts import held_back
from synaflow_core.handoff import HandoffStore
from synaflow_export.runtime.watching import interrupted_after
from tests.compensation.world import run_task, specs
from tests.engine.twins import coloured

PLACES = ["a failed step", "a failed dataset", "what was left", "a failed run"]
"""What is undone: by a macro-task that fails, by one that begins, and by nobody of them."""

DONE, UNDONE = ["do a", "do b"], ["undo b", "undo a"]


@pytest.fixture(autouse=True)
def _terminated() -> Iterator[None]:
    """SIGTERM interrupts, as it does in a task of an orchestrator."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


def macro_task(
    place: str,
    folder: Path,
    told: list[str],
    interrupt: Callable[[], object],
    *,
    asynchronous: bool = False,
) -> Pipeline:
    """Two steps that can be undone, and one that hands on what they have made to another task."""

    def a() -> int:
        told.append("do a")
        return 1

    def undo_a(a: int, repeated: bool) -> None:
        told.append("undo a again" if repeated else "undo a")

    def b(a: int) -> int:
        told.append("do b")
        return 1

    def undo_b(b: int, repeated: bool) -> None:
        interrupt()
        told.append("undo b again" if repeated else "undo b")

    def c(b: int) -> int:
        if place == "a failed step":
            raise ValueError("no")
        if place == "a failed dataset":
            (folder / "p" / "r" / "c").mkdir(parents=True)
            (folder / "p" / "r" / "c" / "_attempts").write_text("blocks find no place")
        return 1

    def reader(c: int) -> int:
        return c

    def watch(context: Any) -> None:
        if context.event is PipelineEvent.FAILED:
            told.append("told")

    steps = [
        step("a", coloured(asynchronous, a), rollback=coloured(asynchronous, undo_a)),
        step("b", coloured(asynchronous, b), rollback=coloured(asynchronous, undo_b)),
        step("c", coloured(asynchronous, c), on_error=OnError.STOP),
    ]
    last = step("reader", coloured(asynchronous, reader))
    first = [replace(each, macro_task="first") for each in steps]
    return pipeline("p", None, [*first, last], observers=[Observer(coloured(asynchronous, watch))])


def undo(place: str, made: Pipeline, store: HandoffStore) -> None:
    """Have everything that was done undone."""
    if place in ("what was left", "a failed run"):
        run_task(made, specs(made)[0], {}, store, {})
    if place == "a failed run":
        rollback_run(made, "r", store)
    else:
        run_task(made, specs(made)[0], {}, store, {})


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("place", PLACES)
def test_an_undoing_comes_to_its_end_before_an_interrupt_takes_effect(
    tmp_path: Path, place: str, asynchronous: bool
) -> None:
    told: list[str] = []
    interrupt = partial(signal.raise_signal, signal.SIGTERM)
    made = macro_task(place, tmp_path, told, interrupt, asynchronous=asynchronous)
    store = HandoffStore(tmp_path)
    with pytest.raises(SystemExit):
        undo(place, made, store)
    rollback_run(made, "r", store)  # nothing is left to it
    assert told == [*DONE, *UNDONE, *["told"] * (place == "a failed step")]


@pytest.mark.parametrize("place", PLACES)
def test_so_it_does_when_somebody_types_ctrl_c(tmp_path: Path, place: str) -> None:
    told: list[str] = []
    made = macro_task(place, tmp_path, told, partial(signal.raise_signal, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        undo(place, made, HandoffStore(tmp_path))
    assert told[:4] == [*DONE, *UNDONE]


@pytest.mark.skipif(os.name == "nt", reason="nobody watches there")
@pytest.mark.parametrize("place", PLACES)
def test_so_it_does_when_the_process_that_it_works_for_ends(tmp_path: Path, place: str) -> None:
    def end_the_other() -> None:
        (watch,) = set(threading.enumerate()) - others
        os.close(theirs)
        watch.join()  # it has sent the signal

    told: list[str] = []
    made = macro_task(place, tmp_path, told, end_the_other)
    others = set(threading.enumerate())
    sentinel, theirs = os.pipe()
    with pytest.raises(SystemExit), interrupted_after(sentinel, signal.SIGTERM):
        undo(place, made, HandoffStore(tmp_path))
    os.close(sentinel)
    assert told[:4] == [*DONE, *UNDONE]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_process_that_a_rollback_has_forked_is_interrupted_as_ever() -> None:
    with held_back():
        child = os.fork()
        if not child:
            with suppress(SystemExit):
                signal.raise_signal(signal.SIGTERM)
                os._exit(1)  # it was held back
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_who_ignores_interrupts_goes_on_to() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_back():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_is_held_back() -> None:
    handlers = []

    def look() -> None:
        with held_back():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]
