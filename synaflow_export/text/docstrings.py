"""Reads the ``Attributes`` of docstrings: the help of options and capabilities is written once."""

from __future__ import annotations

import inspect
import re

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)


def documented_attributes(cls: type) -> dict[str, str]:
    """Attribute -> its text, from the docstring of the class or of the nearest base with one."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        for name, text in _ATTRIBUTE.findall(inspect.cleandoc(base.__doc__ or "")):
            found.setdefault(name, " ".join(text.split()))
    return found
