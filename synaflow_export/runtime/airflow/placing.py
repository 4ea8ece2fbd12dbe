"""What every task of a DAG begins and ends with: its place, and how failures are told to Airflow.

What :mod:`synaflow_export.runtime.retry` calls final becomes an ``AirflowFailException``, which
skips the remaining tries; everything else propagates.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowException, AirflowFailException

from synaflow_core.errors import PipelineStopException, SynaflowError
from synaflow_export.params.form import computed_params, without_zones
from synaflow_export.runtime.airflow.stopped import interrupted_when_stopped
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.retry import worth_retrying
from synaflow_export.runtime.run_key import key_under
from synaflow_export.runtime.running import Place, checked_names
from synaflow_export.runtime.windowing import windowed
from synaflow_export.targets.airflow.xcom import REPORT_KEY

T = TypeVar("T")

logger = logging.getLogger("synaflow.airflow")


def or_fail(work: Callable[[], T]) -> T:
    """Do something; a failure that another try would only repeat is told to Airflow as such."""
    try:
        with interrupted_when_stopped():
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


def place_of(
    exported: Exported, store: str | None, context: Mapping[str, Any]
) -> tuple[dict[str, Any], Place]:
    """The params of the run, and where its tasks run.

    Raises:
        ParamsError: The run was given a value that nothing declares, or its window is not known.
    """
    checked_names(
        context["dag_run"].conf or {},
        {*exported.contract.params, *context["dag"].params},
        run=str(context["run_id"]),
        hint="drop it, or add it to PARAMS in the DAG file",
    )
    return _found(exported, store, context)


def place_of_what_was_done(
    exported: Exported, store: str | None, context: Mapping[str, Any]
) -> Place:
    """Where the tasks of a run have run, whose params may have been others since.

    Raises:
        ParamsError: The run's window is not known.
    """
    return _found(exported, store, context)[1]


def _found(
    exported: Exported, store: str | None, context: Mapping[str, Any]
) -> tuple[dict[str, Any], Place]:
    params, run_key = _params(exported, context)
    return params, Place(
        store=store,
        home=Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser(),
        run_key=run_key,
        logger=logger,
        on_report=lambda report: context["ti"].xcom_push(REPORT_KEY, report),
        run_id=str(context["run_id"]),
    )


def _params(exported: Exported, context: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The run's values of the pipeline's params, and the key of its datasets.

    The DAG's owner may have added other params.

    Raises:
        ParamsError: The run's window is not known.
    """
    wanted, dag_id, run_id = exported.contract.params, context["dag"].dag_id, context["run_id"]
    schema, told = exported.contract.params_schema, context["params"]
    computed = computed_params(schema)
    given = without_zones(
        {
            name: told[name]
            for name in wanted
            if name in told and not (told[name] is None and name in computed)
        },
        schema,
        wanted,
    )
    # A run that is triggered by hand on Airflow 3 has no interval, and no such keys.
    interval = context.get("data_interval_start"), context.get("data_interval_end")
    values, key = windowed(exported, given, interval, run=str(run_id), run_key=str(run_id))
    return values, key_under(dag_id, exported.contract.name, key)
