"""What can be chosen when a pipeline is exported to Prefect.

What concerns tasks ends up in the block of the flow file that its owner may edit; what concerns
deployments (schedule, work pool, runs at a time) in the pipeline's block of ``prefect.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synaflow_export.options import checks
from synaflow_export.options.common import CommonOptions
from synaflow_export.options.model import option

TASK_RUNNERS = ("threads", "processes", "dask", "ray")

_BACKFILL = "use synaflow-export backfill, or start the runs yourself"


@dataclass(frozen=True)
class PrefectOptions(CommonOptions):
    """Options of the Prefect target.

    Attributes:
        queue: Work queue of the work pool that takes the runs.
        pool: Shown as the tag ``resource:<pool>`` of the tasks; limit it with
            ``prefect concurrency-limit create``.
        owner: Shown as the tag ``owner:<owner>``.
        work_pool: Work pool whose workers start the runs.
        max_active_runs: Runs of the deployment that may be active at a time; others wait.
        task_runner: What runs the tasks of a run: threads, processes, dask or ray.
        inline_subflows: Put the tasks of included pipelines into the flow itself: a subflow takes
            a second or two, which is much for tiny ones.
    """

    cannot: ClassVar[Mapping[str, str]] = {
        "start_date": "a Prefect schedule begins when it is deployed; for the time before that, "
        + _BACKFILL,
        "catchup": f"Prefect never makes up for missed runs; {_BACKFILL}",
    }

    queue: str | None = option(None, checks.text)
    work_pool: str = option("default", checks.text)
    max_active_runs: int = option(1, checks.count(1))
    task_runner: str = option("threads", checks.one_of(TASK_RUNNERS))
    inline_subflows: bool = option(False, checks.flag)
