"""One macro-task as a step of a Dagster run.

How failures are told to Dagster: always as ``dg.Failure`` with the counts of the inner steps, and
what :mod:`synaflow_export.runtime.retry` calls final does not allow retries. An exceeded error
threshold is told as the failed check of an asset, too. What is no error of ours (a full disk, a
killed process) propagates, and the retry policy of the file decides.

The multiprocess executor runs each step in a process of its own. When the process of the run is
killed, Dagster takes the run as failed at once, and nobody watches over its steps any more; so they
do it themselves. In a run that executes its steps itself there is nothing to watch, and where each
step has a machine of its own (Kubernetes, Celery) that is the executor's affair.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from synaflow_core.errors import (
    SynaflowError,
    ThresholdExceededException,
)
from synaflow_core.handoff import DatasetRef
from synaflow_export.runtime.dagster.place import Placing

if TYPE_CHECKING:
    from synaflow_core.macro.task import MacroResult, MacroSpec
    from synaflow_export.runtime.dagster.export import Export
    from synaflow_export.runtime.dagster.results import Report


_EITHER = dg.multi_or_in_process_executor.name
"""Dagster's default: a process for each step, unless the config of the run says otherwise."""


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
    from synaflow_export.runtime.dagster.results import Report, Results
    from synaflow_export.runtime.dagster.rollback import refuse_undone

    placing, report = Placing(context, export), Report()
    results = Results(context, report)
    try:
        refuse_undone(placing)
        with ended_with_its_run(context):
            spec, result = _run(placing, macro_task, inputs or {}, params, report)
    except SynaflowError as error:
        if isinstance(error, ThresholdExceededException):
            yield from results.exceeded(error)
        raise told_in_dagsters_terms(error, report) from error
    report.done = placing.exported.done_after(macro_task)
    yield from results.produced(spec, result)


@contextlib.contextmanager
def ended_with_its_run(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
) -> Iterator[None]:
    """Interrupt the block when the process of the run is killed, as Dagster's *Terminate* does."""
    import multiprocessing

    from synaflow_export.runtime.watching import interrupted_after

    run = multiprocessing.parent_process()
    if run is None or not _has_own_process(context):
        yield
        return
    with interrupted_after(run.sentinel, signal.SIGINT):
        yield


def _has_own_process(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> bool:
    """Whether the run has started this process for this step."""
    executor = context.job_def.executor_def.name
    asked: Mapping[str, Any] = context.run.run_config.get("execution", {}).get("config", {})
    either = executor == _EITHER and "in_process" not in asked
    return executor == dg.multiprocess_executor.name or either


def told_in_dagsters_terms(error: SynaflowError, report: Report | None = None) -> BaseException:
    """What to raise for a failure of ours.

    Args:
        error: The failure.
        report: The counts of the inner steps, if any began.
    """
    from synaflow_export.runtime.retry import worth_retrying

    cause: BaseException | None = getattr(error, "cause", None)
    if cause is not None and isinstance(cause, dg.Failure | dg.RetryRequested):
        return cause  # raised by a step that knows Dagster
    again = worth_retrying(error)
    failure: BaseException = dg.Failure(
        f"{error}{'' if again else ' (not worth a retry)'}",
        metadata=report.told() if report is not None else None,
        allow_retries=again,
    )
    return failure


def _run(
    placing: Placing,
    macro_task: str,
    inputs: Mapping[str, DatasetRef | None],
    params: dg.ConfigurableResource | None,
    report: Report,
) -> tuple[MacroSpec, MacroResult]:
    from synaflow_export.runtime.running import returned, run_exported
    from synaflow_export.runtime.shard_processes import run_shards

    exported = placing.exported
    sharded = exported.macro_task(macro_task).shards is not None
    return (run_shards if sharded else run_exported)(
        exported,
        macro_task,
        placing.place(placing.context.run.run_id, report.keep),
        params=given_params(params, placing),
        inputs={dataset: returned(ref) for dataset, ref in inputs.items()},
    )


def given_params(params: dg.ConfigurableResource | None, placing: Placing) -> dict[str, Any]:
    """The run's params as JSON values, without those whose default only the class can make.

    Raises:
        ParamsError: Params are bound to windows, and the run is of no partition.
    """
    fields = placing.exported.contract.params_schema.get("properties", {})
    told: dict[str, Any] = params.model_dump(by_alias=True) if params is not None else {}
    given = {
        name: value
        for name, value in told.items()
        if name in fields and not (value is None and "default" not in fields[name])
    }
    return placing.windowed(placing.context.run.run_id, given)[0]
