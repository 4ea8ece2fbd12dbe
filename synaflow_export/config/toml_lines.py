"""On which line of a TOML document each key stands; ``tomllib`` does not tell.

A statement of TOML (a header, or a key with its value) means the same when it is parsed alone, so
each is: lines are taken together until they parse. ``tomllib`` decides all questions of syntax.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

_AT_LINE = re.compile(r"at line (\d+), column \d+")

Path = tuple[str, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Map the path of every table and key to the line, from 1, on which it first appears.

    Args:
        text: A valid TOML document.
    """
    found: dict[Path, int] = {}
    table: Path = ()
    statement, start = "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not statement:
            start = number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # the value goes on
        paths = list(_paths(parsed))
        if statement.lstrip().startswith("["):
            table = paths[-1]
            paths = [table[:depth] for depth in range(1, len(table) + 1)]
        else:
            paths = [(*table, *path) for path in paths]
        for path in paths:
            found.setdefault(path, start)
        statement = ""
    return found


def error_line(error: tomllib.TOMLDecodeError) -> int | None:
    """The line that a syntax error is on, if it says."""
    match = _AT_LINE.search(str(error))
    return int(match[1]) if match else None


def _paths(table: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, value in table.items():
        path = (*above, key)
        yield path
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            yield from _paths(inner, path)
