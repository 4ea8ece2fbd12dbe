"""What phases log (``LoggingStep``, ``context.log``) while a workflow runs in this process.

Python shows no such lines unless somebody asks for them. Where the user's code has set up a log of
its own, that shows what it wants.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["phase_log"]


@contextlib.contextmanager
def phase_log() -> Iterator[None]:
    """Show it on stderr, as that is when the block begins: above the bars, if there are any."""
    log = logging.getLogger("synaflow.phases")
    if log.hasHandlers() or log.level:
        yield
        return
    handler = logging.StreamHandler()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(logging.NOTSET)
        log.removeHandler(handler)
