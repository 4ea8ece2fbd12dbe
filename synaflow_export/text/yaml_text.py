"""Texts in YAML files, written so that any reader of YAML gives back the same text."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(:[A-Za-z][A-Za-z0-9_./-]*)?")
_MEANS_SOMETHING = frozenset(
    {"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n", "nan", "inf"}
)


def scalar(text: str) -> str:
    """A text in YAML: as it is where that is clear, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _MEANS_SOMETHING:
        return text
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
