"""Text that is safe to paste into Python source is a type: names, task ids, literals, comments.

Everything a user can name (pipelines, steps, params, labels) or write (docs, defaults) reaches a
generated file through one of these types, so a template can never be handed raw text by mistake:

* :class:`PyName` a legal identifier, :class:`TaskId` an id that every orchestrator accepts;
* :class:`PyLiteral` an expression that evaluates to the value and does nothing else, and
  :func:`docstring` and :func:`comment` for prose (written in :mod:`.pyliteral`);
* :class:`NameAllocator` keeps names unique; :func:`module_safe` keeps files from shadowing modules.

All of it is a pure function of its input: same text, same bytes, on every machine and Python
version. Escaping never happens in templates.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import ClassVar, Generic, Self, TypeVar

from synaflow_export.text.pyliteral import PyComment, PyLiteral, comment, docstring

__all__ = [
    "BUILTIN_NAMES",
    "TAKEN_MODULES",
    "NameAllocator",
    "PyComment",
    "PyLiteral",
    "PyName",
    "TaskId",
    "comment",
    "docstring",
    "module_safe",
]

_RUN_OF_OTHERS = re.compile(r"[^A-Za-z0-9_]+")
_RUN_OF_OTHERS_ID = re.compile(r"[^A-Za-z0-9_-]+")

BUILTIN_NAMES: frozenset[str] = frozenset(n for n in vars(builtins) if not n.startswith("_"))
"""Names that a generated function must not take, lest it shadow what the file itself uses."""

_REMOVED_FROM_STDLIB = (
    "aifc asynchat asyncore audioop binhex cgi cgitb chunk crypt distutils formatter imghdr imp "
    "lib2to3 mailcap msilib nis nntplib ossaudiodev parser pipes smtpd sndhdr spwd sunau symbol "
    "telnetlib uu xdrlib"
)
_ADDED_TO_STDLIB = "annotationlib compression"
_OURS_AND_HOSTS = (
    "airflow attrs dagster fsspec jinja2 msgspec networkx numpy pandas pendulum polars prefect "
    "pyarrow pydantic pytest rich sqlalchemy synaflow synaflow_core synaflow_export typer upath"
)
TAKEN_MODULES: frozenset[str] = frozenset(
    f"{_REMOVED_FROM_STDLIB} {_ADDED_TO_STDLIB} {_OURS_AND_HOSTS}".split()
) | frozenset(m for m in sys.stdlib_module_names if not m.startswith("_"))
"""Top-level modules that a generated file must not shadow. A list, not a look at what happens to
be installed: the output must not depend on the machine."""


def _digest(text: str, length: int = 6) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


class _SafeText(str):
    """Base of the two kinds of names. Build with :meth:`of`; the constructor only checks."""

    __slots__ = ()
    max_length: ClassVar[int]
    joint: ClassVar[str] = "_"

    def __new__(cls, text: str) -> Self:
        if not cls.is_legal(text):
            raise ValueError(f"{text!r} is not a legal {cls.__name__}; use {cls.__name__}.of()")
        return super().__new__(cls, text)

    @classmethod
    def is_legal(cls, text: str) -> bool:
        """Whether ``text`` may be used as it is."""
        raise NotImplementedError

    @classmethod
    def _clean(cls, text: str) -> str:
        raise NotImplementedError

    @classmethod
    def of(cls, text: str, fallback: str = "item") -> Self:
        """Derive a legal name from any text.

        A legal text stays as it is. Otherwise what cannot be kept becomes ``_``; a text of which
        nothing legible is left, or that is too long, gets a digest of the whole text, so that
        the result depends on this text alone.

        Args:
            text: Any text, empty included.
            fallback: Stem used when nothing legible is left; must itself be legal.
        """
        if cls.is_legal(text):
            return cls(text)
        # NFKD splits accents off, so that "größe" keeps most of its letters in ASCII.
        cleaned = cls._clean(unicodedata.normalize("NFKD", text))
        if not any(c.isalnum() for c in cleaned):
            cleaned = f"{fallback}{cls.joint}{_digest(text)}"
        elif len(cleaned) > cls.max_length:
            cleaned = f"{cleaned[: cls.max_length - 7].rstrip('_-')}{cls.joint}{_digest(text)}"
        return cls(cleaned)


class PyName(_SafeText):
    """A legal Python identifier: ASCII, no keyword, no dunder, at most 80 characters."""

    __slots__ = ()
    max_length = 80

    @classmethod
    def is_legal(cls, text: str) -> bool:
        """Whether ``text`` may be used as an identifier as it is."""
        return (
            text.isascii()
            and text.isidentifier()
            and not keyword.iskeyword(text)
            and not text.startswith("__")  # __all__, __debug__, __name__ mean something
            and text != "_"
            and len(text) <= cls.max_length
        )

    @classmethod
    def _clean(cls, text: str) -> str:
        text = _RUN_OF_OTHERS.sub("_", _without_marks(text))
        if text.startswith("__"):
            text = text.lstrip("_")
        if text[:1].isdigit():
            text = f"_{text}"
        return f"{text}_" if keyword.iskeyword(text) else text


class TaskId(_SafeText):
    """An id that every orchestrator accepts: ASCII letters, digits, ``_`` and ``-``, at most 120.

    No dots: Airflow separates a task group from its task with one.
    """

    __slots__ = ()
    max_length = 120

    @classmethod
    def is_legal(cls, text: str) -> bool:
        """Whether ``text`` may be used as an id as it is."""
        return (
            bool(text)
            and not _RUN_OF_OTHERS_ID.search(text)
            and any(c.isalnum() for c in text)
            and not text.startswith("-")
            and len(text) <= cls.max_length
        )

    @classmethod
    def _clean(cls, text: str) -> str:
        return _RUN_OF_OTHERS_ID.sub("_", _without_marks(text)).lstrip("-")


def _without_marks(text: str) -> str:
    """Drop combining marks, so that ``é`` gives ``e`` rather than ``e_``."""
    return "".join(c for c in text if not unicodedata.combining(c))


N = TypeVar("N", bound=_SafeText)


class NameAllocator(Generic[N]):
    """Gives every text a name of one kind, no two texts the same name.

    Deterministic: the result depends on the texts and the order of the calls. Use
    :meth:`allocate_all` where all texts are known, then texts that are legal as they are always
    keep their spelling. A clash is settled by a digest of the text, not by a counter, so a name
    does not change when something unrelated is added.

    Args:
        kind: :class:`PyName` or :class:`TaskId`.
        reserved: Names never to be given out, such as what the generated file imports.
        fallback: Stem for texts of which nothing legible is left.
    """

    def __init__(self, kind: type[N], reserved: Iterable[str] = (), fallback: str = "item") -> None:
        self._kind = kind
        self._fallback = fallback
        self._reserved = frozenset(reserved)
        self._taken = set(self._reserved)
        self._given: dict[tuple[str, str], N] = {}

    def allocate(self, text: str, owner: str = "") -> N:
        """Return the name of ``text``; asking again returns the same name.

        Args:
            text: Any text.
            owner: Kind of thing that is named (``"param"``), where two things may share a text.
        """
        key = (owner, text)
        if key not in self._given:
            name = self._kind.of(text, self._fallback)
            if name in self._reserved:
                name = self._kind.of(f"{name}_", self._fallback)
            attempt = 0
            while name in self._taken:
                name = self._with_digest(name, f"{owner}\0{text}\0{attempt}")
                attempt += 1
            self._taken.add(name)
            self._given[key] = name
        return self._given[key]

    def _with_digest(self, name: N, seed: str) -> N:
        stem = name[: self._kind.max_length - 7].rstrip("_-")
        return self._kind.of(f"{stem}{self._kind.joint}{_digest(seed)}", self._fallback)

    def allocate_all(self, texts: Iterable[str], owner: str = "") -> dict[str, N]:
        """Allocate several texts at once; those that are legal as they are come first."""
        wanted = list(dict.fromkeys(texts))
        for text in sorted(wanted, key=self._needs_change):
            self.allocate(text, owner)
        return {text: self._given[owner, text] for text in wanted}

    def _needs_change(self, text: str) -> bool:
        return text in self._reserved or not self._kind.is_legal(text)


def module_safe(text: str, suffix: str = "", taken: Iterable[str] = ()) -> PyName:
    """Derive the name of a generated module that shadows no other top-level module.

    Args:
        text: Any text, usually a pipeline's name.
        suffix: Appended to the cleaned text: ``"_dag"`` gives ``orders_dag``.
        taken: Further module names that must not be used.
    """
    stem = PyName.of(text, "pipeline")
    if stem.startswith("_"):  # private modules of Python differ from version to version
        stem = PyName.of(f"pipeline{stem}")
    name = PyName.of(f"{stem[: PyName.max_length - len(suffix) - 1]}{suffix}")
    avoid = TAKEN_MODULES.union(taken)
    while name in avoid:
        name = PyName.of(f"{name}_")
    return name
