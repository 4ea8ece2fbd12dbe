"""Runs a block of the seed documents the way ``python block.py`` would, and keeps what it printed.

``blocks/`` has one file per block of code that the documents print, with the fewest changes that
make it run; each change is told in a comment that begins with ``CHANGED``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

BLOCKS = Path(__file__).parent / "blocks"


@dataclass(frozen=True)
class Ran:
    """A block that ran: its variables, and the lines that it printed."""

    module: ModuleType
    lines: list[str]


def run_block(name: str) -> Ran:
    """Execute a block from its first line to its last."""
    spec = importlib.util.spec_from_file_location(f"seed_{name}", BLOCKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        spec.loader.exec_module(module)
    return Ran(module, printed.getvalue().splitlines())
