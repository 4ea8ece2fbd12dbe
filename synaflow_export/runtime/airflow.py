"""The worker side of a generated Airflow DAG file: one function, called by every task.

Needs this package, the user's dependencies and Airflow; nothing here is imported while a DAG file
is parsed. How failures are told to Airflow: what :mod:`.retry` calls final becomes an
``AirflowFailException``, which skips the remaining tries; everything else propagates.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowException, AirflowFailException

from synaflow_core.errors import PipelineStopException, SynaflowError
from synaflow_core.handoff import DatasetRef
from synaflow_core.macro import MacroSpec
from synaflow_export.params_form import without_zones
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.retry import worth_retrying
from synaflow_export.runtime.running import Place, checked_names, returned, run_exported
from synaflow_export.runtime.windowing import windowed
from synaflow_export.targets.airflow.xcom import REPORT_KEY, xcom_keys

logger = logging.getLogger("synaflow.airflow")


def run_macro_task(
    folder: Path,
    macro_task: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    store: str | None = None,
    outlets: Mapping[str, Any] | None = None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Run the steps of one macro-task; called from a task function.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> what the upstream task returned for it.
        store: URL of the handoff store; the variable ``SYNAFLOW_STORE`` goes first.
        outlets: Dataset -> the asset that announces it.
        context: Airflow's context of the running task.

    Returns:
        The reference of the dataset that was written; with several, dataset -> reference; None
        when the macro-task writes none. The counts per step are pushed as an XCom of their own.

    Raises:
        AirflowFailException: A failure that another try would only repeat.
        Exception: Any other failure; Airflow tries again as the DAG file says.
    """
    try:
        spec, refs = _run(Exported(Path(folder)), macro_task, inputs or {}, store, context)
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
    for dataset, asset in (outlets or {}).items():
        if dataset in refs:
            context["outlet_events"][asset].extra = _told(refs[dataset])
    values = {out.dataset: returned(refs[out.dataset]) for out in spec.outputs}
    if len(spec.outputs) == 1:
        return values[spec.outputs[0].dataset]
    return {key: values[dataset] for dataset, key in xcom_keys(values).items()} or None


def _run(
    exported: Exported,
    macro_task: str,
    inputs: Mapping[str, Any],
    store_url: str | None,
    context: Mapping[str, Any],
) -> tuple[MacroSpec, Mapping[str, DatasetRef | None]]:
    params, run_key = _params(exported, context)
    place = Place(
        store=store_url,
        home=Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser(),
        run_key=run_key,
        logger=logger,
        on_report=lambda report: context["ti"].xcom_push(REPORT_KEY, report),
    )
    spec, result = run_exported(exported, macro_task, place, params=params, inputs=inputs)
    return spec, result.refs


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
