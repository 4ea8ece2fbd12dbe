"""The command line as a function and as a process, each in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from synaflow_export.cli import main

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """The current folder of a test."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file of the user's; the text may be indented as the test is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def files(self) -> set[str]:
        """All files below the folder, relative to it."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix() for path in found}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture
def cli(project: Project, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def process(project: Project) -> Callable[..., Outcome]:
    """Run a command as ``python -m synaflow_export`` in a process of its own."""

    def call(*arguments: str, **environment: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "synaflow_export", *arguments],
            cwd=project.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def quickstart(project: Project) -> Path:
    """The quickstart of the README, as printed: it runs and prints when it is imported."""
    source = ROOT / "examples" / "quickstart" / "pipe.py"
    return project.write("pipe.py", source.read_text(encoding="utf-8"))


@pytest.fixture
def orders(project: Project) -> Path:
    """Two macro-tasks, params with and without defaults, a step that drops items."""
    return project.write("orders.py", ORDERS)


ORDERS = """
    from collections.abc import Iterator
    from typing import NamedTuple

    from synaflow_core import pipeline, step


    class Params(NamedTuple):
        amounts: list[int] = [1, 2, 3]
        currency: str = "EUR"


    def parse(amount: int) -> int:
        if amount < 0:
            raise ValueError(f"negative amount {amount}")
        return amount * 100


    def total(parse: list[int]) -> int:
        return sum(parse)


    def report(total: int, currency: str) -> str:
        return f"{total} {currency}"


    orders = pipeline(
        "orders",
        Params,
        [step("parse", parse), step("total", total), step("report", report)],
    )
"""
