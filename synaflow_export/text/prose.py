"""Words for people inside generated files: names in Markdown, tables, and lines that fit.

All text that comes from a user passes :func:`code` or :func:`wrapped` on its way into a docstring,
so that no name breaks a table, no line gets longer than a linter accepts, and a name of a thousand
characters is shortened (the plan beside the generated file has it in full).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from synaflow_export.text.pylayout import LINE_LENGTH, width
from synaflow_export.text.pyname import PyLiteral, docstring

_REPLACED = str.maketrans({"`": "'", '"': "'", "\\": "/", "|": "!"})

LONGEST_NAME = 40
"""Columns that one name may take in a table."""


def plain(text: str) -> str:
    """The text on one line: any white space, line breaks included, becomes one space."""
    return " ".join(text.split())


def shortened(text: str, room: int) -> str:
    """The text, or its beginning and end with an ellipsis between, in ``room`` columns."""
    if _written_width(text) <= room:
        return text
    keep = max(room - 1, 2)
    while keep > 2 and _written_width(_middle_cut(text, keep)) > room:
        keep -= max((_written_width(_middle_cut(text, keep)) - room) // 2, 1)
    return _middle_cut(text, keep)


def code(name: str, room: int = LONGEST_NAME) -> str:
    """A name as Markdown code, at most ``room`` columns and the two marks wide.

    Characters that a table or a docstring would have to escape are replaced: what is legal as a
    name of a step has none of them.
    """
    legible = "".join(c if c.isprintable() else "?" for c in plain(name).translate(_REPLACED))
    return f"`{shortened(legible, room)}`"


def sentence(text: str) -> str:
    """The text on one line, ending as a sentence does; empty stays empty."""
    flat = plain(text)
    return flat if not flat or flat[-1] in ".!?:" else f"{flat}."


def wrapped(text: str, *, depth: int = 0, hanging: str = "", first: int = 0) -> list[str]:
    """Break a text into lines that fit a docstring.

    Args:
        text: Any text.
        depth: Indentations of the docstring's lines; not part of the result.
        hanging: What the second and later lines start with.
        first: Columns that the first line has to leave free.
    """
    room = LINE_LENGTH - 4 * depth
    lines: list[str] = []
    current, used = "", first
    for word in plain(text).split(" "):
        fitting = shortened(word, room - len(hanging) - first)
        needed = _written_width(fitting)
        if current and used + 1 + needed > room:
            lines.append(current)
            current, used = hanging + fitting, len(hanging) + needed
        elif current:
            current, used = f"{current} {fitting}", used + 1 + needed
        else:
            current, used = fitting, used + needed
    return [*lines, current]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table with aligned columns; cells are :func:`code` or words of our own."""
    cells = [list(row) for row in (head, *rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
    lines = [_row(row, widths) for row in cells]
    lines.insert(1, "|" + "|".join("-" * (size + 2) for size in widths) + "|")
    return lines


def docstring_of(lines: Sequence[str], *, depth: int = 0, tall: bool = False) -> PyLiteral:
    """Lines of prose as a docstring; one line stays on one line unless it is ``tall``.

    Args:
        lines: The text, without indentation.
        depth: Indentations of the docstring.
        tall: The quotes stand on lines of their own.
    """
    indent = "    " * depth
    text = docstring("\n".join(lines))[3:-3]
    body = "\n".join(f"{indent}{line}" if line else "" for line in text.split("\n"))
    body = body if tall else body.removeprefix(indent)
    if body.startswith('"'):
        body = f" {body}"  # four quotes in a row confuse people and formatters
    start = f'"""\n{body}' if tall else f'"""{body}'
    return PyLiteral(f'{start}\n{indent}"""' if tall or "\n" in text else f'{start}"""')


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (size - width(cell)) for cell, size in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _middle_cut(text: str, keep: int) -> str:
    tail = keep // 4
    return f"{text[: keep - tail]}…{text[len(text) - tail :]}"


def _written_width(text: str) -> int:
    """Columns that a text takes once it is escaped for a docstring."""
    if text.isascii() and text.isprintable() and "\\" not in text and '"' not in text:
        return len(text)
    return width(docstring(text)) - 6
