"""What a params class declares: its fields with types, defaults and descriptions.

A field's description is, in this order: ``msgspec.Meta(description=...)`` (left to msgspec), the
string that follows the field in the class body, the entry in an ``Attributes:`` or ``Args:``
section of the class docstring.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Optional

import msgspec

from synaflow_core.contract.syntax import class_node
from synaflow_core.hints import read_fields

UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "UNKNOWN"})()
"""A default that exists but is only known when the params object is made."""

_CONTAINERS = (list, dict, set, frozenset, tuple)
_SECTION = re.compile(r"(Args|Arguments|Attributes|Params|Parameters|Fields):\s*$")
_ENTRY = re.compile(r"(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


@dataclass(frozen=True)
class ParamsField:
    """One field of a params class.

    Attributes:
        name: The field's name.
        hint: Its type; accepts None where the default is None.
        required: It has no default.
        default: The default; UNKNOWN where it is made by a factory that may not be called now,
            or where there is none.
    """

    name: str
    hint: Any
    required: bool
    default: Any


def params_fields(params_type: type[Any]) -> tuple[ParamsField, ...]:
    """The fields of a NamedTuple or dataclass, in order; those with ``init=False`` are left out."""
    hints, _ = read_fields(params_type)
    defaults = dict(_defaults(params_type))
    return tuple(
        ParamsField(
            name=name,
            hint=_nullable(hint) if defaults.get(name, UNKNOWN) is None else hint,
            required=name not in defaults,
            default=defaults.get(name, UNKNOWN),
        )
        for name, hint in hints.items()
    )


def field_descriptions(params_type: type[Any]) -> dict[str, str]:
    """Field name -> what it is for, of the fields that are described outside their type."""
    return {**_section_entries(params_type), **_attribute_docstrings(params_type)}


def class_description(params_type: type[Any]) -> str:
    """First paragraph of the docstring that the author of the class wrote; may be empty."""
    paragraphs = re.split(r"\n\s*\n", _own_doc(params_type))
    first = paragraphs[0].strip()
    return "" if _SECTION.match(first.partition("\n")[0]) else " ".join(first.split())


def _defaults(params_type: type[Any]) -> Iterator[tuple[str, Any]]:
    if not dataclasses.is_dataclass(params_type):
        yield from getattr(params_type, "_field_defaults", {}).items()
        return
    for field in dataclasses.fields(params_type):
        if field.default is not dataclasses.MISSING:
            yield field.name, field.default
        elif field.default_factory is not dataclasses.MISSING:
            yield field.name, _made_by(field.default_factory)


def _made_by(factory: Any) -> Any:
    """What a factory makes, if it makes the same always: ``list``, ``lambda: ["a"]``.

    A factory that looks up any name (``date.today``, ``uuid4``) may make something else tomorrow,
    and the contract must not.
    """
    constant = isinstance(factory, FunctionType) and not (
        factory.__code__.co_names or factory.__code__.co_freevars
    )
    return factory() if constant or factory in _CONTAINERS else UNKNOWN


def _nullable(hint: Any) -> Any:
    """``x: int = None`` means what it says."""
    try:
        msgspec.convert(None, hint)
    except msgspec.ValidationError:
        return Optional[hint]  # noqa: UP045 - the hint may be text or a type without '|'
    except TypeError:
        return hint
    return hint


def _own_doc(cls: type[Any]) -> str:
    """The docstring, unless ``dataclass`` or ``NamedTuple`` wrote it: ``Params(count: int)``."""
    text = cls.__dict__.get("__doc__")
    if not isinstance(text, str) or text.startswith(f"{cls.__name__}("):
        return ""
    return inspect.cleandoc(text)


def _section_entries(cls: type[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    indent: int | None = None  # of the entries of the section that we are in
    inside, name = False, ""
    for line in _own_doc(cls).splitlines():
        depth = len(line) - len(line.lstrip())
        if depth == 0 and line.strip():
            inside, indent = bool(_SECTION.match(line)), None
        elif inside and line.strip():
            indent = depth if indent is None else indent
            entry = _ENTRY.match(line.strip()) if depth == indent else None
            if entry:
                name = entry[1]
                found[name] = entry[2].strip()
            elif name in found:
                found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _attribute_docstrings(cls: type[Any]) -> dict[str, str]:
    node = class_node(cls)
    body = node.body if node else []
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        string = text.value if isinstance(text, ast.Expr) else None
        if isinstance(string, ast.Constant) and isinstance(string.value, str):
            found[field.target.id] = " ".join(string.value.split())
    return found
