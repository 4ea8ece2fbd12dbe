"""Both DAGs on a whole Airflow, as its users run them: ``run_scheduler HOME ROWS``.

A scheduler, an API server and a LocalExecutor that begins two tasks at a time; each task is a
process of its own. A duration is what the API tells of the run. Printed as the last line.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import datetime
from pathlib import Path

from benchmarks.measure import ROOT, fresh_python
from tests.targets.airflow.standalone import Standalone
from tests.targets.airflow.starting import airflow_3

BY_HAND = Path(__file__).with_name("airflow_by_hand.py")
FEW = 1000
"""Rows of a first run, in which whatever is loaded once is loaded."""


def main(home: str, rows: int) -> None:
    """Run each DAG with few rows and with all; each run must succeed."""
    with airflow_3(Path(home) / "airflow") as running:
        dags = running.home / "dags"
        pipe = str(Path(__file__).with_name("pipe.py").relative_to(ROOT))
        store = f"{home}/store"
        fresh_python(
            *("-m", "synaflow_export", "airflow", pipe, "--out", str(dags), "--store", store)
        )
        shutil.copy(BY_HAND, dags)
        found = {}
        for how, dag_id, conf in (
            ("fused", "ten_steps", {}),
            ("by_hand", "by_hand", {"folder": home}),
        ):
            _seconds(running, dag_id, {**conf, "count": FEW})
            found[how] = _seconds(running, dag_id, {**conf, "count": rows})
    print(json.dumps(found))


def _seconds(running: Standalone, dag_id: str, conf: dict[str, object]) -> float:
    run = running.wait_for_run(dag_id, running.trigger(dag_id, conf))
    assert run["state"] == "success", run
    start, end = (datetime.fromisoformat(run[f"{when}_date"]) for when in ("start", "end"))
    return (end - start).total_seconds()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
