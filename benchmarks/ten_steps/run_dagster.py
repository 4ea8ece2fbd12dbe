"""One run on Dagster, in this process: ``run_dagster HOW HOME ROWS``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.ten_steps import by_hand
from benchmarks.ten_steps.timing import report


def by_hand_job(folder: str, rows: int) -> Any:
    """One asset per step; what they hand on are the names of pickled lists."""

    def itemwise(index: int) -> Any:
        @dg.asset(name=f"s{index}", ins={"source": dg.AssetIn(f"s{index - 1}")})
        def asset(source: str) -> str:
            return by_hand.itemwise(folder, index, source)

        return asset

    @dg.asset
    def s0() -> str:
        return by_hand.first(folder, rows)

    @dg.asset(ins={"source": dg.AssetIn("s8")})
    def s9(source: str) -> int:
        return by_hand.last(source)

    assets = [s0, *(itemwise(index) for index in range(1, 9)), s9]
    job = dg.define_asset_job("ten_steps", selection="*")
    return dg.Definitions(assets=assets, jobs=[job]).resolve_job_def("ten_steps")


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
