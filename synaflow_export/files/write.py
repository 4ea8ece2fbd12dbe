"""Puts generated files into a folder: all of them or none.

Every file is first written whole under a temporary name beside its place (a full disk or a
missing permission shows here, and leaves nothing behind), then all are renamed. Should a rename
fail, those before it are undone. The files come in the order of the export, so that the one
which an orchestrator watches for, given last, appears when everything it refers to is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synaflow_core.errors import ExportError, Problem
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.files.placement import Placement
from synaflow_export.files.reconcile import reconcile


@dataclass(frozen=True)
class Written:
    """What :func:`write_files` did.

    Attributes:
        created: Paths below the folder that did not exist before.
        updated: Paths whose content changed.
        unchanged: Paths that were already as they should be.
        removed: Paths that are no longer generated.
        kept_edits: Paths whose edited block was carried over.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept_edits: tuple[str, ...] = ()


def write_files(files: Sequence[GeneratedFile], out: Path, *, force: bool = False) -> Written:
    """Write one pipeline's files into the folder ``out``; it is made if it does not exist.

    Args:
        files: As a target returned them.
        out: The target folder.
        force: Overwrite files that are not ours or that were edited by hand.

    Raises:
        ExportError: If something is in the way or the folder cannot be written; nothing changed.
    """
    outcome = reconcile(files, out, force=force)
    if outcome.conflicts:
        raise ExportError(f"nothing was written to {out}", outcome.conflicts)
    changes = [p for p in outcome.placements if p.old != p.new]
    try:
        _carry_out(changes, out)
    except OSError as error:
        raise ExportError(
            f"nothing was written to {out}",
            [
                Problem(
                    where=str(error.filename or out),
                    subject="",
                    code="cannot-write",
                    message=f"{type(error).__name__}: {error.strerror or error}",
                    hint="give a folder that you may write to (--out)",
                )
            ],
        ) from error
    return Written(
        created=tuple(p.path for p in changes if p.old is None),
        updated=tuple(p.path for p in changes if p.old is not None and p.new is not None),
        unchanged=tuple(p.path for p in outcome.placements if p.old == p.new),
        removed=tuple(p.path for p in changes if p.new is None),
        kept_edits=tuple(p.path for p in outcome.placements if p.kept_edits),
    )


def _carry_out(changes: Sequence[Placement], out: Path) -> None:
    with contextlib.ExitStack() as undo:
        for placement in changes:
            if placement.new is not None:
                place = out / placement.path
                _make_folder(place.parent, undo)
                undo.callback(_beside(place).unlink, missing_ok=True)
                _prepare(place, placement.new)
        for placement in changes:
            place = out / placement.path
            undo.callback(_restore, place, placement.old)
            if placement.new is None:
                place.unlink()
            else:
                os.replace(_beside(place), place)
        undo.pop_all()  # all files are in place: nothing is to be undone any more
    for placement in changes:
        if placement.new is None:
            _remove_folder((out / placement.path).parent)


def _prepare(place: Path, text: str) -> None:
    """Write a file whole under its temporary name, with the permissions of the one it replaces."""
    temporary = _beside(place)
    temporary.write_bytes(text.encode("utf-8"))
    if place.exists():
        shutil.copymode(place, temporary)


def _restore(place: Path, old: str | None) -> None:
    if old is None:
        place.unlink(missing_ok=True)
    else:
        _prepare(place, old)
        os.replace(_beside(place), place)


def _make_folder(folder: Path, undo: contextlib.ExitStack) -> None:
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folder(folder.parent, undo)
    folder.mkdir()
    undo.callback(_remove_folder, folder)


def _remove_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _beside(place: Path) -> Path:
    # Neither a Python nor a JSON file, so that nothing that scans the folder takes it for one.
    return place.with_name(f".{place.name}.synaflow-new")
