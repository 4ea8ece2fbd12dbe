"""How a flow ends: when all its tasks have, and as they did.

Items that failed and were dropped leave a run green, in the state ``CompletedWithErrors``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from prefect import get_run_logger
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed, State, get_state_exception

from synaflow_export.runtime.prefect.artifacts import end_progress, progress_of, show_datasets
from synaflow_export.runtime.prefect.lost import state_of
from synaflow_export.runtime.prefect.run import Refs, Run, exported_in, place_of

WITH_ERRORS = "CompletedWithErrors"
"""Name of the state of what succeeded although something in it failed."""


def gather_refs(run: Run, tasks: Mapping[str, Any]) -> Refs:
    """Wait for tasks and put together what they returned; called last in a subflow.

    Args:
        run: From :func:`start_run`.
        tasks: Macro-task -> its future or, of a subflow, its state.

    Raises:
        Exception: The failure of the first of the tasks that failed, after all have ended.
    """
    return told_by_state(*_waited_for(run, tasks))


def finish_run(run: Run, tasks: Mapping[str, Any]) -> Refs:
    """Wait for all tasks of a run and show what it made; called last in a flow.

    Args:
        run: From :func:`start_run`.
        tasks: Macro-task -> its future or, of a subflow, its state.

    Returns:
        Dataset -> reference; in a state called ``CompletedWithErrors`` if a task was.

    Raises:
        Exception: The failure of the first of the tasks that failed, after all have ended.
        HandoffError: Work that was undone was not done again.
    """
    exported, done = exported_in(run.folder), False
    try:
        refs, remarks = _waited_for(run, tasks)
        if exported.contract.undoable:
            from synaflow_export.runtime.rollback import refuse_undone

            refuse_undone(exported, place_of(run, get_run_logger()))
        done = True
    finally:
        end_progress(run.id, done=done)
    show_datasets(Path(run.folder).name, refs)
    return told_by_state(refs, remarks)


def ended(given: Any) -> State[Any] | None:
    """The state in which a task or subflow ended; None for what somebody put in its place."""
    if isinstance(given, PrefectFuture):
        return state_of(given)
    return given if isinstance(given, State) else None


def told_by_state(refs: Refs, remarks: list[str]) -> Refs:
    """What a task or flow returns; remarks, if there are any, become its state."""
    told = [remark for remark in remarks if remark]
    if not told:
        return refs
    # Prefect takes a state for the state of what returned it, and its data for what was returned.
    return cast("Refs", Completed(name=WITH_ERRORS, message="; ".join(told), data=refs))


def _waited_for(run: Run, tasks: Mapping[str, Any]) -> tuple[Refs, list[str]]:
    """The references of all tasks, and what is to be remarked on them."""
    futures = [(task, future) for task, given in tasks.items() for future in _futures(given)]
    names = {id(future): task for task, future in futures}
    left = Counter(task for task, _ in futures)
    progress = progress_of(run.id)
    for future in as_completed([future for _, future in futures]):
        task = names[id(future)]
        left[task] -= state_of(future).is_completed()
        if not left[task]:
            progress.ended(task)
    _raise_first_failure(
        [state for given in tasks.values() for state in map(ended, _parts(given)) if state]
    )
    refs: Refs = {}
    told = []
    for task, given in tasks.items():
        if isinstance(given, list):  # shards: another task has joined them
            continue
        state = ended(given)
        refs.update(given if state is None else state.result(_sync=True))
        if state is not None and state.name == WITH_ERRORS:
            told.append(state.message or task)
    return refs, told


def _raise_first_failure(states: list[State[Any]]) -> None:
    failed = [state for state in states if not state.is_completed()]
    # A task that never ran, for want of what a failed one should have given it, is pending.
    for state in sorted(failed, key=lambda state: state.is_pending()):
        raise get_state_exception(state, _sync=True)


def _futures(given: Any) -> list[PrefectFuture[Any]]:
    return [part for part in _parts(given) if isinstance(part, PrefectFuture)]


def _parts(given: Any) -> list[Any]:
    """The shards of a sharded macro-task, or what is given itself."""
    return list(given) if isinstance(given, list) else [given]
