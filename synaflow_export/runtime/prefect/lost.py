"""How tasks have ended, also those whose worker was lost.

Such a task can tell nobody: for the server it would run for ever. What had given it to the worker
knows. Ray says it in a state that does not reach the server, a pool of processes in an error, and
Dask in an error that Prefect's future keeps to itself.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.futures import PrefectFuture
from prefect.states import State, exception_to_crashed_state
from prefect.utilities.asyncutils import run_coro_as_sync


def state_of(future: PrefectFuture[Any]) -> State[Any]:
    """Wait for a task; the state in which it ended.

    Where its worker was lost that is ``Crashed``, here and on the server.
    """
    error = _error_of(getattr(future, "wrapped_future", None))
    if error is None:
        future.wait()  # until then its state may be an earlier one
    state = future.state if error is None else _crashed(error)
    if state.is_crashed():
        _tell(future.task_run_id, state)
    return state


def _error_of(wrapped: Any) -> BaseException | None:
    """Why a task cannot tell how it ended; waits for it. What Ray gives cannot be asked."""
    ask = getattr(wrapped, "exception", None)
    try:
        error: BaseException | None = ask() if callable(ask) else None
    except CancelledError as cancelled:
        return cancelled
    return error


def _crashed(error: BaseException) -> State[Any]:
    state: State[Any] = run_coro_as_sync(exception_to_crashed_state(error))
    return state


def _tell(task_run_id: UUID, state: State[Any]) -> None:
    """Tell the server of a crash, unless it knows how the task ended, or knows no such task."""
    with get_client(sync_client=True) as client:
        try:
            known = client.read_task_run(task_run_id).state
        except ObjectNotFound:  # it could not begin, for want of what a lost one should have given
            return
        if known is None or not known.is_final():
            told = state.model_copy(update={"data": None})
            client.set_task_run_state(task_run_id, told, force=True)
