"""Values and prose that are safe to paste into Python source.

:class:`PyLiteral` is an expression that evaluates to the value and does nothing else;
:func:`docstring` and :func:`comment` do the same for prose. Names live in
:mod:`synaflow_export.text.pyname`, which re-exports all of this.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_CODING_COOKIE = re.compile(r"coding(?=[:=])", re.IGNORECASE)
_ENDING_QUOTES = re.compile(r'"{3,}|"+\Z')
_ESCAPE_OR_QUOTE = re.compile(r'\\.|"')
_MAX_LITERAL_DEPTH = 100
_MAX_DECIMAL_BITS = 10_000  # int -> decimal text is refused by Python beyond 4,300 digits


class PyLiteral(str):
    """A Python expression that evaluates to the value it was made of, and does nothing else."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> PyLiteral:
        """Write a value as source.

        Args:
            value: None, bool, int, float, str, bytes, or lists, tuples, sets and mappings of them.
                Subclasses are written as their base type: no ``__repr__`` of a user is called.

        Raises:
            TypeError: The value is of another type.
            ValueError: The value is nested more than 100 deep.
        """
        return cls(_literal(value, 0))


def _literal(value: object, depth: int) -> str:
    if depth > _MAX_LITERAL_DEPTH:
        raise ValueError(f"a value nested more than {_MAX_LITERAL_DEPTH} deep cannot be written")
    if isinstance(value, Mapping):
        rows = (f"{_literal(k, depth + 1)}: {_literal(v, depth + 1)}" for k, v in value.items())
        return f"{{{', '.join(rows)}}}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return _container(value, [_literal(item, depth + 1) for item in value])
    return _scalar(value)


def _scalar(value: object) -> str:
    # The unbound methods of the base types: a subclass's own __repr__ is code we must not call.
    match value:
        case None | True | False:
            return str(value)
        case int():
            big = int.bit_length(value) > _MAX_DECIMAL_BITS
            return hex(int.__index__(value)) if big else int.__repr__(value)
        case float():
            number = float.__repr__(value).replace("e+", "e")  # as a formatter writes it
            return number if math.isfinite(value) else f'float("{number}")'
        case str():
            return _string(str.__str__(value))
        case bytes():
            return bytes.__repr__(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as a Python literal")


def _container(
    value: list[object] | tuple[object, ...] | set[object] | frozenset[object], items: list[str]
) -> str:
    if isinstance(value, list):
        return f"[{', '.join(items)}]"
    if isinstance(value, tuple):
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    body = f"{{{', '.join(sorted(items))}}}" if items else "set()"
    if isinstance(value, set):
        return body
    return f"frozenset({body if items else ''})"


def _string(text: str) -> str:
    """A string in the quotes that a formatter would choose: those that need fewer escapes."""
    # With a double quote in it, repr writes single quotes and escapes each of the text's own.
    body = repr(text + '"')[1:-2]  # escapes whatever is not printable, bidirectional controls too
    if text.count('"') > text.count("'"):
        return f"'{body}'"
    return '"' + _ESCAPE_OR_QUOTE.sub(_for_double_quotes, body) + '"'


def _for_double_quotes(found: re.Match[str]) -> str:
    return {"\\'": "'", '"': '\\"'}.get(found.group(), found.group())


def docstring(text: str) -> PyLiteral:
    '''Write prose as a triple-quoted literal: ``"""..."""``, newlines kept, nothing escapes it.'''
    lines = [line.rstrip() for line in re.split(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text)]
    body = "\n".join("".join(map(_prose_character, line)) for line in lines).strip("\n")
    # A run of three would end the literal, and so would any quote before the closing three.
    body = _ENDING_QUOTES.sub(lambda run: '\\"' * len(run.group()), body)
    return PyLiteral(f'"""{body}"""')


def _prose_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return character if character.isprintable() else repr(character)[1:-1]


class PyComment(str):
    """One line of prose that may follow ``# `` in Python source."""

    __slots__ = ()


def comment(text: str) -> PyComment:
    """Write prose as the text of a one-line comment (without the ``#``).

    Line breaks become spaces, and nothing in it can declare the encoding of the file.
    """
    flat = " ".join(text.split())
    flat = "".join(c if c.isprintable() else repr(c)[1:-1] for c in flat)
    return PyComment(_CODING_COOKIE.sub(lambda found: f"{found.group()} ", flat))
