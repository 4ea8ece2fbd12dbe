"""The examples run in process and say what they promise."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from examples.web_logs import pipe
from examples.web_logs.lookup_server import LookupServer, owner_of
from examples.web_logs.make_log import LogFacts, read_facts, write_log
from synaflow_core import run
from synaflow_core.engine import RunResult

ROOT = Path(__file__).resolve().parents[2]
LINES = 6_000


def test_quickstart_runs_as_printed() -> None:
    done = subprocess.run(
        [sys.executable, "examples/quickstart/pipe.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[:5] == [f"Consumed: {n}" for n in (0, 10, 20, 30, 40)]
    assert lines[5].startswith("{'contract_version': 1, 'name': 'example'")


def test_log_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    assert write_log(first, lines=2_000) == write_log(second, lines=2_000)
    assert first.read_bytes() == second.read_bytes()
    assert read_facts(first) == read_facts(second)


def test_facts_of_a_missing_log_are_none(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    write_log(log, lines=100)
    log.unlink()
    assert read_facts(log) is None


@pytest.fixture(scope="module")
def facts_and_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, LogFacts, LookupServer, RunResult]:
    folder = tmp_path_factory.mktemp("web_logs")
    facts = write_log(folder / "access.log", lines=LINES)
    with LookupServer(delay_s=0.005) as server:
        params = pipe.Params(
            log_path=str(folder / "access.log"),
            report_path=str(folder / "report.csv"),
            lookup_url=server.url,
        )
        result = run(pipe.web_logs, params)
    return folder, facts, server, result


Ran = tuple[Path, LogFacts, LookupServer, RunResult]


def test_malformed_lines_are_dropped_and_counted(facts_and_server: Ran) -> None:
    _, facts, _, result = facts_and_server
    assert result.steps["lines"].ok == facts.lines
    assert result.steps["hits"].errors == facts.malformed > 0
    assert result.outputs["summary"].hits == facts.lines - facts.malformed


def test_every_host_is_looked_up_once_within_the_window(facts_and_server: Ran) -> None:
    _, facts, server, _ = facts_and_server
    assert server.requests == facts.hosts
    assert 1 < server.most_at_once <= pipe.WINDOW


def test_failed_lookups_leave_unknown_hosts(facts_and_server: Ran) -> None:
    _, _, _, result = facts_and_server
    assert result.steps["owners"].errors == result.outputs["summary"].unknown_hosts > 0


def test_report_has_a_row_per_host(facts_and_server: Ran) -> None:
    folder, facts, _, result = facts_and_server
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == facts.hosts == result.outputs["summary"].hosts
    assert sum(int(row["hits"]) for row in rows) == result.outputs["summary"].hits
    for row in rows:
        owner = owner_of(row["host"])
        assert row["owner"] == (owner["name"] if owner else "unknown")
