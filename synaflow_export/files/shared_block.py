"""A file that many share, of which one block is ours: ``prefect.yaml``.

Several pipelines exported to one folder, and people, write into the same list. Each export looks
only at the block between its own two marks: it is put under the anchor line when it is not there
yet, replaced while nobody has edited it, and left alone once somebody has. The block follows the
indentation of the list that it goes into; everything outside of it is never touched.
"""

from __future__ import annotations

import re

from synaflow_core.errors import Problem
from synaflow_export.files.generated import Editable, GeneratedFile, Recorded, recorded
from synaflow_export.files.placement import Placement

__all__ = ["place_block"]


def place_block(
    file: GeneratedFile, old: str | None, known: Recorded | None, *, force: bool
) -> tuple[Placement, Problem | None]:
    """Decide what becomes of a file of the role ``PART``.

    Args:
        file: As a target returned it: a whole file with the block in it.
        old: The text on disk; None if there is none.
        known: What the manifest of the export before says of the block.
        force: Replace the block even if it was edited.

    Returns:
        The placement, and what is in the way of it.
    """
    marks = file.editable
    assert marks is not None
    if old is None:
        return Placement(file.path, old, file.text), None
    if marks.split(old) is None:
        return _insert(file, marks, old)
    found = recorded(file, old)
    if found.block == recorded(file).block:
        return Placement(file.path, old, old), None
    if force or (known is not None and known.block == found.block):
        return Placement(file.path, old, _replace(file, marks, old)), None
    return Placement(file.path, old, old, kept_edits=True), None


def _insert(file: GeneratedFile, marks: Editable, old: str) -> tuple[Placement, Problem | None]:
    lines = old.splitlines()
    stripped = [line.strip() for line in lines]
    if marks.begin.strip() in stripped or marks.end.strip() in stripped:
        return Placement(file.path, old, old), _conflict(
            file, f"the marks around its block are damaged: {marks.begin.strip()!r}"
        )
    block = _block(file, marks)
    if file.anchor in (line.rstrip() for line in lines):
        at = next(i for i, line in enumerate(lines) if line.rstrip() == file.anchor) + 1
        new = [*lines[:at], *_indented(block, _indent_of_list(lines[at:])), *lines[at:]]
    elif any(line.startswith(file.anchor) for line in lines):
        return Placement(file.path, old, old), _conflict(
            file, f"nothing can be added under '{file.anchor}', it has a value on its own line"
        )
    else:
        new = [*lines, file.anchor, *block]
    return Placement(file.path, old, "\n".join(new) + "\n"), None


def _replace(file: GeneratedFile, marks: Editable, old: str) -> str:
    parts = marks.split(old)
    assert parts is not None
    before, block, after = parts
    new = _indented(_block(file, marks), _indent_of_list(block.splitlines()))
    return before + "\n".join(new[1:-1]) + "\n" + after


def _block(file: GeneratedFile, marks: Editable) -> list[str]:
    """The block with its marks."""
    parts = marks.split(file.text)
    assert parts is not None
    return [marks.begin, *parts[1].splitlines(), marks.end]


def _indent_of_list(lines: list[str]) -> int | None:
    """Columns in front of the first entry of a list; None where there is none."""
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            entry = re.match(r"( *)- ", line)
            return len(entry[1]) if entry else None
    return None


def _indented(block: list[str], indent: int | None) -> list[str]:
    """The block, its entry beginning in another column; marks keep theirs."""
    own = _indent_of_list(block)
    if indent is None or own is None or indent == own:
        return block
    first, *inner, last = block
    return [first, *(" " * indent + line[own:] for line in inner), last]


def _conflict(file: GeneratedFile, message: str) -> Problem:
    return Problem(
        where=file.path,
        subject="",
        code="no-place-for-block",
        message=message,
        hint="mend the file, or move it away and export again",
    )
