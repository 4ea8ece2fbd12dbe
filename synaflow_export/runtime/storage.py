"""Where a worker finds the handoff store."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from synaflow_core.handoff import HandoffStore

ENVIRONMENT_VARIABLE = "SYNAFLOW_STORE"

logger = logging.getLogger("synaflow.storage")


def open_store(
    exported: str | None,
    home: Path,
    *,
    allow_pickle: bool,
    log: logging.Logger | None = logger,
) -> HandoffStore:
    """Open the store: the environment's, else the exported one, else a folder under ``home``.

    Args:
        exported: URL that the generated file names, if any.
        home: The orchestrator's own folder.
        allow_pickle: The plan has datasets that are pickled.
        log: Is warned when no store was chosen; None: nobody is.

    Raises:
        HandoffError: If there is no such kind of store.
    """
    url = os.environ.get(ENVIRONMENT_VARIABLE) or exported
    if not url:
        url = str(home / "synaflow")
        if log is not None:
            log.warning(
                "no store was chosen: datasets go to %s, which only this machine can reach. If "
                "tasks run on several machines, set %s or STORE to a URL that all can read.",
                url,
                ENVIRONMENT_VARIABLE,
            )
    return HandoffStore(url, allow_pickle=allow_pickle)
