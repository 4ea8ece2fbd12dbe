"""Sharded macro-tasks on a worker: three calls, the same for every orchestrator.

A macro-task whose ``shards`` in the plan is not null runs as several mapped instances, each on a
contiguous slice of one dataset (``task.shards.dataset``, one of its inputs). A generated file maps
it with the orchestrator's own means; a target's module wraps each of these calls, as it wraps
:func:`~synaflow_export.runtime.running.run_exported`::

    shards = plan_shards(exported, name, inputs)           # a small task; a list, never empty
    spec, result = run_exported(..., shard=shard)          # mapped: one task per shard, returning
    part_of(shard, result)                                 #   this
    spec, result = join_shards(exported, name, place, parts)  # a small task; its result is that
                                                           #   of a macro-task without shards

1. :func:`plan_shards` gives the slices as JSON: ``{"index": 1, "count": 8, "start": 100, "stop":
   200, "rows": 800, "label": "2/8"}``. There is at least one (an empty one where there are no
   rows) and never more than the plan's ``max_shards``; ``label`` is for the orchestrator's UI.
   It looks at references only: at no data, no store and no code of the user's.
2. ``run_exported(..., shard=...)`` takes one of them. Inputs, store and run key are those of a
   macro-task without shards; the other inputs are read as a whole by every instance. Each may be
   retried alone, at any time, on any machine. What it returns, :func:`part_of`, is small JSON.
3. :func:`join_shards` takes all those returns, in any order, refuses missing and repeated ones,
   sums up the counts, judges the error thresholds on the sums, and makes the parts one dataset
   each: ``returned(result.refs[dataset])`` is what the consumers get. It must run only when all
   shards have succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from synaflow_core.errors import DriftError
from synaflow_core.macro import joining
from synaflow_core.macro.shards import shard_from_json, split
from synaflow_core.macro.task import MacroResult, MacroSpec
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.running import Place, reference, tell_done, tell_reports
from synaflow_export.runtime.storage import open_store


def plan_shards(
    exported: Exported, macro_task: str, inputs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Cut the input of a sharded macro-task into slices.

    Args:
        exported: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> what the upstream task returned for it; only the one that is sliced
            is looked at.

    Raises:
        DriftError: The plan does not have that macro-task, or it is not sharded.
        HandoffError: The task that makes the dataset returned nothing.
    """
    spec = exported.macro_task(macro_task)
    if spec.shards is None:
        raise DriftError(
            f"macro-task '{macro_task}' is not sharded in the plan in {exported.folder}. "
            "Export again, so that the generated file and the plan belong together."
        )
    ref = reference(spec.shards.dataset, inputs)
    # A dataset that its step failed to produce: the one shard skips its steps, as a task would.
    shards = split(spec.shards, 0 if ref is None else ref.count)
    return [msgspec.to_builtins(shard) for shard in shards]


def part_of(shard: Mapping[str, Any], result: MacroResult) -> dict[str, Any]:
    """What an instance returns for :func:`join_shards`, as JSON values."""
    return joining.ShardResult(shard_from_json(shard), result.refs, result.report).to_json()


def join_shards(
    exported: Exported, macro_task: str, place: Place, parts: Iterable[Mapping[str, Any]]
) -> tuple[MacroSpec, MacroResult]:
    """Put together what the instances of a sharded macro-task wrote.

    Args:
        exported: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        place: Where it runs: the store and run key that the instances had.
        parts: What :func:`part_of` gave for each shard, in any order.

    Returns:
        As ``run_exported``: the report holds the sums, and was passed on to the place.

    Raises:
        ThresholdExceededException: Too many items of a step failed, over all shards.
        HandoffError: A shard is missing or there twice, or what it wrote is not there.
    """
    spec = exported.macro_task(macro_task)
    results = joining.in_order(spec, map(joining.ShardResult.from_json, parts))
    report = joining.joined_report(spec.name, results)
    tell_reports(macro_task, report.steps, report.duration, place)
    joined = joining.join_shards(
        spec,
        results,
        contract=exported.contract,
        store=open_store(
            place.store, place.home, allow_pickle=exported.allow_pickle, log=place.logger
        ),
        run_key=place.run_key,
    )
    tell_done(exported, macro_task, place)
    return spec, joined
