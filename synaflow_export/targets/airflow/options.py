"""What can be chosen when a pipeline is exported to Airflow.

All of it ends up as constants in the block of the DAG file that its owner may edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synaflow_export.options import checks
from synaflow_export.options.common import CommonOptions
from synaflow_export.options.model import option


def _version(value: object) -> checks.Trouble:
    if str(value) == "3" or str(value).startswith("3."):
        return None
    return "only Airflow 3 is supported", "use --airflow-version 3"


_BY_HAND = "not emitted yet; write it into DEFAULT_ARGS, a block that is meant to be edited"


@dataclass(frozen=True)
class AirflowOptions(CommonOptions):
    """Options of the Airflow target.

    Attributes:
        catchup: Run all intervals since the start date.
        max_active_runs: Runs of the DAG that may be active at a time.
        owner: Owner shown in Airflow.
        airflow_version: Major version of the Airflow that will run the DAG.
    """

    cannot: ClassVar[Mapping[str, str]] = {
        "retry_backoff": _BY_HAND,
        "pool": _BY_HAND,
        "queue": _BY_HAND,
        "concurrency": "not emitted yet; set max_active_tasks_per_dag in airflow.cfg",
    }

    catchup: bool = option(False, checks.flag)
    max_active_runs: int = option(1, checks.count(1))
    owner: str = option("airflow", checks.text, per_task=True)
    airflow_version: str = option("3", _version)
