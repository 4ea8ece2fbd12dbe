"""What a run on Airflow left behind, read from its XComs and the handoff store, and printed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

from examples.demo.places import DAG_ID, DemoError, Places
from examples.web_logs.lookup_server import LookupServer
from examples.web_logs.make_log import LogFacts
from synaflow_core.handoff import DatasetRef, HandoffStore


def tell(places: Places, server: LookupServer, facts: LogFacts) -> None:
    """Print what every macro-task did and the result; check both against what is known."""
    plan = json.loads((places.dags / DAG_ID / "plan.json").read_text("utf-8"))
    returned, reports = xcoms(places.database)
    datasets = {
        name: ref
        for task in plan["macro_tasks"]
        for name, ref in references(task, returned[reports[task["name"]]["task_id"]]).items()
    }
    print("\nwhat every macro-task did:")
    for task in plan["macro_tasks"]:
        report = reports[task["name"]]
        reads = [rows(datasets, entry["dataset"]) for entry in task["inputs"]]
        writes = [rows(datasets, entry["dataset"]) for entry in task["outputs"]]
        errors = sum(step["errors"] for step in report["steps"])
        print(f"\n  {task['name']} ({report['duration']:.1f} s)")
        print(f"    rows in   {', '.join(reads) or '-'}")
        print(f"    rows out  {', '.join(writes) or '-'}")
        print(f"    errors    {errors:,}")
        for step in report["steps"]:
            first = f"   first: {step['first_error'][:60]}" if step["first_error"] else ""
            print(f"    {step['name']:10} {step['ok']:>9,} ok {step['errors']:>6,} errors{first}")

    summary = result(places, datasets["summary"])
    print(f"\nresult: {json.dumps(summary, indent=2)}")
    print("the first hosts of the report:")
    print("".join(f"  {line}\n" for line in places.report.read_text("utf-8").splitlines()[:4]))
    print(f"lookups: {server.requests} requests, at most {server.most_at_once} at once")
    check("malformed lines", facts.malformed, datasets["hits"]["errors"])
    check("valid lines", facts.lines - facts.malformed, summary["hits"])
    check("hosts", facts.hosts, summary["hosts"])
    check("hosts looked up", facts.hosts, server.requests)


def xcoms(database: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the tasks handed to Airflow: task -> return value, macro-task -> its report."""
    returned: dict[str, Any] = {}
    reports: dict[str, Any] = {}
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            "SELECT task_id, key, value FROM xcom WHERE dag_id = ?", [DAG_ID]
        ).fetchall()
    for task_id, key, value in found:
        decoded = json.loads(value)
        if key == "return_value":
            returned[task_id] = decoded
        elif key == "synaflow_report":
            reports[decoded["macro_task"]] = {**decoded, "task_id": task_id}
    return returned, reports


def references(task: dict[str, Any], value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The datasets that a macro-task wrote: one reference, or several by name."""
    names = [output["dataset"] for output in task["outputs"]]
    return {names[0]: value} if len(names) == 1 else {name: value[name] for name in names}


def rows(datasets: dict[str, dict[str, Any]], name: str) -> str:
    """A dataset and its size, for the screen."""
    ref = datasets[name]
    return f"{name} {ref['count']:,}" if ref["kind"] == "items" else f"{name} (one value)"


def result(places: Places, ref: dict[str, Any]) -> dict[str, Any]:
    """The value of the last step, from the store."""
    store = HandoffStore(places.store)
    value: dict[str, Any] = store.read_value(DatasetRef.from_dict(ref), dict[str, Any])
    return value


def check(what: str, expected: int, found: int) -> None:
    """Compare with what was written into the log."""
    if expected != found:
        raise DemoError(f"{what}: the log holds {expected:,}, the pipeline found {found:,}")
    print(f"as written into the log: {found:,} {what}")
