"""The body of a task: the steps of one macro-task, or of one shard of it, and joining shards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger

from synaflow_export.runtime.prefect.artifacts import TaskProgress
from synaflow_export.runtime.prefect.ending import ended, told_by_state
from synaflow_export.runtime.prefect.run import Part, Refs, Run, Shard, exported_in, place_of

if TYPE_CHECKING:
    from synaflow_core.macro.task import MacroResult, MacroSpec


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
    from synaflow_export.runtime.portable import portable
    from synaflow_export.runtime.running import run_exported
    from synaflow_export.runtime.shards import part_of

    exported = exported_in(run.folder)
    progress = TaskProgress(Path(run.folder).name, macro_task)
    place = place_of(run, get_run_logger(), macro_task, on_progress=progress.show)
    try:
        spec, result = run_exported(
            exported, macro_task, place, params=run.params, inputs=inputs or {}, shard=shard
        )
    except Exception as error:
        raise portable(error) from None
    progress.done()
    made = _refs(spec, result) if shard is None else part_of(shard, result)
    return told_by_state(made, [_remark(report) for report in result.report.steps])


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
        refs: The future of the task (or the state of the subflow) that makes the dataset.
    """
    from synaflow_export.runtime import shards

    state = ended(refs)
    if state is not None and not state.is_completed():
        return [{"label": "none"}]  # it will not run, for want of what it reads
    made = refs if state is None else state.result(_sync=True)
    return shards.plan_shards(exported_in(run.folder), macro_task, made)


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

    place = place_of(run, get_run_logger(), macro_task)
    spec, result = shards.join_shards(exported_in(run.folder), macro_task, place, parts)
    return told_by_state(_refs(spec, result), [_remark(report) for report in result.report.steps])


def _refs(spec: MacroSpec, result: MacroResult) -> Refs:
    from synaflow_export.runtime.running import returned

    return {out.dataset: returned(result.refs[out.dataset]) for out in spec.outputs}


def _remark(report: Any) -> str:
    """What is worth telling about one step: nothing if all went well."""
    if report.status != "ok":
        return f"step '{report.name}' {report.status}"
    if report.errors:
        return f"step '{report.name}': {report.errors:,} error{'s' * (report.errors > 1)}"
    return ""
