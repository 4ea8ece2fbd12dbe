"""The worker side of a generated Airflow DAG file: one function, called by every task.

Needs this package, the user's dependencies and Airflow; nothing here is imported while a DAG file
is parsed. How failures are told to Airflow: what :mod:`.retry` calls final becomes an
``AirflowFailException``, which skips the remaining tries; everything else propagates.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from synaflow_core.errors import ParamsError, PipelineStopException, SynaflowError
from synaflow_core.handoff import DatasetRef
from synaflow_core.macro import MacroResult, MacroSpec
from synaflow_export.params_form import without_zones
from synaflow_export.runtime import rollback, shards
from synaflow_export.runtime.airflow_verdict import what_is_missing
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.retry import worth_retrying
from synaflow_export.runtime.running import Place, checked_names, returned, run_exported
from synaflow_export.runtime.shards import part_of
from synaflow_export.runtime.windowing import windowed
from synaflow_export.targets.airflow.xcom import REPORT_KEY, xcom_keys

T = TypeVar("T")

logger = logging.getLogger("synaflow.airflow")


def run_macro_task(
    folder: Path,
    macro_task: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    shard: Mapping[str, Any] | None = None,
    store: str | None = None,
    outlets: Mapping[str, Any] | None = None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Run the steps of one macro-task; called from a task function.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> what the upstream task returned for it.
        shard: One of the slices of :func:`plan_shards`, for a mapped task.
        store: URL of the handoff store; the variable ``SYNAFLOW_STORE`` goes first.
        outlets: Dataset -> the asset that announces it.
        context: Airflow's context of the running task.

    Returns:
        The reference of the dataset that was written; with several, dataset -> reference; None
        when the macro-task writes none. For a shard, what :func:`join_shards` needs of it. The
        counts per step are pushed as an XCom of their own.

    Raises:
        AirflowFailException: A failure that another try would only repeat.
        Exception: Any other failure; Airflow tries again as the DAG file says.
    """
    exported = Exported(Path(folder))

    def work() -> tuple[MacroSpec, MacroResult]:
        params, place = _place(exported, store, context)
        return run_exported(
            exported, macro_task, place, params=params, inputs=inputs or {}, shard=shard
        )

    spec, result = _or_fail(work)
    return part_of(shard, result) if shard else _passed_on(spec, result, outlets, context)


def plan_shards(folder: Path, macro_task: str, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Cut the input of a sharded macro-task into slices, one per mapped task; at least one.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> what the upstream task returned for it.
    """
    exported = Exported(Path(folder))
    return _or_fail(lambda: shards.plan_shards(exported, macro_task, inputs))


def join_shards(
    folder: Path,
    macro_task: str,
    parts: Iterable[Mapping[str, Any]],
    *,
    store: str | None = None,
    outlets: Mapping[str, Any] | None = None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Put together what the mapped tasks of a macro-task wrote.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        parts: What the mapped tasks returned.
        store: As for :func:`run_macro_task`, which it returns the same as; so are the next two.
        outlets: Dataset -> the asset that announces it.
        context: Airflow's context of the running task.
    """
    exported = Exported(Path(folder))

    def work() -> tuple[MacroSpec, MacroResult]:
        _, place = _place(exported, store, context)
        return shards.join_shards(exported, macro_task, place, list(parts))

    return _passed_on(*_or_fail(work), outlets, context)


def roll_back(
    folder: Path, *, store: str | None = None, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Undo what the tasks of a run have done, newest first; called when all of them have ended.

    Args:
        folder: The folder beside the DAG file.
        store: As for :func:`run_macro_task`.
        context: Airflow's context of the running task.

    Returns:
        The steps that were undone, and how many of them had been before.

    Raises:
        AirflowSkipException: The run has succeeded, or none of its tasks could begin.
        RuntimeError: A rollback failed; another try does what is left.
    """
    because = what_is_missing(context)
    if not because:
        raise AirflowSkipException("all is done: there is nothing to undo")
    exported = Exported(Path(folder))
    try:
        place = _place(exported, store, context)[1]
    except ParamsError as error:
        raise AirflowSkipException("the params fit no task: there is nothing to undo") from error
    result = _or_fail(lambda: rollback.roll_back(exported, place, error=because))
    if not result.complete:
        raise RuntimeError(f"{len(result.failed)} rollbacks failed; the log says which and why")
    undone = [step.step for step in result.undone]
    return {"undone": list(dict.fromkeys(undone)), "before": len(result.already)}


def conclude(folder: Path, *, store: str | None = None, context: Mapping[str, Any]) -> None:
    """Say whether a run has succeeded; called last of all.

    Args:
        folder: The folder beside the DAG file.
        store: As for :func:`run_macro_task`.
        context: Airflow's context of the running task.

    Raises:
        AirflowFailException: It has not; or work of it was rolled back and not done again.
    """
    because = what_is_missing(context)
    if because:
        raise AirflowFailException(because)
    exported = Exported(Path(folder))
    place = _place(exported, store, context)[1]
    _or_fail(lambda: rollback.refuse_undone(exported, place))


def _or_fail(work: Callable[[], T]) -> T:
    """Do something; a failure that another try would only repeat is told to Airflow as such."""
    try:
        return work()
    except PipelineStopException as error:
        if isinstance(error.cause, AirflowException):  # a step of somebody who knows Airflow
            raise error.cause from error
        if worth_retrying(error):
            raise
        raise AirflowFailException(f"{error} (not worth a retry)") from error
    except SynaflowError as error:
        if worth_retrying(error):
            raise
        raise AirflowFailException(str(error)) from error


def _place(
    exported: Exported, store: str | None, context: Mapping[str, Any]
) -> tuple[dict[str, Any], Place]:
    """The params of the run, and where its tasks run."""
    params, run_key = _params(exported, context)
    return params, Place(
        store=store,
        home=Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser(),
        run_key=run_key,
        logger=logger,
        on_report=lambda report: context["ti"].xcom_push(REPORT_KEY, report),
    )


def _passed_on(
    spec: MacroSpec,
    result: MacroResult,
    outlets: Mapping[str, Any] | None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Announce the datasets that were written, and return their references."""
    for dataset, asset in (outlets or {}).items():
        if dataset in result.refs:
            context["outlet_events"][asset].extra = _told(result.refs[dataset])
    values = {out.dataset: returned(result.refs[out.dataset]) for out in spec.outputs}
    if len(spec.outputs) == 1:
        return values[spec.outputs[0].dataset]
    return {key: values[dataset] for dataset, key in xcom_keys(values).items()} or None


def _told(ref: DatasetRef | None) -> dict[str, Any]:
    """What the event of an asset says of the data; there is none when the step failed."""
    if ref is None:
        return {"rows": 0, "uri": None, "errors": None}
    return {"rows": ref.count, "uri": ref.uri, "errors": ref.errors}


def _params(exported: Exported, context: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The run's values of the pipeline's params, and the key of its datasets.

    The DAG's owner may have added other params. DAGs of one pipeline under several ids must not
    share datasets.

    Raises:
        ParamsError: The run was given a value that nothing declares, or its window is not known.
    """
    wanted, dag_id, run_id = exported.contract.params, context["dag"].dag_id, context["run_id"]
    checked_names(
        context["dag_run"].conf or {},
        {*wanted, *context["dag"].params},
        run=str(run_id),
        hint="drop it, or add it to PARAMS in the DAG file",
    )
    given = without_zones(
        {name: context["params"][name] for name in wanted if name in context["params"]},
        exported.contract.params_schema,
        wanted,
    )
    # A run that is triggered by hand on Airflow 3 has no interval, and no such keys.
    interval = context.get("data_interval_start"), context.get("data_interval_end")
    values, key = windowed(exported, given, interval, run=str(run_id), run_key=str(run_id))
    return values, key if dag_id == exported.contract.name else f"{dag_id}@{key}"
