"""Parse time of a generated Airflow file against the same DAG written by hand."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from pathlib import Path

from benchmarks.measure import ROOT, Row, duration, fresh_python

DAGS = ROOT / "benchmarks" / "dags"

PARSE = """
import contextlib, gc, json, statistics, sys, time
with contextlib.redirect_stdout(sys.stderr):
    from airflow.dag_processing.dagbag import DagBag

    def parse(file):
        gc.collect()
        start = time.perf_counter()
        bag = DagBag(dag_folder=file)
        taken = time.perf_counter() - start
        assert not bag.import_errors, bag.import_errors
        (dag,) = bag.dags.values()
        assert len(dag.tasks) == 10, dag.tasks
        return taken

    files = sys.argv[1:]
    for file in files:
        parse(file)  # Airflow's own lazy imports
    taken = zip(*[[parse(file) for file in files] for _ in range(15)])
    assert not any(name.endswith("ten_tasks") for name in sys.modules), "user code was imported"
print(json.dumps([statistics.median(times) for times in taken]))
"""


def results() -> list[Row]:
    """One row; without Airflow installed there is nothing to measure."""
    if importlib.util.find_spec("airflow") is None:
        return [{"what": "parse of 10 macro-tasks", "ours": "Airflow is not installed"}]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "airflow"
        dags = Path(folder) / "dags"
        env = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        }
        fresh_python(
            "-m", "synaflow_export", "airflow", str(DAGS / "ten_tasks.py"), "--out", str(dags)
        )
        generated = dags / "ten_tasks_dag.py"
        out = fresh_python("-c", PARSE, str(generated), str(DAGS / "by_hand.py"), env=env)
        ours, by_hand = json.loads(out.splitlines()[-1])
    return [
        {
            "what": "parse of 10 macro-tasks in DagBag, warm",
            "ours": duration(ours),
            "baseline": duration(by_hand),
            "ratio": f"{ours / by_hand:.2f}x the time",
            "target": "<= 1.15x of by hand",
        }
    ]
