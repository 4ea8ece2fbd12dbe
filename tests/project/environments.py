"""Virtual environments without this checkout, and commands that run in them."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Standard output of a command that must succeed, without this checkout on the path."""
    env = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt"), **environment}
    env.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def new_environment(folder: Path, *packages: Path) -> Path:
    """The ``bin`` folder of a new environment that holds packages and their dependencies."""
    venv.create(folder, with_pip=True)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages)
    return folder / "bin"
