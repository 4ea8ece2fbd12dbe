"""A target in a package of its own, installed beside the wheel where nothing else of ours is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from synaflow_core.handoff import DatasetRef, HandoffStore
from tests.project.environments import ROOT, new_environment, run

PACKAGE = ROOT / "tests" / "third_party_target"
PAGE = ROOT / "docs" / "how-to-target.md"

PIPELINE = """
from collections.abc import Iterator
from typing import NamedTuple

from synaflow_core import pipeline, step


class Params(NamedTuple):
    count: int = 3


def rows(count: int) -> Iterator[int]:
    yield from range(count)


def doubled(row: int) -> int:
    return 2 * row


def total(doubled: list[int]) -> int:
    return sum(doubled)


sums = pipeline(
    "sums", Params, [step("rows", rows), step("doubled", doubled), step("total", total)]
)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("package") / "synaflow-sh"
    shutil.copytree(PACKAGE, source)  # building leaves traces
    return new_environment(tmp_path_factory.mktemp("third-party"), wheel, source)


def test_it_exports_and_what_it_exports_runs(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text(PIPELINE)
    (tmp_path / "synaflow.toml").write_text(
        f'[sh]\nstore = "{tmp_path / "store"}"\n[pipeline.sums.step.total]\nnice = 5\n'
    )
    run(installed / "synaflow-export", "sh", "sums.py", cwd=tmp_path)
    script = tmp_path / "scripts" / "sums.sh"
    assert "\nrun total 5 # total\n" in script.read_text()

    path = f"{installed}{os.pathsep}{os.environ['PATH']}"
    run("sh", script, '{"count": 5}', cwd=tmp_path, PATH=path)
    kept = json.loads((tmp_path / "scripts/sums/runs/manual.json").read_text())
    store = HandoffStore(str(tmp_path / "store"))
    assert store.read_value(DatasetRef.from_dict(kept["total"]), int) == 20

    # like every export: the same bytes again, edits of its block kept, other edits refused
    run(installed / "synaflow-export", "sh", "sums.py", "--check", cwd=tmp_path)
    edited = re.sub("^STORE=.*$", "STORE=/elsewhere", script.read_text(), flags=re.MULTILINE)
    script.write_text(edited)
    run(installed / "synaflow-export", "sh", "sums.py", cwd=tmp_path)
    assert script.read_text() == edited


def test_help_and_list_know_it(installed: Path, tmp_path: Path) -> None:
    text = run(installed / "synaflow-export", "sh", "--help", COLUMNS="200")
    for flag, meaning in (("--nice", "19 lets all others go first"), ("--store", "Folder or URL")):
        assert re.search(rf"{flag} .*{meaning}", text)
    assert re.search(
        r"^. sh .*shell script", run(installed / "synaflow-export", COLUMNS="200"), re.M
    )
    targets = json.loads(run(installed / "synaflow-export", "targets", "--format", "json"))
    assert targets["sh"]["title"] == "shell script"
    assert targets["sh"]["capabilities"]["runs_async_pipelines"]["given"] is True
    assert targets["airflow"]["capabilities"]["catches_up"]["given"] is True


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sh", "sums.py", "--schedule", "@daily"], "write it into a crontab"),
        (["sh", "sums.py", "--owner", "me"], "it is an option of airflow"),
        (["airflow", "sums.py", "--nice", "3"], "it is an option of sh"),
        (["sh", "sums.py", "--nice", "30"], "it must be a whole number from 0 to 19, got 30"),
    ],
)
def test_options_of_one_target_are_told_from_those_of_another(
    installed: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "sums.py").write_text(PIPELINE)
    done = subprocess.run(
        [installed / "synaflow-export", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sums.py"]


def test_the_page_prints_what_is_installed() -> None:
    blocks = re.findall(r"^```\w+\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    sources = [path.read_text("utf-8") for path in PACKAGE.rglob("*.*") if path.is_file()]
    assert len(blocks) >= 4
    for block in blocks:
        assert any(block.strip() in source for source in sources), block
