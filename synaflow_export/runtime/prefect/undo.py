"""Undoing a run that failed, crashed or was cancelled: called by the hooks of its flow.

In the process of the run after a failure, in that of the worker when the run's own was ended.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.logging.loggers import flow_run_logger
from prefect.states import State

from synaflow_export.runtime.prefect.run import Run, exported_in, identity, place_of


def undo_run(folder: Path, flow_run: FlowRun, state: State[Any], *, store: str | None) -> None:
    """Undo what a run has done, newest first; called by a hook of the flow, after all has ended.

    The run stays failed. What cannot be undone is told in its log; retrying the run, or calling
    this again, tries it again.

    Args:
        folder: The folder beside the flow file.
        flow_run: The run that failed, crashed or was cancelled.
        state: What it ended in.
        store: URL of the handoff store that the flow file names, if any.
    """
    from synaflow_core.errors import ParamsError
    from synaflow_export.runtime.rollback import roll_back

    exported, logger = exported_in(str(folder)), flow_run_logger(flow_run)
    try:
        values, key = identity(exported, flow_run, flow_run.parameters)
    except ParamsError:  # it never came to know its window, and has done nothing
        logger.info("the run is of no window: there is nothing to undo")
        return
    place = place_of(Run(str(flow_run.id), str(folder), key, values, store), logger)
    error = f"flow run {flow_run.id} ended as {state.name}: {state.message}"
    with ThreadPoolExecutor(1) as pool:  # of its own, because it may start an event loop
        pool.submit(roll_back, exported, place, error=error).result()
