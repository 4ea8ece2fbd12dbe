"""``make demo``: exports examples/web_logs to Airflow and runs the DAG on real input.

Writes the log once, starts the lookup service, exports, lets Airflow's own commands run the DAG on
an SQLite home in a temporary folder, and prints what every macro-task did. What is worth looking at
afterwards stays in ``.demo/``; nothing is left running, whatever happens.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

from examples.demo.commands import call
from examples.demo.outcome import tell
from examples.demo.places import DAG_ID, PIPE, ROOT, DemoError, Places
from examples.web_logs.lookup_server import LookupServer
from examples.web_logs.make_log import LINES, LogFacts, read_facts, write_log

LOGICAL_DATE = "2026-01-19"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 1 when a part of it failed."""
    parser = argparse.ArgumentParser(description="Export examples/web_logs and run it on Airflow.")
    parser.add_argument("--lines", type=int, default=LINES, help="lines of the access log")
    parser.add_argument("--work", type=Path, default=ROOT / ".demo", help="folder for what stays")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="synaflow-demo-") as home, LookupServer() as server:
            demo(Places(options.work.resolve(), Path(home)), server, options.lines)
    except DemoError as error:
        print(f"\ndemo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; nothing is left running", file=sys.stderr)
        return 130
    print(f"\ndone in {time.monotonic() - started:.0f} s")
    return 0


def demo(places: Places, server: LookupServer, lines: int) -> None:
    """The demo itself, in the order of a user's way."""
    places.output.write_text("", encoding="utf-8")
    facts = ensure_log(places.log, lines)
    print(f"lookup service: {server.url}")

    export = ["synaflow_export", "airflow", str(PIPE), "--out", str(places.dags)]
    call("export to Airflow", places, "-m", *export)
    if not places.dag_file.is_file():
        raise DemoError(f"the export wrote no {places.dag_file}; all of it is in {places.output}")

    conf = {
        "log_path": str(places.log),
        "report_path": str(places.report),
        "lookup_url": server.url,
    }
    test = ["airflow", "dags", "test", DAG_ID, LOGICAL_DATE, "--conf", json.dumps(conf)]
    call("airflow db migrate", places, "-m", "airflow", "db", "migrate")
    call("airflow dags test", places, "-m", *test, news=task_news)
    tell(places, server, facts)
    print(f"\nDAG file: {places.dag_file}")
    print(f"report: {places.report}")
    print(f"output of the commands: {places.output}")


def ensure_log(path: Path, lines: int) -> LogFacts:
    """The log, written at the first run and kept for the next."""
    facts = read_facts(path)
    if facts is None or facts.lines != lines:
        print(f"writing {lines:,} lines of access log, once ...", flush=True)
        facts = write_log(path, lines=lines)
    size = path.stat().st_size / 1e6
    print(f"log: {path} ({facts.lines:,} lines, {facts.malformed:,} malformed, {size:.0f} MB)")
    return facts


def task_news(line: str) -> str | None:
    """What Airflow's output says about the tasks, for the screen."""
    started = re.search(r"\[DAG TEST\] starting task_id=(\S+)", line)
    if started:
        return f"{started[1]} started"
    if "Task failed with exception" in line:
        return "it failed; Airflow tries again, after a minute, what another try may mend"
    moved = re.search(r"so far: .*?(?= \[synaflow|$)", line)
    return moved[0] if moved else None


if __name__ == "__main__":
    sys.exit(main())
