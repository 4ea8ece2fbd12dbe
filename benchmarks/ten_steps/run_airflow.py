"""One run on Airflow, in this process: ``run_airflow HOW HOME ROWS``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.utils import db

from benchmarks.ten_steps.timing import report

BY_HAND = Path(__file__).with_name("airflow_by_hand.py")


def main(how: str, home: str, rows: int) -> None:
    """Run the DAG once; it must succeed."""
    db.initdb()
    dags = Path(home) / "out"
    conf: dict[str, Any] = {"count": rows}
    if how == "by_hand":
        dags.mkdir()
        shutil.copy(BY_HAND, dags)
        conf["folder"] = home
    (dag,) = DagBag(str(dags)).dags.values()

    def run() -> None:
        done = dag.test(run_conf=conf)
        assert str(done.state.value) == "success", done.state

    report(run)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
