"""The last two tasks of a DAG with rollbacks: one undoes a run that failed, one has the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowFailException, AirflowSkipException

from synaflow_core.errors import ParamsError
from synaflow_export.runtime import rollback
from synaflow_export.runtime.airflow.placing import or_fail, place_of_what_was_done
from synaflow_export.runtime.airflow.stopped import wait_for_those_stopped
from synaflow_export.runtime.airflow.verdict import what_is_missing
from synaflow_export.runtime.exported import Exported


def roll_back(
    folder: Path, *, store: str | None = None, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Undo what the tasks of a run have done, newest first; called when all of them have ended.

    Args:
        folder: The folder beside the DAG file.
        store: As for :func:`~synaflow_export.runtime.airflow.tasks.run_macro_task`.
        context: Airflow's context of the running task.

    Returns:
        The steps that were undone, and how many of them had been before.

    Raises:
        AirflowSkipException: The run has succeeded, or it is of no window.
        RuntimeError: A rollback failed; another try does what is left.
    """
    because = what_is_missing(context)
    if not because:
        raise AirflowSkipException("all is done: there is nothing to undo")
    exported = Exported(Path(folder))
    try:
        place = place_of_what_was_done(exported, store, context)
    except ParamsError as error:
        raise AirflowSkipException("the run is of no window: there is nothing to undo") from error
    wait_for_those_stopped(context)
    result = or_fail(lambda: rollback.roll_back(exported, place, error=because))
    if not result.complete:
        raise RuntimeError(f"{len(result.failed)} rollbacks failed; the log says which and why")
    undone = [step.step for step in result.undone]
    return {"undone": list(dict.fromkeys(undone)), "before": len(result.already)}


def conclude(folder: Path, *, store: str | None = None, context: Mapping[str, Any]) -> None:
    """Say whether a run has succeeded; called last of all.

    Args:
        folder: The folder beside the DAG file.
        store: As for :func:`~synaflow_export.runtime.airflow.tasks.run_macro_task`.
        context: Airflow's context of the running task.

    Raises:
        AirflowFailException: It has not; or work of it was rolled back and not done again.
    """
    because = what_is_missing(context)
    if because:
        raise AirflowFailException(because)
    exported = Exported(Path(folder))
    place = place_of_what_was_done(exported, store, context)
    or_fail(lambda: rollback.refuse_undone(exported, place))
