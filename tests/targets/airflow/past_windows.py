"""Has a whole Airflow make up for past windows, by the command that ``backfill`` prints for it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from typing import Any

from synaflow_core.handoff import DatasetRef, HandoffStore
from tests.processes import wait_for
from tests.targets.airflow.running import DagFolder, Exported
from tests.targets.airflow.standalone import Standalone
from tests.targets.airflow.test_windows import BIND, EVENTS

SPAN = ("--from", "2024-06-01", "--to", "2024-06-03")
DAYS = [
    {"since": f"2024-06-0{day}T00:00:00Z", "until": f"2024-06-0{day + 1}T00:00:00Z"}
    for day in (1, 2)
]
"""The windows of the span."""

_TRIES = 10
"""The scheduler may write to SQLite just then, which does not wait within a transaction."""


def printed(dag_id: str, version: str) -> list[str]:
    """What to say to ``airflow``, of this version."""
    flags = [*SPAN, "--window", "day", "--id", dag_id, "--dry-run", "--format", "json"]
    bind = [word for pair in BIND for word in ("--bind", pair)]
    told = subprocess.run(
        [sys.executable, "-m", "synaflow_export", "backfill", str(EVENTS), *flags, *bind],
        capture_output=True,
        text=True,
        check=True,
    )
    of_version = {"3": 0, "2.11": 1}[version]
    command = json.loads(told.stdout)["commands"]["airflow"][of_version]
    return shlex.split(command, comments=True)[1:]


def made_up_for(
    server: Standalone, dags: DagFolder, exported: Exported, dag_id: str
) -> dict[str, Any]:
    """Run the command, wait for all of it; key of each window -> its result."""
    server.wait_for_run(dag_id)  # yesterday's, by the scheduler; then the database is at rest
    command = printed(dag_id, server.version)
    began = time.time_ns()
    for left in reversed(range(_TRIES)):
        try:
            server.command(*command)
            break
        except AssertionError as error:
            if not left or "database is locked" not in str(error):
                raise
            _end(server, dag_id)

    def runs() -> list[dict[str, Any]]:
        told = server.get(f"/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
        return [run for run in told if run["run_type"] == "backfill"]

    def over() -> bool:
        ended = [run["state"] for run in runs()] == ["success"] * len(DAYS)
        return ended and sum(at > began for at in summaries(dags).values()) == len(DAYS)

    wait_for(over, "the backfill")
    _end(server, dag_id)
    store = HandoffStore(str(dags.store))
    found = {}
    for run in sorted(runs(), key=lambda run: run["logical_date"]):
        told = server.xcom(dag_id, run["dag_run_id"], exported.task_ids["summary"])
        found[run["logical_date"][:10]] = store.read_value(DatasetRef.from_dict(told), str)
    return found


def summaries(dags: DagFolder) -> dict[str, int]:
    """Key of each window of the span in the store -> when its last dataset was written.

    There may be others: the scheduler does yesterday's by itself.
    """
    found = dags.store.glob("*/*since-202406*/summary/manifest.json")
    return {path.parts[-3]: path.stat().st_mtime_ns for path in found}


def _end(server: Standalone, dag_id: str) -> None:
    """Have a backfill taken for over: there is one at a time, and its end is noticed late."""
    if server.version != "3":
        return
    for backfill in server.get(f"/backfills?dag_id={dag_id}")["backfills"]:
        if backfill["completed_at"] is None:
            server.ask("PUT", f"/backfills/{backfill['id']}/cancel")
