"""How the command line is started as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "synaflow_export"]


def environment() -> dict[str, str]:
    """The environment in which it finds the code of this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}
