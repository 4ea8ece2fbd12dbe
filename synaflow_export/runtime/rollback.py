"""Undoing a run of an export on a worker: two calls, the same for every orchestrator.

What they do is told in :mod:`synaflow_core.compensation`; when to call them, in
``docs/reference/rollback.md``. A target's module wraps them as it wraps
:func:`~synaflow_export.runtime.running.run_exported`::

    result = roll_back(exported, place, error="task 'publish' failed")  # once, after all has ended
    refuse_undone(exported, place)                                # before a run ends as successful
"""

from __future__ import annotations

from synaflow_core.compensation import (
    RollbackResult,
    attempts_at_work,
    rollback_run,
    undone_macro_tasks,
)
from synaflow_core.compensation.ledger import UNDONE, Ledger
from synaflow_core.errors import HandoffError
from synaflow_core.handoff import HandoffStore
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.running import Place, phases_logged, wait_until_undone
from synaflow_export.runtime.storage import open_store
from synaflow_export.runtime.waiting import PATIENCE, wait_until_none


def roll_back(
    exported: Exported,
    place: Place,
    *,
    error: BaseException | str = "the run failed",
    patience: float = PATIENCE,
) -> RollbackResult:
    """Undo what the macro-tasks of a run have done, newest first, and log what was undone.

    An orchestrator may say that a run has failed while a task of it is still at work: it is
    interrupted and cleans up, or what watched over it is gone. So this waits for those that have
    begun and not told their end. It waits in vain for one that was killed on another machine;
    what was killed on this one is known to be gone.

    Args:
        exported: The folder of the export.
        place: Where it runs: the store and run key that the macro-tasks had.
        error: Why, for rollbacks that ask for ``error``.
        patience: Seconds to wait for, at most.

    Returns:
        What was undone, what failed and what had been undone before. A rollback that fails does not
        raise: ``result.complete`` is False, and calling this again tries it again.

    Raises:
        DriftError: The user's code cannot be found any more.
        HandoffError: The ledger cannot be read.
    """
    store = open_store(
        place.store, place.home, allow_pickle=exported.allow_pickle, log=place.logger
    )
    _wait_for_all(exported.contract.name, place, store, patience)
    with exported.pipeline() as pipeline, phases_logged(place.logger):
        result = rollback_run(pipeline, place.run_key, store, error=error, run_id=place.run_id)
    if result.left_to:
        place.logger.warning(
            "nothing is undone: run %s was the last one at work on the same window, and what was "
            "done is its affair",
            result.left_to,
        )
        return result
    for each in result.undone:
        place.logger.info("rolled back %s", _named(each.step, each.macro_task, each.shard))
    for each in result.failed:
        place.logger.error(
            "could not roll back %s: %s", _named(each.step, each.macro_task, each.shard), each.error
        )
    before = f", {len(result.already)} had been before" if result.already else ""
    place.logger.info(
        "rollback of run '%s': %d step%s undone, %d failed%s",
        place.run_key,
        len(result.undone),
        "" if len(result.undone) == 1 else "s",
        len(result.failed),
        before,
    )
    return result


def _wait_for_all(pipeline: str, place: Place, store: HandoffStore, patience: float) -> None:
    def at_work() -> list[str]:
        return [
            f"macro-task '{name}'{_of_shard(shard)}"
            for name, shard in attempts_at_work(pipeline, place.run_key, store)
        ]

    try:
        wait_until_none(at_work, patience, place.logger)
    except HandoffError as error:
        # Whether it can be undone, the rollback finds out itself.
        place.logger.warning("cannot tell what is still at work: %s", error)


def refuse_undone(exported: Exported, place: Place) -> None:
    """Fail a run that is about to end as successful although some of its work is undone.

    That happens when a run was rolled back as a whole and then retried in part.

    Raises:
        HandoffError: Naming the macro-tasks that have to run again.
    """
    store = open_store(
        place.store, place.home, allow_pickle=exported.allow_pickle, log=place.logger
    )
    undone = undone_in_plan(exported, place.run_key, store)
    if undone:
        names = ", ".join(dict.fromkeys(f"'{name}'" + _of_shard(shard) for name, shard in undone))
        raise HandoffError(
            f"the work of macro-task {names} was undone when this run was rolled back, and was not "
            "done again\n    -> run them again, with all that comes after them"
        )


def undone_in_plan(
    exported: Exported, run_key: str, store: HandoffStore
) -> tuple[tuple[str, int | None], ...]:
    """Macro-tasks (and shards) whose work is undone and was not done again.

    The runs of a window share a ledger, and an export may have come between them: what the plan
    does not have any more is not missed.

    Raises:
        HandoffError: The ledger cannot be read.
    """
    undone = undone_macro_tasks(exported.contract.name, run_key, store)
    return tuple((name, shard) for name, shard in undone if name in exported.weights)


def undone_entries(exported: Exported, place: Place) -> int:
    """How many entries of a run's ledger are undone; grows with everything that is undone.

    For orchestrators that keep results: those of before and after a rollback are not the same. So
    this waits for the end of one that is at work.

    Raises:
        HandoffError: The ledger cannot be read.
    """
    store = open_store(place.store, place.home, allow_pickle=exported.allow_pickle, log=None)
    wait_until_undone(exported.contract.name, place, store)
    listing = Ledger(store, exported.contract.name, place.run_key).listing()
    return len(listing.marked[UNDONE])


def _named(step: str, macro_task: str, shard: int | None) -> str:
    return f"step '{step}' of macro-task '{macro_task}'{_of_shard(shard)}"


def _of_shard(shard: int | None) -> str:
    return "" if shard is None else f", shard {shard + 1}"
