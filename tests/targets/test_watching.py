"""A process that works for another one is interrupted when that one ends.

An undoing is not: see ``tests/compensation/test_interrupts.py``.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from types import FrameType

import pytest

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


def test_it_is_interrupted_when_the_other_one_ends(signals: list[int]) -> None:
    other = Other()
    with interrupted_after(other.sentinel, signal.SIGTERM):
        other.end()
        end = time.monotonic() + 60
        while not signals:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert signals == [signal.SIGTERM]


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
