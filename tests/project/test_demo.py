"""``make demo``, on a shorter log: it compares the result with what it wrote into the log."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("airflow") is None, reason="needs the extra `airflow`"
    ),
]


def test_demo_runs_on_airflow_and_ends_clean(tmp_path: Path) -> None:
    work, temporary = tmp_path / "work", tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [
            *("env", f"TMPDIR={temporary}"),
            *(sys.executable, "-m", "examples.demo"),
            *("--lines", "20000", "--work", str(work)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"DAG file: {work / 'dags' / 'web_logs_dag.py'}" in done.stdout
    for macro_task in ("read_log", "sessions", "report", "summary"):
        assert f"\n  {macro_task} (" in done.stdout
    assert "as written into the log" in done.stdout
    assert (work / "report.csv").is_file()
    assert list(temporary.glob("synaflow-demo-*")) == []
