"""``html`` and ``mermaid`` as commands: one file each, kept up to date, nobody's overwritten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from synaflow_export.cli import main

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "examples" / "web_logs" / "pipe.py", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("target", "ending"), [("html", "html"), ("mermaid", "mmd")])
def test_one_file_that_is_kept_up_to_date(folder: Path, target: str, ending: str) -> None:
    assert main([target, "pipe.py", "--out", "docs"]) == 0
    assert main([target, "pipe.py", "--out", "docs", "--check"]) == 0
    file = folder / "docs" / f"web_logs.{ending}"
    assert [path.name for path in (folder / "docs").iterdir()] == [file.name]
    code = folder / "pipe.py"
    code.write_text(code.read_text().replace('step("summary"', 'step("in_short"'))
    assert main([target, "pipe.py", "--out", "docs", "--check"]) == 1
    assert main([target, "pipe.py", "--out", "docs"]) == 0
    assert "in_short" in file.read_text()

    file.write_text("my own notes\n")
    assert main([target, "pipe.py", "--out", "docs"]) == 2
    assert file.read_text() == "my own notes\n"
    assert main([target, "pipe.py", "--out", "docs", "--force"]) == 0


@pytest.mark.parametrize("target", ["html", "mermaid"])
def test_how_tasks_are_run_does_not_concern_a_picture(
    folder: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = folder / "synaflow.toml"
    settings.write_text('retries = 3\nschedule = "@daily"\n[airflow]\nowner = "me"\n')
    assert main([target, "pipe.py"]) == 0
    settings.write_text(f"[{target}]\nretries = 3\n")
    assert main([target, "pipe.py"]) == 2
    assert "synaflow.toml:2: option 'retries'" in capsys.readouterr().err
    settings.write_text("retrys = 3\n")
    assert main([target, "pipe.py"]) == 2
