"""One run on Dagster, in this process: ``run_dagster HOW HOME ROWS``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.ten_steps.dagster_by_hand import by_hand_job
from benchmarks.ten_steps.timing import report


def main(how: str, home: str, rows: int) -> None:
    """Run the job once; it must succeed."""
    config: dict[str, Any] = {}
    if how == "fused":
        file = Path(home) / "out" / "ten_steps" / "definitions.py"
        job = runpy.run_path(str(file))["defs"].resolve_job_def("ten_steps")
        config = {"resources": {"ten_steps_params": {"config": {"count": rows}}}}
    else:
        job = by_hand_job(home, rows)
    with dg.DagsterInstance.get() as instance:

        def run() -> None:
            assert job.execute_in_process(run_config=config, instance=instance).success

        report(run)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
