"""The worker side of a generated Prefect flow: what the flow and its tasks call.

The flow file imports this package, so it is light: beside Prefect it needs the standard library,
and the rest when a task runs. A run goes through it like this: :mod:`.run` makes the :class:`Run`
that every task is given, :mod:`.tasks` is the body of a task, :mod:`.ending` waits for the tasks
and ends the flow as they did. :mod:`.results` says what is kept for a retry and what is retried,
:mod:`.artifacts` what the UI shows, :mod:`.undo` what becomes of a run that failed. Between tasks
travel references, as plain JSON values.
"""

from __future__ import annotations

from synaflow_export.runtime.prefect.ending import finish_run, gather_refs
from synaflow_export.runtime.prefect.results import may_pass, once_per_run, until_undone
from synaflow_export.runtime.prefect.run import Part, Refs, Run, Shard, start_run
from synaflow_export.runtime.prefect.tasks import (
    join_shards,
    plan_shards,
    run_macro_task,
    run_macro_task_async,
)
from synaflow_export.runtime.prefect.undo import undo_run

__all__ = [
    "Part",
    "Refs",
    "Run",
    "Shard",
    "finish_run",
    "gather_refs",
    "join_shards",
    "may_pass",
    "once_per_run",
    "plan_shards",
    "run_macro_task",
    "run_macro_task_async",
    "start_run",
    "undo_run",
    "until_undone",
]
