"""Whether a folder holds what an export would write now: ``--check`` and ``--diff``.

Reads, never writes. Edits in a block that is meant to be edited are no difference.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synaflow_export.files.generated import GeneratedFile
from synaflow_export.files.reconcile import reconcile


@dataclass(frozen=True)
class Difference:
    """One file that an export would change.

    Attributes:
        path: Place below the target folder.
        kind: ``missing``, ``changed`` (generated anew it differs), ``edited`` (somebody changed
            it by hand; only a forced export would replace it) or ``stale`` (no longer generated).
        diff: Unified diff from what is on disk to what would be generated.
    """

    path: str
    kind: str
    diff: str


def compare(files: Sequence[GeneratedFile], out: Path) -> list[Difference]:
    """Compare generated files with a folder; empty when an export would change nothing.

    Args:
        files: One pipeline's files, as a target returned them.
        out: The target folder; need not exist.

    Raises:
        ExportError: If the folder cannot be read.
    """
    outcome = reconcile(files, out)
    conflicting = {problem.where for problem in outcome.conflicts}
    forced = {p.path: p.new for p in reconcile(files, out, force=True).placements}
    differences = []
    for placement in outcome.placements:
        edited = placement.path in conflicting
        new = forced[placement.path] if edited else placement.new
        if placement.old == new:
            continue
        if placement.old is None:
            kind = "missing"
        elif new is None:
            kind = "stale"
        else:
            kind = "edited" if edited else "changed"
        differences.append(
            Difference(placement.path, kind, _unified(placement.path, placement.old, new))
        )
    return differences


def _unified(path: str, old: str | None, new: str | None) -> str:
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        fromfile="/dev/null" if old is None else f"on disk/{path}",
        tofile="/dev/null" if new is None else f"generated/{path}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no newline\n" for line in lines)
