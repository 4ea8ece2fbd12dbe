"""A process that ends when the one that watches over it has ended.

A process of ours that works for another one (the step of a Dagster run, a shard) would go on when
that one is killed: beside the rollback of its run, or beside its own next attempt, and nobody would
stop it. So it is interrupted as the other one would do it: steps clean up, and what was done is
undone. Where something is being undone already, that comes to its end first
(:mod:`synaflow_core.compensation.interrupts`).

On Windows nobody watches: a pipe cannot be waited for, and a signal would end the process at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import threading
from collections.abc import Iterator

logger = logging.getLogger("synaflow.runtime")


@contextlib.contextmanager
def interrupted_after(sentinel: int, number: signal.Signals) -> Iterator[None]:
    """Send this process a signal when another one ends before the block does.

    Args:
        sentinel: A file descriptor that can be read from when the other one has ended.
        number: What that one would send to interrupt us.
    """
    if os.name == "nt":
        yield
        return
    left, leave = os.pipe()
    watch = threading.Thread(target=_watch, args=(sentinel, left, number), daemon=True)
    watch.start()
    try:
        yield
    finally:
        os.close(leave)
        watch.join()
        os.close(left)


def _watch(sentinel: int, left: int, number: signal.Signals) -> None:
    with selectors.DefaultSelector() as selector:
        for each in (sentinel, left):
            selector.register(each, selectors.EVENT_READ)
        ready = {key.fd for key, _ in selector.select()}
    if left not in ready:
        logger.warning("the process that this one works for has ended: ending, too")
        os.kill(os.getpid(), number)
