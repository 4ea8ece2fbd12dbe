"""The wheel, built from the source distribution, works where nothing else of ours is."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from tests.project.environments import ROOT, run

pytestmark = pytest.mark.slow


def test_wheel_holds_the_packages_and_the_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {name for name in names if name.startswith("synaflow_export/templates/")}
    standing = {
        f"synaflow_export/templates/{path.relative_to(ROOT / 'templates').as_posix()}"
        for path in (ROOT / "templates").rglob("*.jinja")
    }
    assert standing
    assert standing <= shipped
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "synaflow_core",
        "synaflow_export",
    }
    assert {"synaflow_core/py.typed", "synaflow_export/py.typed"} <= set(names)


def test_clean_environment_has_no_orchestrator(clean: Path) -> None:
    code = (
        "from importlib.util import find_spec\n"
        "print([n for n in ('airflow', 'prefect', 'dagster') if find_spec(n)])"
    )
    assert run(clean / "python", "-c", code).strip() == "[]"


def test_command_line_exports_from_the_wheel(clean: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "web_logs" / "pipe.py", tmp_path)
    run(clean / "synaflow-export", "airflow", "pipe.py", "--out", "dags", cwd=tmp_path)
    dag = tmp_path / "dags" / "web_logs_dag.py"
    compile(dag.read_text(encoding="utf-8"), str(dag), "exec")

    # the same files as from the checkout: nothing depends on where the exporter is installed
    run(sys.executable, "-m", "synaflow_export", "airflow", "pipe.py", "--out", "b", cwd=tmp_path)
    for path in sorted((tmp_path / "dags").rglob("*")):
        twin = tmp_path / "b" / path.relative_to(tmp_path / "dags")
        assert path.is_dir() or path.read_bytes() == twin.read_bytes()


def test_runs_in_process_from_the_wheel(clean: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "quickstart" / "pipe.py", tmp_path)
    out = run(clean / "python", "pipe.py", cwd=tmp_path)
    assert [line for line in out.splitlines() if line.startswith("Consumed")] == [
        f"Consumed: {n}" for n in (0, 10, 20, 30, 40)
    ]
