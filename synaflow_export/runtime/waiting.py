"""Waiting for what is still at work before a run is undone, or done again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

PATIENCE = 20.0
"""Seconds that a rollback and a macro-task wait for what nobody has seen the end of."""

_SECONDS_BETWEEN_LOOKS = 0.5


def wait_until_none(
    at_work: Callable[[], Sequence[str]],
    seconds: float,
    logger: logging.Logger,
    otherwise: str = "goes on and will undo itself what it completes",
) -> None:
    """Wait until nothing is at work any more, and log what is waited for.

    Args:
        at_work: What is at work now, as people are told of it: ``task 'send'``.
        seconds: To wait for, at most.
        logger: Of the one that waits.
        otherwise: What becomes of it, if it was not killed.
    """
    end, told = time.monotonic() + seconds, ""
    while names := ", ".join(at_work()):
        if time.monotonic() > end:
            logger.warning(
                "%s: no word of its end in %.0f s. It was killed, or %s",
                names,
                seconds,
                otherwise,
            )
            return
        if names != told:
            logger.info("waiting for the end of %s", names)
            told = names
        time.sleep(_SECONDS_BETWEEN_LOOKS)
