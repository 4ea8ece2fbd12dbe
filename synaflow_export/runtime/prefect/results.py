"""What is tried again, and which results a retried run may take from the one before.

Both are options of ``@task``, and stand in the block of the flow file that its owner may edit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from prefect.states import State


def may_pass(_task: Any, _task_run: Any, state: State[Any]) -> bool:
    """Whether another try may succeed; for ``retry_condition_fn``.

    A connection that broke may; wrong data, wrong params or wrong code fails at once.
    """
    from synaflow_export.runtime.retry import worth_retrying

    return not isinstance(state.data, BaseException) or worth_retrying(state.data)


def once_per_run(context: Any, arguments: Mapping[str, Any]) -> str:
    """Key of a task's result: the task, the run and what it was given; for ``cache_key_fn``.

    A retry of the same run finds the result again, another run never does.
    """
    return _result_key(context, arguments, 0)


def until_undone(context: Any, arguments: Mapping[str, Any]) -> str:
    """As :func:`once_per_run`, for tasks with rollbacks: what was undone has to be done again."""
    return _result_key(context, arguments, arguments["run"].undone)


def _result_key(context: Any, arguments: Mapping[str, Any], undone: int) -> str:
    given = {name: value for name, value in arguments.items() if name != "run"}
    parts = [arguments["run"].id, context.task.name, undone, given]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
