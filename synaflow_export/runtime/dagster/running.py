"""One macro-task as a step of a Dagster run.

How failures are told to Dagster: always as ``dg.Failure`` with the counts of the inner steps, and
what :mod:`synaflow_export.runtime.retry` calls final does not allow retries. An exceeded error
threshold is told as the failed check of an asset, too. What is no error of ours (a full disk, a
killed process) propagates, and the retry policy of the file decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from synaflow_core.errors import (
    PipelineStopException,
    SynaflowError,
    ThresholdExceededException,
)
from synaflow_core.handoff import DatasetRef
from synaflow_export.runtime.dagster.place import Placing

if TYPE_CHECKING:
    from synaflow_core.macro import MacroResult, MacroSpec
    from synaflow_export.runtime.dagster.export import Export
    from synaflow_export.runtime.dagster.results import Results
    from synaflow_export.runtime.exported import Exported


def run_macro_task(
    context: dg.AssetExecutionContext,
    export: Export,
    macro_task: str,
    *,
    inputs: Mapping[str, DatasetRef | None] | None = None,
    params: dg.ConfigurableResource | None = None,
) -> Iterator[Any]:
    """Run the steps of one macro-task; called from the function of an asset.

    Args:
        context: Dagster's context of the running step.
        export: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> its reference; None for one that its step did not produce.
        params: The resource that holds the run's params.

    Yields:
        A materialisation per dataset that was produced, an observation for each that was not, and
        the result of every check.

    Raises:
        Failure: Of dg: the macro-task failed; without retries where another try would only repeat
            it.
        Exception: Any other failure; Dagster tries again as the file says.
    """
    from synaflow_export.runtime.dagster.results import Results
    from synaflow_export.runtime.dagster.rollback import refuse_undone

    placing = Placing(context, export, next(iter(context.assets_def.keys)).path[0])
    refuse_undone(placing)
    results = Results(context)
    try:
        spec, result = _run(placing, macro_task, inputs or {}, params, results)
    except ThresholdExceededException as error:
        yield from results.exceeded(error)
        raise results.failure(error) from error
    except PipelineStopException as error:
        if isinstance(error.cause, dg.Failure | dg.RetryRequested):  # a step that knows Dagster
            raise error.cause from error
        raise results.failure(error) from error
    except SynaflowError as error:
        raise results.failure(error) from error
    yield from results.produced(spec, result)


def _run(
    placing: Placing,
    macro_task: str,
    inputs: Mapping[str, DatasetRef | None],
    params: dg.ConfigurableResource | None,
    results: Results,
) -> tuple[MacroSpec, MacroResult]:
    from synaflow_export.runtime.running import returned, run_exported
    from synaflow_export.runtime.shard_processes import run_shards

    exported = placing.exported
    sharded = exported.macro_task(macro_task).shards is not None
    return (run_shards if sharded else run_exported)(
        exported,
        macro_task,
        placing.place(placing.context.run.run_id, results.keep),
        params=_values(params, exported),
        inputs={dataset: returned(ref) for dataset, ref in inputs.items()},
    )


def _values(params: dg.ConfigurableResource | None, exported: Exported) -> dict[str, Any]:
    """The run's params as JSON values, without those whose default only the class can make."""
    if params is None:
        return {}
    fields = exported.contract.params_schema["properties"]
    given: dict[str, Any] = params.model_dump(by_alias=True)
    return {
        name: value
        for name, value in given.items()
        if name in fields and not (value is None and "default" not in fields[name])
    }
