"""Texts that a user reads, kept in files that are reviewed like code.

After changing a text on purpose: ``UPDATE_SNAPSHOTS=1 pytest`` of the test that tells, then review
the diff. What differs between machines and edits (line numbers, addresses) is left out.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"


def stable(text: str) -> str:
    """The text without line numbers of Python files and without addresses."""
    text = re.sub(r"(\w+\.py):\d+", r"\1:LINE", text)
    return re.sub(r" at 0x[0-9a-f]+", " at ADDRESS", text)


def assert_reviewed(text: str, path: Path) -> None:
    """Compare a text with its file, or write it there when updating."""
    text = stable(text) + "\n"
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    kept = path.read_text(encoding="utf-8")
    assert kept == text


def kept_in(folder: Path) -> set[str]:
    """The names of the texts in a folder."""
    return {path.stem for path in folder.glob("*.txt")}
