"""Ten streaming steps over a million rows on each orchestrator: fused, against one task per step.

Fused is what the exporter makes of ``pipe.py``. One task per step is what people write by hand
(``<orchestrator>_by_hand.py``): each task reads a pickled list and writes the next one. In one
process of the orchestrator, where a task costs next to nothing, the work alone is compared, and its
memory; on a whole Airflow (``run_scheduler.py``), what its users wait for.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.measure import ROOT, Row, duration, fresh_python

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
REPEAT = 1  # a run by hand takes ten seconds and more on each
ORCHESTRATORS = ("airflow", "prefect", "dagster")

FASTER = ">= 5x faster than one task per step"

_HERE = "benchmarks.ten_steps"


def results() -> list[Row]:
    """Two rows per orchestrator that is installed: time, and memory above that of an idle one."""
    rows: list[Row] = []
    for name in ORCHESTRATORS:
        if importlib.util.find_spec(name) is None:
            rows.append({"what": f"ten steps on {name}", "ours": "not installed"})
            continue
        fused, by_hand = [], []
        for _ in range(REPEAT):
            fused.append(_run(name, "fused"))
            by_hand.append(_run(name, "by_hand"))
        ours, theirs = _median(fused, "seconds"), _median(by_hand, "seconds")
        mine, other = _median(fused, "kib"), _median(by_hand, "kib")
        what = f"ten steps, {ROWS:.0e} rows, in one process of {name}"
        rows += [
            _time(what, ours, theirs, ""),
            {
                "what": f"{what}: memory for the data",
                "ours": f"{mine / 1024:.0f} MB",
                "baseline": f"{other / 1024:.0f} MB",
                "ratio": f"1/{other / mine:.0f}" if mine else "none",
                "target": "<= 1/5",
            },
        ]
    if importlib.util.find_spec("airflow") is not None:
        with tempfile.TemporaryDirectory() as home:
            told = fresh_python("-m", f"{_HERE}.run_scheduler", home, str(ROWS)).splitlines()[-1]
        taken: dict[str, float] = json.loads(told)
        what = f"ten steps, {ROWS:.0e} rows, on a whole airflow"
        rows.append(_time(what, taken["fused"], taken["by_hand"], FASTER))
    return rows


def _time(what: str, ours: float, theirs: float, target: str) -> Row:
    return {
        "what": f"{what}: time",
        "ours": duration(ours),
        "baseline": duration(theirs),
        "ratio": theirs / ours,
        "target": target,
    }


def _median(runs: list[dict[str, float]], what: str) -> float:
    return statistics.median(run[what] for run in runs)


def _run(orchestrator: str, how: str) -> dict[str, float]:
    """One run in a process and home of its own: seconds, and KiB above those before it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if how == "fused":
            pipe = str(ROOT / "benchmarks" / "ten_steps" / "pipe.py")
            out = str(home / "out")
            fresh_python("-m", "synaflow_export", orchestrator, pipe, "--out", out)
        env = {**_environment(orchestrator, home), "SYNAFLOW_STORE": str(home / "store")}
        arguments = [f"{_HERE}.run_{orchestrator}", how, str(home), str(ROWS)]
        done = fresh_python("-m", *arguments, env=env)
        found: dict[str, float] = json.loads(done.splitlines()[-1])
        return found


def _environment(orchestrator: str, home: Path) -> dict[str, str]:
    if orchestrator == "airflow":
        return {
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "out"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        }
    if orchestrator == "prefect":
        return {
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
            "PREFECT_SERVER_MEMO_STORE_PATH": str(home / "memo_store.toml"),
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        }
    return {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
