"""What importing and exporting load: no orchestrator ever, and little at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ORCHESTRATORS = {"airflow", "prefect", "dagster"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a new interpreter has loaded after running ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('\\n', *sys.modules, file=sys.stderr)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}


def test_import_of_core_is_light() -> None:
    heavy = {"msgspec", "networkx", "fsspec", "upath", "jinja2", "typer", "rich", "asyncio"}
    assert loaded_by("import synaflow_core").isdisjoint(heavy | ORCHESTRATORS)


def test_compiling_and_running_in_process_imports_no_exporter() -> None:
    code = "import examples.quickstart.pipe"
    loaded = loaded_by(code)
    assert "synaflow_core" in loaded
    assert loaded.isdisjoint({"synaflow_export", "networkx", "jinja2", "typer"} | ORCHESTRATORS)


def test_exporting_imports_no_orchestrator(tmp_path: Path) -> None:
    command = ["synaflow-export", "airflow", "examples/web_logs/pipe.py", "--out", str(tmp_path)]
    code = (
        f"import sys\nsys.argv = {command!r}\n"
        "from synaflow_export.cli import main\n"
        "try:\n    code = main()\nexcept SystemExit as end:\n    code = end.code\n"
        "assert not code, code"
    )
    assert loaded_by(code).isdisjoint(ORCHESTRATORS)
    assert (tmp_path / "web_logs_dag.py").is_file()
