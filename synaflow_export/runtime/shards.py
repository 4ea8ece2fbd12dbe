"""Sharded macro-tasks on a worker: three calls, the same for every orchestrator.

A macro-task whose ``shards`` in the plan is not null runs as several mapped instances, each on a
contiguous slice of one dataset. A generated file maps it with the orchestrator's own means::

    shards = plan_shards(...)                      # a small task: a list, never empty
    parts  = [run_macro_task(..., shard=s) for s in shards]      # mapped: one task per shard
    refs   = join_shards(..., parts)               # a small task: what the next tasks get

1. :func:`plan_shards` gives the slices as JSON: ``{"index": 1, "count": 8, "start": 100, "stop":
   200, "rows": 800, "label": "2/8"}``. There is at least one (an empty one where there are no
   rows) and never more than the plan's ``max_shards``; ``label`` is for the orchestrator's UI.
   It reads references only, no data and no code of the user's.
2. The target's own ``run_macro_task`` takes ``shard=`` (None for a macro-task that is not
   sharded), hands :func:`shard_of` of it to :func:`synaflow_core.macro.run_macro_task`, and
   returns :func:`part_of` of the result: JSON that says which shard it is of, with references and
   counts. Each instance may be retried alone, at any time, on any machine.
3. :func:`join_shards` takes all those returns, in any order, refuses missing and repeated ones,
   sums up the counts, judges the error thresholds on the sums, and makes the parts one dataset
   each. Its result is what an unsharded macro-task's would be: references by dataset and a report.

Nothing else differs from a macro-task that is not sharded: same inputs, same store, same run key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from synaflow_core import joining
from synaflow_core.errors import DriftError, HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro import MacroResult, MacroSpec
from synaflow_core.shards import Shard, split
from synaflow_export.runtime.exported import Exported


def plan_shards(
    exported: Exported, macro_task: str, inputs: Mapping[str, DatasetRef | None]
) -> list[dict[str, Any]]:
    """Cut the input of a sharded macro-task into slices.

    Args:
        exported: What was exported.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> reference, at least for the one that is sliced; None for one that its
            step did not produce, which gives one empty shard.

    Raises:
        DriftError: The plan does not have that macro-task, or it is not sharded.
        HandoffError: The reference of the dataset that is sliced is missing.
    """
    spec = exported.macro_task(macro_task)
    if spec.shards is None:
        raise DriftError(
            f"macro-task '{macro_task}' is not sharded in the plan in {exported.folder}. "
            "Export again, so that the generated file and the plan belong together."
        )
    sliced = spec.shards.dataset
    if sliced not in inputs:
        raise HandoffError(
            f"the reference of dataset '{sliced}' is missing: the task that makes it did not run\n"
            "    -> clear that task, so that it runs again"
        )
    ref = inputs[sliced]
    shards = split(spec.shards, 0 if ref is None else ref.count)
    return [msgspec.to_builtins(shard) for shard in shards]


def shard_of(values: Mapping[str, Any] | None) -> Shard | None:
    """The shard that :func:`plan_shards` described; None for None.

    Raises:
        HandoffError: It is no description of a shard.
    """
    if values is None:
        return None
    try:
        return msgspec.convert(values, Shard)
    except msgspec.ValidationError as problem:
        raise HandoffError(
            f"this is no description of a shard: {problem}\n"
            "    -> pass on what plan_shards returned, unchanged"
        ) from problem


def part_of(shard: Shard, result: MacroResult) -> dict[str, Any]:
    """What an instance returns: JSON for :func:`join_shards`."""
    return joining.result_to_json(joining.ShardResult(shard, result.refs, result.report))


def join_shards(
    exported: Exported,
    macro_task: str,
    parts: Iterable[Mapping[str, Any]],
    *,
    store: HandoffStore,
    run_key: str,
) -> MacroResult:
    """Put together what the instances of a sharded macro-task returned.

    Args:
        exported: What was exported.
        macro_task: Name of the macro-task in the plan.
        parts: What :func:`part_of` gave for each shard, in any order.
        store: The store that the instances wrote to.
        run_key: The run key that they had.

    Raises:
        ThresholdExceededException: Too many items of a step failed, over all shards.
        HandoffError: A shard is missing or there twice, or what it wrote is not there.
    """
    spec: MacroSpec = exported.macro_task(macro_task)
    return joining.join_shards(
        spec,
        map(joining.result_from_json, parts),
        contract=exported.contract,
        store=store,
        run_key=run_key,
    )
