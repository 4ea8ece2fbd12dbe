"""The wheel of this checkout, built once, and environments that hold it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.project.environments import ROOT, new_environment, run


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, ROOT)  # sdist, and the wheel from it
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment that holds the wheel and its dependencies only."""
    return new_environment(tmp_path_factory.mktemp("clean"), wheel)
