"""Interrupts wait while something is undone: a rollback that is cut in half has to be done again.

A task may be stopped at any moment, by its orchestrator, by somebody at a terminal, or because the
process that it works for has ended. What it is at is interrupted then, and what it has done is
undone; but an undoing that has begun is brought to its end first, whatever it is for. Whoever wants
to stop it all the same has to kill the process.

Timeouts are no such interrupts: nobody else would ever end a rollback that hangs.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_INTERRUPTS: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """Keep interrupts from the block; the first that came takes effect when it is over.

    Handlers run in the main thread alone, so that a block in another one is not interrupted anyway.
    Processes that are forked within the block are interrupted as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process, over, kept = os.getpid(), False, list[int]()
    before: dict[int, Any] = {}

    def keep(number: int, frame: FrameType | None) -> None:
        if over or os.getpid() != process:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        else:
            kept.append(number)

    try:
        for number in _INTERRUPTS:
            before[number] = signal.getsignal(number)
            if before[number] not in (signal.SIG_IGN, None):  # None: it is not Python's
                signal.signal(number, keep)
        yield
    finally:
        over = True
        for number, handler in before.items():
            if signal.getsignal(number) is keep:
                signal.signal(number, handler)
        for number in kept:
            signal.raise_signal(number)
