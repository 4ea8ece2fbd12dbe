"""The shards of a macro-task as steps of Dagster's own; what they do is :mod:`..runtime.shards`.

What the three ops hand to each other is small JSON, kept by the same IO manager as references.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from synaflow_core.errors import SynaflowError
from synaflow_core.handoff import DatasetRef
from synaflow_export.runtime.dagster.place import Placing
from synaflow_export.runtime.dagster.rollback import refuse_undone
from synaflow_export.runtime.dagster.running import (
    ended_with_its_run,
    given_params,
    told_in_dagsters_terms,
)

if TYPE_CHECKING:
    from synaflow_export.runtime.dagster.export import Export


def plan_shards(
    context: dg.OpExecutionContext,
    export: Export,
    macro_task: str,
    *,
    inputs: Mapping[str, DatasetRef | None],
) -> Iterator[dg.DynamicOutput]:
    """Cut the input of a sharded macro-task into slices.

    Args:
        context: Dagster's context of the op.
        export: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        inputs: The dataset that is sliced -> its reference.

    Yields:
        A slice for each shard.

    Raises:
        Failure: Of dg: as for :func:`~synaflow_export.runtime.dagster.running.run_macro_task`.
    """
    from synaflow_export.runtime import shards
    from synaflow_export.runtime.running import returned

    placing = Placing(context, export)
    try:
        refuse_undone(placing)
        slices = shards.plan_shards(
            placing.exported, macro_task, {name: returned(ref) for name, ref in inputs.items()}
        )
    except SynaflowError as error:
        raise told_in_dagsters_terms(error) from error
    for one in slices:
        yield dg.DynamicOutput(one, mapping_key=f"{one['index'] + 1}_of_{one['count']}")


def run_shard(
    context: dg.OpExecutionContext,
    export: Export,
    macro_task: str,
    shard: Mapping[str, Any],
    *,
    inputs: Mapping[str, DatasetRef | None],
    params: dg.ConfigurableResource | None = None,
) -> dict[str, Any]:
    """Run one shard; returns what :func:`join_shards` needs of it.

    Args:
        context: Dagster's context of the op.
        export: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        shard: From :func:`plan_shards`.
        inputs: Dataset -> its reference.
        params: The resource that holds the run's params.

    Raises:
        Failure: Of dg.
        Exception: Any other failure; Dagster tries again as the file says.
    """
    from synaflow_export.runtime.dagster.results import Report
    from synaflow_export.runtime.running import returned, run_exported
    from synaflow_export.runtime.shards import part_of

    placing, report = Placing(context, export), Report()
    try:
        with ended_with_its_run(context):
            _, result = run_exported(
                placing.exported,
                macro_task,
                placing.place(context.run.run_id, report.keep),
                params=given_params(params, placing),
                inputs={name: returned(ref) for name, ref in inputs.items()},
                shard=shard,
            )
    except SynaflowError as error:
        raise told_in_dagsters_terms(error, report) from error
    context.add_output_metadata(report.told())
    return part_of(shard, result)


def join_shards(
    context: dg.OpExecutionContext,
    export: Export,
    macro_task: str,
    parts: Iterable[Mapping[str, Any]],
) -> Iterator[dg.Output[DatasetRef | None]]:
    """Put together what the shards wrote, and judge the error thresholds on the sums.

    Args:
        context: Dagster's context of the op.
        export: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        parts: What :func:`run_shard` returned for each shard.

    Yields:
        The datasets, in the order of the plan.

    Raises:
        Failure: Of dg.
    """
    from synaflow_export.runtime import shards
    from synaflow_export.runtime.dagster.results import Report, facts, version

    placing, report = Placing(context, export), Report()
    try:
        spec, result = shards.join_shards(
            placing.exported, macro_task, placing.place(context.run.run_id, report.keep), parts
        )
    except SynaflowError as error:
        raise told_in_dagsters_terms(error, report) from error
    report.done = placing.exported.done_after(macro_task)
    for out, op_output in zip(spec.outputs, context.op_def.output_defs, strict=True):
        ref = result.refs[out.dataset]
        metadata = {**report.told(), **facts(ref)}
        with warnings.catch_warnings():
            # The version of an output is called beta; whoever runs the job can do nothing about it.
            warnings.simplefilter("ignore", dg.BetaWarning)
            made = dg.Output(ref, op_output.name, metadata=metadata, data_version=version(ref))
        yield made
