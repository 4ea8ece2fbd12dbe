"""Expressions laid out the way a code formatter would lay them out.

Generated files must pass ``ruff format --check``, but exporting must neither need a formatter nor
depend on which one is installed. So views hand templates text that is laid out already. The rule
is the formatter's own: what fits on the line stays on it; what does not is opened at its outermost
bracket, one element per line, each with a trailing comma, and so on inwards. The trailing commas
keep the layout the same under any longer line length that the owner's project may have.

A line that cannot be broken (one long name or string) is marked ``# noqa: E501``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from synaflow_export.text.pyname import PyLiteral

LINE_LENGTH = 88
"""The default of ruff and black: what a project without configuration is checked against."""

_INDENT = "    "
_TOO_LONG = "  # noqa: E501"


@dataclass(frozen=True)
class Group:
    """Something in brackets: a call, a list, a dict.

    Attributes:
        opening: Text up to and including the opening bracket: ``Param(``.
        closing: The closing bracket.
        items: The elements with their lead-ins: ``("type=", PyLiteral('"string"'))``.
        tall: Open it even if it fits on one line, one element per line.
        comma: The last line of an opened group ends with a comma, which a subscript must not.
    """

    opening: str
    closing: str
    items: tuple[tuple[str, Node], ...]
    tall: bool = False
    comma: bool = True

    def flat(self) -> str:
        """The expression on one line."""
        inner = ", ".join(lead + _flat(item) for lead, item in self.items)
        return f"{self.opening}{inner}{self.closing}"


@dataclass(frozen=True)
class Prose:
    """A string for people, which may be broken between words."""

    text: str


Node = Group | Prose | PyLiteral
"""An expression: bracketed, prose, or text that is one unbreakable whole."""


def value(data: object) -> Node:
    """Expression for JSON-like data.

    Raises:
        TypeError: If something in it cannot be written as a literal.
    """
    if isinstance(data, Mapping) and data:
        rows = ((f"{PyLiteral.of(key)}: ", value(item)) for key, item in data.items())
        return Group("{", "}", tuple(rows))
    if isinstance(data, list) and data:
        return Group("[", "]", tuple(("", value(item)) for item in data))
    return PyLiteral.of(data)


def call(
    function: str,
    positional: Iterable[Node | str] = (),
    named: Mapping[str, Node | str] | None = None,
) -> Group:
    """Expression for a call; plain strings are identifiers or literals, pasted as they are."""
    items = [("", _node(item)) for item in positional]
    items += [(f"{name}=", _node(item)) for name, item in (named or {}).items()]
    return Group(f"{function}(", ")", tuple(items))


def lay_out(lead: str, node: Node, trail: str = "", *, depth: int = 0) -> PyLiteral:
    """Lay out ``lead + node + trail`` as a statement.

    Args:
        lead: Text before the expression: ``"return "``, ``"def "``, ``"orders = "``.
        node: The expression.
        trail: Text after it: ``":"``.
        depth: Number of indentations of the line it stands on.

    Returns:
        Lines that all start with their indentation; no newline at the end.
    """
    return PyLiteral("\n".join(_lines(lead, node, trail, depth)))


def width(text: str) -> int:
    """Columns that a text takes; wide characters take two, as for the formatter."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _lines(lead: str, node: Node, trail: str, depth: int) -> list[str]:
    indent = _INDENT * depth
    line = f"{indent}{lead}{_flat(node)}{trail}"
    if width(line) <= LINE_LENGTH and not (isinstance(node, Group) and node.tall):
        return [line]
    if lead.endswith(" = ") and _wants_parentheses(indent + lead, node):
        return [f"{indent}{lead}(", *_lines("", node, "", depth + 1), f"{indent}){trail}"]
    if isinstance(node, Group) and node.items:
        comma = "," if node.comma else ""
        rows = [
            row
            for item_lead, item in node.items
            for row in _lines(item_lead, item, comma, depth + 1)
        ]
        return [
            _marked(f"{indent}{lead}{node.opening}"),
            *rows,
            f"{indent}{node.closing}{trail}",
        ]
    if isinstance(node, Prose):
        pieces = _pieces(node.text, LINE_LENGTH - len(indent) - len(_INDENT) - 2)
        if len(pieces) > 1:
            rows = [_marked(f"{indent}{_INDENT}{PyLiteral.of(piece)}") for piece in pieces]
            return [f"{indent}{lead}(", *rows, f"{indent}){trail}"]
    return [_marked(line)]


def _wants_parentheses(start: str, node: Node) -> bool:
    """Whether an assigned expression moves to a line of its own.

    One that can be opened does if what stands before it leaves no room for its first line; one
    that cannot does if it fits there.
    """
    if isinstance(node, Group) and node.items:
        return width(start + node.opening) > LINE_LENGTH
    indent = len(start) - len(start.lstrip())
    alone = width(_flat(node)) + indent + len(_INDENT)
    return not isinstance(node, Prose) and alone <= LINE_LENGTH


def _marked(line: str) -> str:
    return f"{line}{_TOO_LONG}" if width(line) > LINE_LENGTH else line


def _pieces(text: str, room: int) -> list[str]:
    """Cut between words so that each piece, written as a literal, takes at most ``room``."""
    pieces: list[str] = []
    words = text.split(" ")
    current = words[0]
    for word in words[1:]:
        longer = f"{current} {word}"
        # One column for the space that ends a piece.
        if width(PyLiteral.of(longer)) - 2 + 1 <= room:
            current = longer
        else:
            pieces.append(f"{current} ")
            current = word
    return [*pieces, current]


def _flat(node: Node) -> str:
    if isinstance(node, Group):
        return node.flat()
    return PyLiteral.of(node.text) if isinstance(node, Prose) else node


def _node(item: Node | str) -> Node:
    return item if isinstance(item, Group | Prose | PyLiteral) else PyLiteral(item)
