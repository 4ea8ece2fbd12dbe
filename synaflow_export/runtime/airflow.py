"""The worker side of a generated Airflow DAG file: one function, called by every task.

Needs this package, the user's dependencies and Airflow; nothing here is imported while a DAG file
is parsed. How failures are told to Airflow: what :mod:`.retry` calls final becomes an
``AirflowFailException``, which skips the remaining tries; everything else propagates.
"""

from __future__ import annotations

import difflib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from synaflow_core import macro
from synaflow_core.engine import Monitor
from synaflow_core.errors import (
    HandoffError,
    ParamsError,
    PipelineStopException,
    Problem,
    SynaflowError,
)
from synaflow_core.handoff import DatasetRef
from synaflow_core.macro import MacroSpec
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.progress import log_reports, progress_lines, report_values
from synaflow_export.runtime.retry import worth_retrying
from synaflow_export.runtime.storage import open_store
from synaflow_export.targets.airflow.xcom import REPORT_KEY, xcom_keys

logger = logging.getLogger("synaflow.airflow")


def run_macro_task(
    folder: Path,
    macro_task: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    store: str | None = None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Run the steps of one macro-task; called from a task function.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> what the upstream task returned for it.
        store: URL of the handoff store; the variable ``SYNAFLOW_STORE`` goes first.
        context: Airflow's context of the running task.

    Returns:
        The reference of the dataset that was written; with several, dataset -> reference; None
        when the macro-task writes none. The counts per step are pushed as an XCom of their own.

    Raises:
        AirflowFailException: A failure that another try would only repeat.
        Exception: Any other failure; Airflow tries again as the DAG file says.
    """
    try:
        return _run(Exported(Path(folder)), macro_task, inputs or {}, store, context)
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


def _run(
    exported: Exported,
    macro_task: str,
    inputs: Mapping[str, Any],
    store_url: str | None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    spec = exported.macro_task(macro_task)
    store = open_store(store_url, _airflow_home(), allow_pickle=exported.allow_pickle)
    monitor = Monitor()
    began = time.perf_counter()
    logger.info("macro-task '%s': steps %s", macro_task, ", ".join(spec.steps))
    try:
        with exported.pipeline() as pipeline, progress_lines(monitor, logger):
            result = macro.run_macro_task(
                pipeline,
                spec,
                params=_params(exported, context),
                inputs=_references(spec, inputs),
                store=store,
                run_key=_run_key(exported, context),
                exported=exported.contract,
                monitor=monitor,
            )
    finally:
        _report(macro_task, monitor, time.perf_counter() - began, context)
    return _returned(spec, result.refs)


def _airflow_home() -> Path:
    return Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()


def _params(exported: Exported, context: Mapping[str, Any]) -> dict[str, Any]:
    """The run's values of the pipeline's params; the DAG's owner may have added other params.

    Raises:
        ParamsError: The run was given a value that nothing declares: a misspelt name, most likely.
    """
    given = context["params"]
    wanted = exported.contract.params
    declared = {*wanted, *context["dag"].params}
    unknown = sorted(set(context["dag_run"].conf or {}) - declared)
    if unknown:
        raise ParamsError(
            "the configuration of this run does not fit",
            [
                Problem(
                    where=f"run {context['run_id']}",
                    subject=f"param '{name}'",
                    code="unknown-param",
                    message=f"there is no such param; there is {', '.join(sorted(declared))}",
                    hint=_suggestion(name, declared),
                )
                for name in unknown
            ],
        )
    return {name: given[name] for name in wanted if name in given}


def _suggestion(name: str, declared: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(declared), n=1)
    return (
        f"did you mean '{close[0]}'?" if close else "drop it, or add it to PARAMS in the DAG file"
    )


def _references(spec: MacroSpec, inputs: Mapping[str, Any]) -> dict[str, DatasetRef | None]:
    """Datasets as the upstream tasks returned them; None for one that its step did not produce.

    Raises:
        HandoffError: A task upstream returned nothing, for example because it was marked as
            successful by hand and never ran.
    """
    found: dict[str, DatasetRef | None] = {}
    for entry in spec.inputs:
        given = inputs.get(entry.dataset)
        if given is None:
            raise HandoffError(
                f"the reference of dataset '{entry.dataset}' is missing: the task that makes it "
                "did not run, or its XCom is gone\n    -> clear that task, so that it runs again"
            )
        found[entry.dataset] = None if _is_absent(given) else DatasetRef.from_dict(given)
    return found


def _returned(spec: MacroSpec, refs: Mapping[str, DatasetRef | None]) -> dict[str, Any] | None:
    values = {
        output.dataset: _absent() if (ref := refs[output.dataset]) is None else ref.to_dict()
        for output in spec.outputs
    }
    if len(spec.outputs) == 1:
        return values[spec.outputs[0].dataset]
    return {key: values[dataset] for dataset, key in xcom_keys(values).items()} or None


def _absent() -> dict[str, Any]:
    """Stands for a dataset that its step failed to produce under ``OnError.CONTINUE``."""
    return {"uri": None, "reason": "its step failed or was skipped; see the report of the task"}


def _is_absent(value: Any) -> bool:
    return isinstance(value, Mapping) and "uri" in value and value["uri"] is None


def _run_key(exported: Exported, context: Mapping[str, Any]) -> str:
    """Key of the run's datasets; DAGs of one pipeline under several ids must not share them."""
    dag_id, run_id = context["dag"].dag_id, str(context["run_id"])
    return run_id if dag_id == exported.contract.name else f"{dag_id}@{run_id}"


def _report(macro_task: str, monitor: Monitor, duration: float, context: Mapping[str, Any]) -> None:
    """Tell what each inner step did, also when one of them failed."""
    reports = monitor.snapshot()
    if not reports:
        return
    log_reports(reports, logger)
    try:
        context["ti"].xcom_push(REPORT_KEY, report_values(macro_task, reports, duration))
    except Exception:
        # The counts are in the log; losing them here must neither fail nor hide the failure of
        # the work itself.
        logger.warning("the report could not be pushed as XCom", exc_info=True)
