"""The worker side of a generated Prefect flow: what the flow and its tasks call.

The flow file imports this module, so it is light: beside Prefect it needs the standard library, and
the rest when a task runs. A run goes through it like this: :func:`start_run` makes the :class:`Run`
that every task is given, :func:`run_macro_task` is the body of a task, :func:`finish_run` waits for
the tasks and ends the flow as they did. Between tasks travel references, as plain JSON values.

* The key of a run is the id of its flow run, which a retry keeps: :func:`once_per_run` makes the
  retry reuse the results of the tasks that succeeded.
* What :mod:`.retry` calls final is not tried again (:func:`may_pass`).
* Items that failed and were dropped leave the run green, in the state ``CompletedWithErrors``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect import get_run_logger
from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Completed, State, get_state_exception
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from synaflow_export.runtime.prefect_artifacts import (
    begin_progress,
    end_progress,
    progress_of,
    show_datasets,
    show_steps,
)

if TYPE_CHECKING:
    from synaflow_core.macro import MacroResult, MacroSpec
    from synaflow_export.runtime.exported import Exported
    from synaflow_export.runtime.running import Place

Refs = dict[str, dict[str, Any]]
"""What a task returns: dataset -> its reference (address, number of elements, digest)."""

Shard = dict[str, Any]
"""One slice of the dataset that a sharded macro-task works on."""

Part = dict[str, Any]
"""What one shard returns."""

WITH_ERRORS = "CompletedWithErrors"
"""Name of the state of what succeeded although something in it failed."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline, as its tasks need to know it.

    Attributes:
        folder: The folder beside the flow file.
        key: Identifies the run: datasets of equal keys replace each other.
        params: The flow's parameters, by the names of the pipeline's params.
        store: URL of the handoff store that the flow file names, if any.
    """

    folder: str
    key: str
    params: dict[str, Any]
    store: str | None = None


def start_run(folder: Path, params: Mapping[str, Any], *, store: str | None = None) -> Run:
    """Begin a run; called first in a flow.

    Args:
        folder: The folder beside the flow file.
        params: Name of a param -> the flow's value of it.
        store: URL of the handoff store; the variable ``SYNAFLOW_STORE`` goes first.

    Raises:
        RuntimeError: If no flow run is going on.
    """
    if flow_run.id is None:
        raise RuntimeError("call the flow itself: without a flow run its data has no place")
    exported = _exported(str(folder))
    given = {name: value for name, value in params.items() if _is_given(exported, name, value)}
    run = Run(str(folder), str(flow_run.id), given, store)
    begin_progress(folder.name, run.key, exported.weights)
    return run


def run_macro_task(
    run: Run,
    macro_task: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    shard: Shard | None = None,
) -> Refs:
    """Run the steps of one macro-task; called from a task.

    Args:
        run: From :func:`start_run`.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> its reference, as the upstream task returned it.
        shard: One of those that :func:`plan_shards` gave; only this slice is worked on.

    Returns:
        Dataset -> reference, for all that was written (of a shard, what :func:`join_shards` takes);
        in a state called ``CompletedWithErrors`` if something inside failed and that was to be
        survived.

    Raises:
        Exception: Whatever went wrong; :func:`may_pass` says if Prefect shall try again.
    """
    from synaflow_export.runtime.running import run_exported
    from synaflow_export.runtime.shards import part_of

    exported = _exported(run.folder)
    place = _place(run, macro_task)
    params = {name: _json_value(value) for name, value in run.params.items()}
    spec, result = run_exported(
        exported, macro_task, place, params=params, inputs=inputs or {}, shard=shard
    )
    made = _refs(spec, result) if shard is None else part_of(shard, result)
    return _completed(made, [_remark(report) for report in result.report.steps])


async def run_macro_task_async(
    run: Run,
    macro_task: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    shard: Shard | None = None,
) -> Refs:
    """Run the steps of one macro-task of an async pipeline; as :func:`run_macro_task`."""
    return await asyncio.to_thread(run_macro_task, run, macro_task, inputs, shard=shard)


def plan_shards(run: Run, macro_task: str, refs: Any) -> list[Shard]:
    """Cut the dataset that a sharded macro-task works on into slices; called in a flow.

    Args:
        run: From :func:`start_run`.
        macro_task: Name of the macro-task in the plan.
        refs: The future of the task that makes the dataset, or what it returned.

    Raises:
        Exception: The failure of that task.
    """
    from synaflow_export.runtime import shards

    made = refs.result() if isinstance(refs, PrefectFuture) else refs
    return shards.plan_shards(_exported(run.folder), macro_task, made)


def join_shards(run: Run, macro_task: str, parts: Iterable[Part]) -> Refs:
    """Make one dataset each of what the shards of a macro-task wrote; called from a task.

    Args:
        run: From :func:`start_run`.
        macro_task: Name of the macro-task in the plan.
        parts: What :func:`run_macro_task` returned for each shard.

    Raises:
        ThresholdExceededException: Too many items of a step failed, over all shards.
    """
    from synaflow_export.runtime import shards

    place = _place(run, macro_task)
    spec, result = shards.join_shards(_exported(run.folder), macro_task, place, parts)
    return _completed(_refs(spec, result), [_remark(report) for report in result.report.steps])


def gather_refs(run: Run, tasks: Mapping[str, Any]) -> Refs:
    """Wait for tasks and put together what they returned; called last in a subflow.

    Args:
        run: From :func:`start_run`.
        tasks: Macro-task -> its future, or what a subflow returned.

    Raises:
        Exception: The failure of the first of the tasks that failed, after all have ended.
    """
    refs, remarks = _waited_for(run, tasks)
    progress_of(run.key).remarks.extend(remarks)
    return _completed(refs, remarks)


def finish_run(run: Run, tasks: Mapping[str, Any]) -> Refs:
    """Wait for all tasks of a run and show what it made; called last in a flow.

    Args:
        run: From :func:`start_run`.
        tasks: Macro-task -> its future, or what a subflow returned.

    Returns:
        Dataset -> reference; in a state called ``CompletedWithErrors`` if a task was.

    Raises:
        Exception: The failure of the first of the tasks that failed, after all have ended.
    """
    done = False
    try:
        refs, remarks = _waited_for(run, tasks)
        remarks = [*progress_of(run.key).remarks, *remarks]
        done = True
    finally:
        end_progress(run.key, done=done)
    show_datasets(Path(run.folder).name, refs)
    return _completed(refs, remarks)


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
    run: Run = arguments["run"]
    given = {name: value for name, value in arguments.items() if name != "run"}
    text = json.dumps([run.key, context.task.name, given], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _exported(folder: str) -> Exported:
    from synaflow_export.runtime.exported import Exported

    return Exported(Path(folder))


def _is_given(exported: Exported, name: str, value: Any) -> bool:
    """None stands for a default that is only known on the worker."""
    schema = exported.contract.params_schema
    computed = name not in schema["required"] and "default" not in schema["properties"][name]
    return not (value is None and computed)


def _place(run: Run, macro_task: str) -> Place:
    from synaflow_export.runtime.running import Place

    return Place(
        store=run.store,
        home=get_current_settings().home,
        run_key=run.key,
        logger=get_run_logger(),
        on_report=lambda report: show_steps(Path(run.folder).name, macro_task, report),
    )


def _refs(spec: MacroSpec, result: MacroResult) -> Refs:
    from synaflow_export.runtime.running import returned

    return {out.dataset: returned(result.refs[out.dataset]) for out in spec.outputs}


def _json_value(value: Any) -> Any:
    """A parameter as the worker's own check understands it: what it was before Prefect read it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Mapping):
        return {key: _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return to_jsonable_python(value)


def _waited_for(run: Run, tasks: Mapping[str, Any]) -> tuple[Refs, list[str]]:
    """The references of all tasks, and what is to be remarked on them."""
    futures = [(task, future) for task, given in tasks.items() for future in _futures(given)]
    names = {id(future): task for task, future in futures}
    left = Counter(task for task, _ in futures)
    progress = progress_of(run.key)
    for future in as_completed([future for _, future in futures]):
        future.wait()  # until then its state may be an earlier one
        task = names[id(future)]
        left[task] -= future.state.is_completed()
        if not left[task]:
            progress.ended(task)
    _raise_first_failure([future.state for _, future in futures])
    refs: Refs = {}
    told = []
    for task, given in tasks.items():
        if isinstance(given, list):  # shards: another task has joined them
            continue
        if isinstance(given, PrefectFuture):
            refs.update(given.result())
            if given.state.name == WITH_ERRORS:
                told.append(given.state.message or task)
        else:
            refs.update(given)
            progress.ended(task)
    return refs, told


def _futures(given: Any) -> list[PrefectFuture[Any]]:
    if isinstance(given, PrefectFuture):
        return [given]
    return list(given) if isinstance(given, list) else []


def _raise_first_failure(states: list[State[Any]]) -> None:
    failed = [state for state in states if not state.is_completed()]
    # A task that never ran, for want of what a failed one should have given it, is pending.
    for state in sorted(failed, key=lambda state: state.is_pending()):
        raise get_state_exception(state, _sync=True)


def _completed(refs: Refs, remarks: list[str]) -> Refs:
    told = [remark for remark in remarks if remark]
    if not told:
        return refs
    # Prefect takes a state for the state of what returned it, and its data for what was returned.
    return cast("Refs", Completed(name=WITH_ERRORS, message="; ".join(told), data=refs))


def _remark(report: Any) -> str:
    """What is worth telling about one step: nothing if all went well."""
    if report.status != "ok":
        return f"step '{report.name}' {report.status}"
    if report.errors:
        return f"step '{report.name}': {report.errors:,} error{'s' * (report.errors > 1)}"
    return ""
