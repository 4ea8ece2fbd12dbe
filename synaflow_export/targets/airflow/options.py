"""What can be chosen when a pipeline is exported to Airflow.

Most of it ends up as constants in the block of the DAG file that its owner may edit; what one
macro-task has of its own, as arguments of that task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synaflow_core.errors import Problem
from synaflow_export.options import checks
from synaflow_export.options.common import CommonOptions
from synaflow_export.options.duration import Duration
from synaflow_export.options.model import option
from synaflow_export.targets.airflow.versions import Dialect, served

OUTLETS = ("final", "all", "none")
_POOL = checks.matching(
    r"[A-Za-z0-9_.-]{1,250}",
    "1 to 250 ASCII letters, digits, '_', '-' or '.'",
    "Airflow takes no other name for a pool",
)
_EXAMPLE = "for example report=s3://warehouse/report"
_OWN_URI = checks.matching(
    r"[^=]+=[!-~]{1,1500}", "DATASET=URI, the URI in ASCII and without spaces", _EXAMPLE
)


def _uris(value: object) -> checks.Trouble:
    """Datasets and what they are announced as."""
    if not isinstance(value, list | tuple):
        return "they must be texts such as DATASET=URI", _EXAMPLE
    for one in value:
        if trouble := _OWN_URI(one):
            return trouble
        if one.partition("=")[2].startswith("airflow:"):
            return "Airflow keeps URIs that start with airflow: for itself", _EXAMPLE
    return None


@dataclass(frozen=True)
class AirflowOptions(CommonOptions):
    """Options of the Airflow target.

    Attributes:
        catchup: Run all intervals since the start date.
        max_active_runs: Runs of the DAG that may be active at a time.
        owner: Owner shown in Airflow.
        max_retry_delay: Longest delay between two tries, where it grows.
        pool_slots: Slots of the pool that one task takes.
        priority_weight: Tasks with more go first when slots are short.
        max_active_tis_per_dagrun: Instances of one task that may run at a time in one run.
        outlets: Datasets that are announced as assets (Airflow 2: datasets): final, all or none.
        outlet_uris: DATASET=URI, what a dataset is announced as; it is announced in any case.
        airflow_version: Airflow that will run the DAG: 2.10, 2.11, 3 (any 3.x) or 3.0 to 3.3.
    """

    catchup: bool = option(False, checks.flag)
    max_active_runs: int = option(1, checks.count(1))
    owner: str = option("airflow", checks.text, per_task=True)
    max_retry_delay: Duration | None = option(None, checks.span, per_task=True)
    pool: str | None = option(None, _POOL, per_task=True)
    pool_slots: int = option(1, checks.count(1), per_task=True)
    priority_weight: int = option(1, checks.count(1), per_task=True)
    max_active_tis_per_dagrun: int | None = option(None, checks.count(1), per_task=True)
    outlets: str = option("final", checks.one_of(OUTLETS))
    outlet_uris: tuple[str, ...] = option((), _uris, secret=True)
    airflow_version: str = option("3", served)

    @property
    def dialect(self) -> Dialect:
        """How the chosen version is spoken to."""
        return Dialect.of(self.airflow_version)

    @property
    def own_uris(self) -> Mapping[str, str]:
        """Dataset -> the URI that it is to be announced as."""
        return dict(entry.split("=", 1) for entry in self.outlet_uris)

    def problems(self, where: str = "options") -> Iterator[Problem]:
        """Yield what the chosen version of Airflow cannot do."""
        yield from super().problems(where)
        dialect = self.dialect
        wanted = {"": self.retry_backoff}
        wanted |= {task: own.get("retry_backoff", 1) for task, own in self.tasks.items()}
        for task, factor in wanted.items():
            if dialect.growth_of_delays(factor) is not None:
                continue
            if dialect.text == "3":
                message = "Airflow 3.2 and later want it written in another way than 3.0 and 3.1"
                hint = "say which Airflow it is: --airflow-version 3.3"
            else:
                message = f"Airflow {dialect.text} knows no other factor than 2, got {factor:g}"
                hint = "use 2, or a fixed delay (--retry-delay)"
            place = self.place("retry_backoff", task, where)
            yield Problem(place, "option 'retry_backoff'", "cannot-be-honoured", message, hint)
