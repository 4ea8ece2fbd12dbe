"""A process that works for another one is interrupted when that one ends; a rollback is not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from synaflow_core import OnError, Pipeline, PipelineStopException, pipeline, run, step
from synaflow_export.runtime.watching import interrupted_after

pytestmark = pytest.mark.skipif(os.name == "nt", reason="nobody watches there")


class Other:
    """Stands for the process that this one works for: a pipe that is closed when it ends."""

    def __init__(self) -> None:
        self.sentinel, self._theirs = os.pipe()

    def end(self) -> None:
        os.close(self._theirs)


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """What this process was sent."""
    told: list[int] = []

    def keep(number: int, frame: FrameType | None) -> None:
        told.append(number)

    before = signal.signal(signal.SIGTERM, keep)
    yield told
    signal.signal(signal.SIGTERM, before)


def failing(other: Other, told: list[str]) -> Pipeline:
    """A pipeline whose rollback sees the other process end."""

    def saved() -> int:
        return 1

    def unsave(saved: int) -> None:
        told.append("begins")
        other.end()
        time.sleep(0.2)  # the watch is woken up at once
        told.append("ends")

    def sent(saved: int) -> int:
        raise ValueError("no")

    return pipeline(
        "p",
        None,
        [step("saved", saved, rollback=unsave), step("sent", sent, on_error=OnError.STOP)],
    )


def test_it_is_interrupted_when_the_other_one_ends(signals: list[int]) -> None:
    other = Other()
    with interrupted_after(other.sentinel, signal.SIGTERM):
        other.end()
        end = time.monotonic() + 60
        while not signals:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert signals == [signal.SIGTERM]


def test_a_rollback_that_is_going_on_is_not_interrupted(
    signals: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    other, told = Other(), list[str]()
    with (
        pytest.raises(PipelineStopException),
        interrupted_after(other.sentinel, signal.SIGTERM) as monitor,
    ):
        run(failing(other, told), monitor=monitor)
    assert told == ["begins", "ends"]
    assert signals == []
    assert "has ended: going on to undo" in caplog.text


def test_nobody_watches_on_windows(signals: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    other = Other()
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        watched = interrupted_after(other.sentinel, signal.SIGTERM)
        watched.__enter__()
    other.end()
    time.sleep(0.1)
    watched.__exit__(None, None, None)
    assert signals == []
