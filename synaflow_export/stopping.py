"""Being asked to end by SIGTERM or SIGHUP: ``kill``, a container that stops, a closed terminal.

By default they end a process on the spot, and what its steps have done would stay. Here they are an
interrupt, which lets a run clean up and be rolled back. Only the first of them counts: they come in
pairs (``timeout`` signals a process, then its group; systemd sends SIGHUP after SIGTERM), and
whoever will not wait has SIGKILL.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["STOPS", "Stop", "interrupted_by_stops", "leave_lost_terminal", "only_in"]

STOPS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask a process to end; Windows has no SIGHUP."""


class Stop:
    """Which signal asked this process to end.

    Attributes:
        signal: The first one; None: nobody has asked.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None


@contextlib.contextmanager
def interrupted_by_stops() -> Iterator[Stop]:
    """Have the first of :data:`STOPS` do what Ctrl-C does.

    A signal that is ignored (``nohup``) or has a handler stays as it is. Only the main thread can
    do it; in others nothing changes.
    """
    stop, before = Stop(), {}

    def interrupt(number: int, frame: Any) -> None:
        leave_lost_terminal()
        if stop.signal is not None:
            return
        stop.signal = signal.Signals(number)
        handler = signal.getsignal(signal.SIGINT)  # asyncio has one that cancels what runs
        if not callable(handler):  # Ctrl-C is ignored, as in a script's background
            raise KeyboardInterrupt
        handler(signal.SIGINT, frame)

    if threading.current_thread() is threading.main_thread():
        defaults = (each for each in STOPS if signal.getsignal(each) is signal.SIG_DFL)
        before = {each: signal.signal(each, only_in(os.getpid(), interrupt)) for each in defaults}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def only_in(process: int, handler: Callable[[int, Any], None]) -> Callable[[int, Any], None]:
    """A handler for one process; what it forks, which inherits the handler, ends as if without.

    Args:
        process: Its id.
        handler: What happens there.
    """

    def handle(number: int, frame: Any) -> None:
        if os.getpid() == process:
            handler(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    return handle


def leave_lost_terminal() -> None:
    """Let what is printed go nowhere if the terminal is gone: a rollback must not fail of that."""
    for stream in (1, 2):
        try:
            os.ttyname(stream)
        except OSError as error:
            if error.errno == errno.EIO:  # else it is a file or a pipe, or closed
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream)
                os.close(nowhere)
        except AttributeError:  # Windows
            return
