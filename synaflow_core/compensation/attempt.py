"""The beginning of an attempt of a macro-task that can be undone.

An earlier attempt that was killed has left work behind that it could not undo; one that succeeded
did its work for good, until somebody runs the same again. The next attempt of the macro-task (or
shard) undoes it first, so that every attempt begins clean. Should the earlier one still be at work,
the fence of this one tells it that it has been superseded.
"""

from __future__ import annotations

import logging

from synaflow_core.compensation.ledger import Ledger, Sequence
from synaflow_core.compensation.remembered import RememberedJournal
from synaflow_core.compensation.rollback import undo_entries
from synaflow_core.compensation.turn import Turn
from synaflow_core.dag import Dag
from synaflow_core.errors import RunError
from synaflow_core.handoff import HandoffStore
from synaflow_core.handoff.writer import new_attempt

logger = logging.getLogger("synaflow.compensation")


def begin_attempt(
    dag: Dag,
    store: HandoffStore,
    run_key: str,
    *,
    macro_task: str,
    part: tuple[int, int] | None,
    datasets: tuple[str, ...],
    run_id: str = "",
) -> RememberedJournal | None:
    """The journal of an attempt; None when no step of the pipeline has a rollback.

    Args:
        dag: The compiled pipeline.
        store: Where the run keeps its datasets and its ledger.
        run_key: Key of the run.
        macro_task: Name of the macro-task.
        part: Index of the shard and number of shards, or None.
        datasets: Addresses of what the macro-task writes.
        run_id: Which of the runs of that key it is.

    Raises:
        HandoffError: The ledger cannot be read.
        SupersededError: Another attempt, or a rollback of the run, began in the same moment.
    """
    if all(step.rollback is None for step in dag.steps.values()):
        return None
    ledger = Ledger(store, dag.name, run_key)
    turn = Turn(ledger, ledger.fence(new_attempt(), macro_task, part, run_id))
    listing = ledger.listing()
    journal = RememberedJournal(
        dag=dag,
        macro_task=macro_task,
        part=part,
        turn=turn,
        datasets=datasets,
        sequence=Sequence(listing.last),
    )
    try:
        journal.refuse_superseded(listing)  # of two that begin at once, one goes on
        _undo_what_is_left(dag, turn, listing.left_to(macro_task, part), macro_task)
        journal.refuse_superseded()  # somebody may have taken over what was left
    except BaseException:
        journal.close()
        raise
    return journal


def _undo_what_is_left(dag: Dag, turn: Turn, names: tuple[str, ...], macro_task: str) -> None:
    turn.ledger.take_over(turn.fence, names)
    if not names:
        return
    logger.warning("macro-task '%s' is run again: undoing first what it had done", macro_task)
    result = undo_entries(dag, turn, names, RunError(f"macro-task '{macro_task}' is run again"))
    undone = dict.fromkeys(step.step for step in result.undone)
    logger.info("undone: %s", ", ".join(undone) or "nothing")
    for failed in result.failed:
        logger.error(
            "macro-task '%s' goes on, although what step '%s' did before could not be undone: %s\n"
            "    -> that is tried again whenever the macro-task or the run is undone",
            macro_task,
            failed.step,
            failed.error,
        )
