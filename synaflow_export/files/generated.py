"""Generated files as values, and the manifest by which a later export knows them again.

A target returns :class:`GeneratedFile` values; nothing here touches a disk. One of them is the
manifest (``<folder>/export.json``): for each file that we own, a digest of what we wrote. It
answers, at the next export, "is this file ours, and has somebody edited it since?", so that no
edit is lost and no foreign file is overwritten.

Digests are taken of the *ink* of a file: its text without whitespace, commas, brackets and
quotes. A code formatter run over the folder is thereby no edit.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

from synaflow_core.errors import ExportError, Problem

MANIFEST_NAME = "export.json"

_NOT_INK = re.compile(r"[\s,()\"']+")


class Role(Enum):
    """How a file is treated when something is already at its place."""

    OWNED = "owned"
    """Ours alone: replaced by the next export unless it was edited by hand."""
    SHARED = "shared"
    """Shared with others, one entry per line: missing lines are added, none is removed."""
    PART = "part"
    """Shared with others, one block of it ours: see :mod:`synaflow_export.files.shared_block`."""
    MANIFEST = "manifest"
    """Tells which files are ours."""


@dataclass(frozen=True)
class Editable:
    """The block of a generated file that its owner may edit; the next export keeps the edit.

    Attributes:
        begin: The whole line that opens the block.
        end: The whole line that closes it.
    """

    begin: str
    end: str

    def split(self, text: str) -> tuple[str, str, str] | None:
        """Cut a file into before, block and after; None if it has not exactly one block."""
        lines = text.splitlines(keepends=True)
        begins = [i for i, line in enumerate(lines) if line.rstrip() == self.begin]
        ends = [i for i, line in enumerate(lines) if line.rstrip() == self.end]
        if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
            return None
        start, stop = begins[0] + 1, ends[0]
        return "".join(lines[:start]), "".join(lines[start:stop]), "".join(lines[stop:])


@dataclass(frozen=True)
class GeneratedFile:
    """One file of an export.

    Attributes:
        path: Place below ``--out``, with forward slashes.
        text: The whole file; written as UTF-8 with its line ends untouched.
        role: What happens to a file that is already there.
        editable: The block whose edits are kept, if the file has one; all that is ours of a
            ``PART``.
        anchor: The line of a ``PART`` under which the block is put when it is not there yet.
        mark: Text by which an earlier version of this very file is known; an export of a single
            file needs no manifest then.
    """

    path: str
    text: str
    role: Role = Role.OWNED
    editable: Editable | None = None
    mark: str | None = None
    anchor: str = ""

    def __post_init__(self) -> None:
        if not is_inside(self.path):
            raise ValueError(f"{self.path!r} is not a path below the target folder")


@dataclass(frozen=True)
class Recorded:
    """What the manifest knows of one file: digests of its fixed part and of its editable block."""

    fixed: str
    block: str = ""


@dataclass(frozen=True)
class Manifest:
    """What one export left behind.

    Attributes:
        target: The target's name.
        pipeline: The pipeline's name, as declared.
        id: Under which it was exported: the DAG's id.
        files: Path below ``--out`` -> digests of what was written.
    """

    target: str
    pipeline: str
    id: str
    files: Mapping[str, Recorded] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str, str]:
        """Which export it is: two exports of one identity replace each other."""
        return self.target, self.pipeline, self.id

    def to_json(self) -> str:
        """The manifest as a file: sorted, two spaces, a newline at the end."""
        document = {
            "target": self.target,
            "pipeline": self.pipeline,
            "id": self.id,
            "files": {
                path: {"fixed": entry.fixed, **({"block": entry.block} if entry.block else {})}
                for path, entry in sorted(self.files.items())
            },
        }
        return json.dumps(document, indent=2, ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Manifest:
        """Read a manifest.

        Raises:
            ExportError: If the file at ``where`` is not one.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            files = {
                str(path): Recorded(str(entry["fixed"]), str(entry.get("block", "")))
                for path, entry in document["files"].items()
            }
            if not all(is_inside(path) for path in files):
                raise ValueError("it names files outside the target folder")
            identity = [str(document[key]) for key in ("target", "pipeline", "id")]
            return cls(identity[0], identity[1], identity[2], files)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExportError(
                "the folder of an earlier export cannot be read",
                [
                    Problem(
                        where=where,
                        subject="",
                        code="bad-manifest",
                        message=f"this is not a manifest of ours ({type(error).__name__}: {error})",
                        hint="delete it (or use --force) and export again",
                    )
                ],
            ) from error


def is_inside(path: str) -> bool:
    """Whether a path with forward slashes stays below the folder that it is relative to."""
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and "\\" not in path


def manifest_file(
    folder: str, target: str, pipeline: str, id: str, files: Iterable[GeneratedFile]
) -> GeneratedFile:
    """Make the manifest of an export; it lies in the pipeline's own folder."""
    roles = (Role.OWNED, Role.PART)
    entries = {file.path: recorded(file) for file in files if file.role in roles}
    text = Manifest(target, pipeline, id, entries).to_json()
    return GeneratedFile(f"{folder}/{MANIFEST_NAME}", text, Role.MANIFEST)


def recorded(file: GeneratedFile, text: str | None = None) -> Recorded:
    """Digests of a file's text (by default the generated one), cut at its editable block."""
    text = file.text if text is None else text
    parts = file.editable.split(text) if file.editable else None
    if parts is None:
        return Recorded(ink_digest(text))
    before, block, after = parts
    ours = "" if file.role is Role.PART else before + after
    return Recorded(ink_digest(ours), ink_digest(block))


def ink_digest(text: str) -> str:
    """Digest of a text that does not change when the text is only laid out anew."""
    ink = _NOT_INK.sub("", text)
    return "sha256:" + hashlib.sha256(ink.encode("utf-8", "surrogatepass")).hexdigest()


def missing_names(file: GeneratedFile, kept_block: str) -> tuple[str, ...]:
    """Names that go missing when an edited block replaces the generated one.

    Either the rest of the file needs a constant that the edited block does not define, or the
    block uses a name that the rest of the file does not import. Only Python is looked into.
    """
    if not file.path.endswith(".py"):
        return ()
    parts = file.editable.split(file.text) if file.editable else None
    if parts is None:
        return ()
    before, block, _after = parts
    needed = _defined(block) - _defined(kept_block)
    unknown = _used(kept_block) - _defined(kept_block) - _defined(before) - set(dir(builtins))
    return tuple(sorted(needed | unknown))


def _defined(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return names


def _used(source: str) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
