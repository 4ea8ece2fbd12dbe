"""Names of datasets: which are legal, which mean the same dataset, and names inside includes.

Smart binding treats ``user``, ``users`` and ``user_list`` as one dataset: :func:`base_name` maps
all of them to ``users``. :func:`name_trouble` decides what a step may be called. :class:`Scope`
spells the compiled name of a step inside an include: ``Scope("sub")("validate")`` is
``sub__validate``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import inflection

SEPARATOR = "__"
"""Between the name of an include and the name of a step inside it; reserved for that."""

_SUFFIXES = ("_list", "_set", "_dict", "_tuple")

# Singular although they end in -us: the inflection package takes some of them for plurals.
_SINGULAR_US = """apparatus bonus cactus campus census chorus circus consensus corpus discus exodus
    focus fungus genius hiatus locus minus modus nexus nucleus octopus plus prospectus radius ruckus
    sinus stimulus surplus syllabus terminus virus walrus"""
_UNCHANGED = """aircraft criteria deer feedback feet geese hardware info metadata offspring
    phenomena software staff teeth traffic"""

_IRREGULAR = {
    **{word: f"{word}es" for word in _SINGULAR_US.split()},
    **{word: word for word in _UNCHANGED.split()},
    "foot": "feet",
    "tooth": "teeth",
    "goose": "geese",
    "criterion": "criteria",
    "phenomenon": "phenomena",
    "german": "germans",
    "roman": "romans",
    "index": "indices",
    "indexes": "indices",
    "vertex": "vertices",
    "vertexes": "vertices",
    "matrixes": "matrices",
    "leaf": "leaves",
    "hero": "heroes",
    "echo": "echoes",
    "veto": "vetoes",
    "datum": "data",
    "gas": "gases",
    "lens": "lenses",
    "bias": "biases",
    "canvas": "canvases",
    "atlas": "atlases",
    "iris": "irises",
}
"""Plurals that the inflection package gets wrong, and spellings that it keeps apart."""


@lru_cache(maxsize=4096)
def _plural(word: str) -> str:
    lower = word.lower()
    if lower in _IRREGULAR:
        plural = _IRREGULAR[lower]
        return plural if word == lower else word[0] + plural[1:]
    return str(inflection.pluralize(word))


def base_name(name: str) -> str:
    """The name of the dataset that a step or parameter name means.

    One trailing ``_list``, ``_set``, ``_dict`` or ``_tuple`` is dropped and the last word is put
    in the plural. Words with digits and words without a separate plural stay as they are.

    >>> base_name("user"), base_name("user_list"), base_name("person"), base_name("series")
    ('users', 'users', 'people', 'series')
    """
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
            break
    head, separator, word = name.rpartition("_")
    return f"{head}{separator}{_plural(word)}" if word.isalpha() else name


def name_trouble(name: object) -> tuple[str, str] | None:
    """Why a step, include or resource may not have this name: (reason, suggestion), or None.

    A legal name is a Python identifier without ``__``. Keywords such as ``class`` are legal: a
    consumer then names its parameter ``classes`` or ``class_list``.
    """
    if not isinstance(name, str):
        return f"a name must be a str, got {type(name).__name__}", "pass the name as text"
    if not name:
        return "the name is empty", "name it after the dataset it produces"
    if SEPARATOR in name:
        legal = re.sub("_{2,}", "_", name)
        return "'__' is reserved for steps inside includes", _call_it(legal)
    if name.isidentifier() and unicodedata.normalize("NFKC", name) == name:
        return None
    if name[0].isdigit():
        reason = "it starts with a digit, so no parameter could ever be called that"
    elif any(c.isspace() for c in name) or "-" in name:
        reason = "it contains spaces or hyphens, so no parameter could ever be called that"
    else:
        reason = "it is not a Python identifier, so no parameter could ever be called that"
    return reason, _call_it(_legalised(name))


def _call_it(name: str) -> str:
    return f"call it '{name}'" if name.isidentifier() else "use letters, digits and single '_'"


def _legalised(name: str) -> str:
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", name))
    text = re.sub("_{2,}", "_", "_".join(words)).strip("_")
    digits = re.fullmatch(r"(\d+)_*(.*)", text)
    if digits:  # 1_load -> load_1
        text = f"{digits[2]}_{digits[1]}" if digits[2] else f"step_{digits[1]}"
    return text[:60]


@dataclass(frozen=True)
class Scope:
    """The inside of an include, however deep: spells compiled names.

    >>> Scope("sub")("validate"), Scope("outer", "sub")("validate")
    ('sub__validate', 'outer__sub__validate')
    """

    path: tuple[str, ...]

    def __init__(self, *path: str) -> None:
        if not path or not all(path):
            raise ValueError("Scope needs the name of at least one include: Scope('sub')")
        object.__setattr__(self, "path", path)

    def scope(self, name: str) -> Scope:
        """The scope of an include inside this one."""
        return Scope(*self.path, name)

    def __call__(self, name: str) -> str:
        """The compiled name of a step or resource inside this scope."""
        return SEPARATOR.join((*self.path, name))

    def __str__(self) -> str:
        return SEPARATOR.join(self.path)
