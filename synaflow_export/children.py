"""Processes that do a part of this one's work, and are interrupted with it.

An interrupt gives them time to clean up: what they undo must not be cut off half way. A terminal
sends its Ctrl-C to all processes, ``kill`` to one only, and nobody can tell which it was: so every
interrupt is passed on, and a child counts the first one alone
(:func:`synaflow_export.runtime.rehearsal.main`). What is passed on is SIGTERM, because in the
background of a script they ignore SIGINT. A second interrupt kills.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from signal import SIGTERM
from threading import Lock
from typing import Any, TypeVar

__all__ = ["GRACE", "Children", "Interrupted", "together"]

T = TypeVar("T")

GRACE = 30.0
"""Seconds that an interrupted child has to clean up before it is killed."""


class Interrupted(KeyboardInterrupt):
    """Somebody interrupted this process while its children were at work; they have ended.

    Attributes:
        results: Of the calls that came to one all the same.
        failures: What the others raised.
        hurried: It was interrupted a second time, and killed the children.
        undone: What was rolled back before it was raised, newest first.
    """

    def __init__(self, results: list[Any], failures: list[BaseException], *, hurried: bool) -> None:
        self.results = results
        self.failures = failures
        self.hurried = hurried
        self.undone: list[str] = []
        super().__init__()


class Children:
    """The child processes of some calls that run side by side."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._over = False

    def run(self, command: Sequence[str]) -> int:
        """Run a command to its end, from any thread, without stdin.

        Returns:
            Its exit code, or minus the signal that it was killed by. After an interrupt nothing is
            started, as if it had been interrupted at once.
        """
        with self._lock:
            if self._over:
                return -SIGTERM
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            self._running.add(child)
        try:
            return child.wait()
        finally:
            with self._lock:
                self._running.discard(child)

    def interrupt(self) -> None:
        """Interrupt all that run; no other is started any more."""
        with self._lock:
            self._over = True
            for child in self._running if os.name != "nt" else ():  # there the console does it
                child.send_signal(SIGTERM)

    def kill(self) -> None:
        """Kill all that run."""
        with self._lock:
            for child in self._running:
                child.kill()


def together(
    calls: Sequence[Callable[[Children], T]], *, jobs: int = 1, grace: float = GRACE
) -> list[T]:
    """Make calls side by side, each of which runs children; when one fails, no other begins.

    Args:
        calls: Are told what to run their processes with; at least one.
        jobs: How many may be at work at a time.
        grace: Seconds that children have to clean up after an interrupt.

    Returns:
        What they returned, in their order.

    Raises:
        Interrupted: This process was.
        Exception: What the first of those that failed raised.
    """
    children = Children()
    with ThreadPoolExecutor(min(jobs, len(calls))) as crew:
        futures = [crew.submit(call, children) for call in calls]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            _finish(futures)
        except KeyboardInterrupt as interrupt:
            children.interrupt()
            hurried = not _cleaned_up(futures, grace)
            children.kill()
            _finish(futures)
            ended = [each for each in futures if not each.cancelled()]
            failures = [error for each in ended if (error := each.exception()) is not None]
            results = [each.result() for each in ended if each.exception() is None]
            raise Interrupted(results, failures, hurried=hurried) from interrupt
        return [each.result() for each in futures]


def _finish(futures: Sequence[Future[Any]], timeout: float | None = None) -> None:
    for each in futures:
        each.cancel()
    wait(futures, timeout)


def _cleaned_up(futures: Sequence[Future[Any]], grace: float) -> bool:
    """Wait for the children; False when somebody would not."""
    try:
        _finish(futures, grace)
    except KeyboardInterrupt:
        return False
    return True
