"""Generated files against what already lies in the target folder: what is to be written where.

Reads, never writes. :mod:`.check` prints the outcome, :mod:`.write` carries it out. The
rules, for each file:

* nothing there: it is written;
* the same, or Python code that only a formatter has laid out anew: it stays as it is;
* ours (the manifest of the earlier export says so) and not edited by hand: it is replaced; edits
  in its editable block are carried over;
* shared with others (``.airflowignore``): missing lines are added; of some (``prefect.yaml``) one
  block is ours (:mod:`synaflow_export.files.shared_block`);
* anything else is a conflict: told, and not touched unless forced;
* ours, but no longer generated (a source module that the pipeline dropped): it is removed.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synaflow_core.errors import ExportError, Problem
from synaflow_export.files.generated import (
    GeneratedFile,
    Manifest,
    Recorded,
    Role,
    missing_names,
    recorded,
)
from synaflow_export.files.placement import Placement
from synaflow_export.files.shared_block import place_block


@dataclass(frozen=True)
class Outcome:
    """Everything that an export does to a folder.

    Attributes:
        placements: All files, also those that do not change, in the order of writing.
        conflicts: Files that must not be touched without being forced.
    """

    placements: tuple[Placement, ...]
    conflicts: tuple[Problem, ...] = ()


def reconcile(files: Sequence[GeneratedFile], out: Path, *, force: bool = False) -> Outcome:
    """Decide what becomes of every generated file in the folder ``out``.

    Args:
        files: One pipeline's files, as a target returned them.
        out: The target folder; need not exist.
        force: Replace also what is not ours or was edited by hand (editable blocks are then
            generated anew, too).

    Raises:
        ExportError: If the manifest of an earlier export is damaged or a file cannot be read.
    """
    known, conflicts = _earlier(files, out, force)
    placements: list[Placement] = []
    for file in files:
        old = read_text(out / file.path)
        if file.role is Role.SHARED:
            placements.append(Placement(file.path, old, _with_lines(old, file.text)))
            continue
        if file.role is Role.PART:
            placement, conflict = place_block(file, old, known.get(file.path), force=force)
            placements.append(placement)
            conflicts += [] if conflict is None else [conflict]
            continue
        if file.role is Role.MANIFEST or force:
            placements.append(Placement(file.path, old, file.text))
            continue
        placement, conflict = _owned(file, old, known.get(file.path))
        placements.append(placement)
        if conflict is not None:
            conflicts.append(conflict)
    generated = {file.path for file in files}
    for path in sorted(set(known) - generated):
        stale = read_text(out / path)
        if stale is not None and recorded(GeneratedFile(path, stale)) == known[path]:
            placements.append(Placement(path, stale, None))
    return Outcome(tuple(placements), tuple(conflicts))


def read_text(path: Path) -> str | None:
    """Text of a file with its line ends untouched; None if it does not exist.

    Raises:
        ExportError: If it cannot be read as UTF-8 text.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(
            "the target folder cannot be read",
            [
                Problem(
                    where=str(path),
                    subject="",
                    code="unreadable-file",
                    message=f"{type(error).__name__}: {error}",
                    hint="give another --out, or move the file away",
                )
            ],
        ) from error


def _earlier(
    files: Sequence[GeneratedFile], out: Path, force: bool
) -> tuple[dict[str, Recorded], list[Problem]]:
    """What the manifest of the export before says; nothing when there was none."""
    for file in files:
        if file.role is not Role.MANIFEST:
            continue
        text = read_text(out / file.path)
        if text is None:
            return {}, [] if force else _foreign(files, file.path, out)
        if force:  # also the way out of a damaged manifest
            try:
                earlier = Manifest.from_json(text, file.path)
            except ExportError:
                return {}, []
            return dict(earlier.files), []
        earlier = Manifest.from_json(text, file.path)
        now = Manifest.from_json(file.text, file.path)
        if earlier.identity == now.identity:
            return dict(earlier.files), []
        return {}, [
            Problem(
                where=file.path,
                subject=f"pipeline '{now.pipeline}'",
                code="folder-taken",
                message=f"the folder holds the {earlier.target} export '{earlier.id}' of "
                f"pipeline '{earlier.pipeline}'",
                hint="give one of the two another id (--id) or another folder (--out)",
            )
        ]
    return {}, []


def _foreign(files: Sequence[GeneratedFile], manifest: str, out: Path) -> list[Problem]:
    """A folder of somebody else's where ours is to be: an export would hide what lies in it."""
    folder = (out / manifest).parent
    ours = {out / file.path for file in files}
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path not in ours and "__pycache__" not in path.parts
    )
    if not found:
        return []
    return [
        Problem(
            where=folder.name,
            subject="",
            code="folder-not-ours",
            message=f"the folder exists and holds '{found[0].relative_to(out)}', which is not of "
            f"an export",
            hint="give another id (--id) or another folder (--out), or --force to share it",
        )
    ]


def _owned(
    file: GeneratedFile, old: str | None, known: Recorded | None
) -> tuple[Placement, Problem | None]:
    if old is None or _is_same(file.path, old, file.text):
        return Placement(file.path, old, old or file.text), None
    if file.mark is not None and file.mark in old:
        return Placement(file.path, old, file.text), None
    if known is None:
        return Placement(file.path, old, old), Problem(
            where=file.path,
            subject="",
            code="not-generated",
            message="a file of this name exists and was not generated by this export",
            hint="give another --out or --id, move the file away, or overwrite it with --force",
        )
    found = recorded(file, old)
    if found.fixed != known.fixed:
        return Placement(file.path, old, old), Problem(
            where=file.path,
            subject="",
            code="edited-by-hand",
            message="the file was edited since it was generated"
            + (", outside the block that is meant to be edited" if file.editable else ""),
            hint="--diff shows what would be lost; --force overwrites it",
        )
    if found.block == known.block or file.editable is None:
        return Placement(file.path, old, file.text), None
    return _keep_block(file, old)


def _keep_block(file: GeneratedFile, old: str) -> tuple[Placement, Problem | None]:
    """Carry the edited block of the file on disk over into the new text."""
    assert file.editable is not None
    ours, theirs = file.editable.split(file.text), file.editable.split(old)
    assert ours is not None
    assert theirs is not None
    try:
        missing = missing_names(file, theirs[1])
        trouble = f"{', '.join(missing)} would be undefined" if missing else ""
    except SyntaxError as error:
        trouble = f"it is not valid Python ({error.msg})"
    if trouble:
        return Placement(file.path, old, old), Problem(
            where=file.path,
            subject="the editable block",
            code="block-does-not-fit",
            message=f"its edits cannot be carried over: {trouble}",
            hint="mend the block (--diff shows the generated one) or replace it with --force",
        )
    new = ours[0] + theirs[1] + ours[2]
    new = old if _is_same(file.path, old, new) else new
    return Placement(file.path, old, new, kept_edits=theirs[1] != ours[1]), None


def _is_same(path: str, old: str, new: str) -> bool:
    """Whether two texts are equal, or Python code that differs in its layout only."""
    if old == new or not path.endswith(".py"):
        return old == new
    try:
        return _comments(old) == _comments(new) and ast.dump(ast.parse(old)) == ast.dump(
            ast.parse(new)
        )
    except (SyntaxError, ValueError, tokenize.TokenError):
        return False


def _comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _with_lines(old: str | None, lines: str) -> str:
    """``old`` with the lines that it lacks; comments of ours only where there is a line to add."""
    if old is None:
        return lines
    present = {line.strip() for line in old.splitlines()}
    wanted = [line for line in lines.splitlines() if line.strip()]
    if all(line in present for line in wanted if not line.startswith("#")):
        return old
    missing = [line for line in wanted if line not in present]
    return (old if old.endswith("\n") or not old else old + "\n") + "\n".join(missing) + "\n"
