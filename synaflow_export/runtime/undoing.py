"""Undoing a run of an export that failed, whatever the orchestrator: the part that all share.

A target finds out that a run has failed for good, and under which key its macro-tasks ran; what was
done and how it is undone is in the handoff store (:mod:`synaflow_core.compensation`).
"""

from __future__ import annotations

from collections.abc import Iterable
from logging import Logger
from pathlib import Path

from synaflow_core.compensation import RollbackResult, rollback_run, undone_macro_tasks
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.storage import open_store


def undo_run(
    exported: Exported, run_key: str, *, store: str | None, home: Path, error: str, logger: Logger
) -> RollbackResult:
    """Undo what a run has done, newest first; calling it again does what is left.

    Args:
        exported: The folder of the export.
        run_key: Key that the run's macro-tasks were given.
        store: URL of the handoff store that the generated file names, if any.
        home: The orchestrator's own folder, for want of a store.
        error: Why it is undone, for rollbacks that ask.
        logger: Is told what was undone.

    Raises:
        DriftError: The pipeline's code is gone.
        HandoffError: The ledger cannot be read.
    """
    opened = open_store(store, home, allow_pickle=exported.allow_pickle, log=None)
    with exported.pipeline() as pipeline:
        result = rollback_run(pipeline, run_key, opened, error=error)
    for step in result.undone:
        logger.info("step '%s' of macro-task '%s' was undone", step.step, step.macro_task)
    for step in result.failed:
        logger.error("step '%s' could not be undone: %s", step.step, step.error)
    if not (result.undone or result.failed):
        logger.info("nothing is left to be undone in run '%s'", run_key)
    return result


def has_rollbacks(exported: Exported) -> bool:
    """Whether a run of the pipeline can leave anything to be undone."""
    return any(step.rollback for step in exported.contract.steps.values())


def lacking(
    exported: Exported, run_key: str, *, store: str | None, home: Path, again: Iterable[str] = ()
) -> tuple[str, ...]:
    """Macro-tasks of a run whose work was undone and is not done again.

    Args:
        exported: The folder of the export.
        run_key: Key of the run.
        store: As for :func:`undo_run`; so is the next.
        home: The orchestrator's own folder.
        again: Macro-tasks that run once more, elsewhere.

    Raises:
        HandoffError: The ledger cannot be read.
    """
    opened = open_store(store, home, allow_pickle=exported.allow_pickle, log=None)
    found = undone_macro_tasks(exported.contract.name, run_key, opened)
    known = set(again)
    return tuple(dict.fromkeys(name for name, _ in found if name not in known))
