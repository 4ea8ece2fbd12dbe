"""Finds the settings file of a pipeline, and reads it.

It is looked for in the folder of the pipeline's code, then in the folders above, up to the root of
the repository (the folder that has ``.git``): the nearest one holds, alone.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synaflow_core.errors import ExportError, Problem
from synaflow_export.config.toml_lines import error_line, key_lines

FILE_NAME, PROJECT_FILE = "synaflow.toml", "pyproject.toml"
_TABLE = ("tool", "synaflow-export")


@dataclass(frozen=True)
class Document:
    """A settings file.

    Attributes:
        name: Its base name.
        shown: How messages call it: its path from the current folder.
        content: Its settings; those of ``[tool.synaflow-export]`` in a ``pyproject.toml``.
        lines: Path of a table or key in ``content`` -> line of the file.
    """

    name: str
    shown: str
    content: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]

    def place(self, path: tuple[str, ...]) -> str:
        """``synaflow.toml:12`` for a table or key, or for the nearest table around it."""
        for depth in range(len(path), -1, -1):
            if path[:depth] in self.lines:
                return f"{self.shown}:{self.lines[path[:depth]]}"
        return self.shown


def find_document(folder: Path) -> Document | None:
    """Find and read the settings that hold for code in a folder; None if there are none.

    Raises:
        ExportError: If a file cannot be read, is not TOML, or there are two in one folder.
    """
    for place in _upwards(folder.resolve()):
        own, project = place / FILE_NAME, place / PROJECT_FILE
        found = _read(own, ()) if own.is_file() else None
        in_project = _read(project, _TABLE) if project.is_file() else None
        if found and in_project:
            raise _cannot_read(
                found.shown,
                "two-settings",
                f"{in_project.place(())} beside it has a table [{'.'.join(_TABLE)}], too",
                "keep one of the two",
            )
        if found or in_project:
            return found or in_project
    return None


def _upwards(folder: Path) -> Iterator[Path]:
    for place in (folder, *folder.parents):
        yield place
        if (place / ".git").exists():
            return


def _read(file: Path, table: tuple[str, ...]) -> Document | None:
    shown = os.path.relpath(file)
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{type(error).__name__}: {error}"
        raise _cannot_read(
            shown, "unreadable", message, "save it as a readable UTF-8 file"
        ) from error
    if table and table[-1] not in text:
        return None  # a project of somebody who does not configure us; it may even be broken
    try:
        content: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = error_line(error)
        where = f"{shown}:{line}" if line else shown
        raise _cannot_read(where, "not-toml", str(error), "mend the syntax there") from error
    for key in table:
        content = content.get(key) if isinstance(content, dict) else None
    if content is None:
        return None
    lines = key_lines(text)
    inner = {path[len(table) :]: n for path, n in lines.items() if path[: len(table)] == table}
    if not isinstance(content, dict):
        where = f"{shown}:{inner[()]}"
        raise _cannot_read(where, "no-table", "it must be a table", f"write [{'.'.join(table)}]")
    return Document(file.name, shown, content, inner)


def _cannot_read(where: str, code: str, message: str, hint: str) -> ExportError:
    return ExportError("the settings cannot be read", [Problem(where, "", code, message, hint)])
