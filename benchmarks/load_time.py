"""Load time of each generated file against the same file written by hand.

The orchestrator is imported already: what is measured is what a file adds to it.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
from pathlib import Path

from benchmarks.measure import ROOT, Row, duration, fresh_python

DAGS = ROOT / "benchmarks" / "dags"

# What a process does that has imported its orchestrator and loads two files in turn.
_TIMED = """
import contextlib, gc, json, statistics, sys, time
{load}
def timed(file):
    gc.collect()
    start = time.perf_counter()
    load(file)
    return time.perf_counter() - start

files = sys.argv[1:]
for file in files:
    timed(file)  # what the orchestrator imports when it is first used
taken = zip(*[[timed(file) for file in files] for _ in range(15)])
assert not any(name.endswith("ten_tasks") for name in sys.modules), "user code was imported"
print(json.dumps([statistics.median(times) for times in taken]))
"""

_LOAD = {
    "airflow": """
with contextlib.redirect_stdout(sys.stderr):
    from airflow.dag_processing.dagbag import DagBag

def load(file):
    with contextlib.redirect_stdout(sys.stderr):
        bag = DagBag(dag_folder=file)
    assert not bag.import_errors, bag.import_errors
    (dag,) = bag.dags.values()
    assert len(dag.tasks) == 10, dag.tasks
""",
    "prefect": """
import runpy
import prefect, prefect.task_runners

def load(file):
    flows = [v for v in runpy.run_path(file).values() if isinstance(v, prefect.Flow)]
    assert len(flows) == 1, flows
""",
    "dagster": """
import runpy
import dagster

def load(file):
    defs = runpy.run_path(file)["defs"]
    assert len(list(defs.resolve_asset_graph().get_all_asset_keys())) == 10
""",
}
_FILES = {
    "airflow": ("ten_tasks_dag.py", "by_hand.py"),
    "prefect": ("ten_tasks_flow.py", "by_hand_flow.py"),
    "dagster": ("ten_tasks/definitions.py", "by_hand_definitions.py"),
}


def results() -> list[Row]:
    """A row per orchestrator that is installed."""
    return [_row(name) for name in _FILES]


def _row(name: str) -> Row:
    what = f"load of 10 macro-tasks on {name}, warm"
    if importlib.util.find_spec(name) is None:
        return {"what": what, "ours": "not installed"}
    generated, by_hand = _FILES[name]
    with tempfile.TemporaryDirectory() as folder:
        home, out = Path(folder) / "home", Path(folder) / "out"
        home.mkdir()
        env = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(out),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            "PREFECT_HOME": str(home),
            "DAGSTER_HOME": str(home),
        }
        fresh_python("-m", "synaflow_export", name, str(DAGS / "ten_tasks.py"), "--out", str(out))
        code = _TIMED.format(load=_LOAD[name])
        told = fresh_python("-c", code, str(out / generated), str(DAGS / by_hand), env=env)
        ours, theirs = json.loads(told.splitlines()[-1])
    return {
        "what": what,
        "ours": duration(ours),
        "baseline": duration(theirs),
        "ratio": f"{ours / theirs:.2f}x the time",
        "target": "<= 1.15x of by hand",
    }
