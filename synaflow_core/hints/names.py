"""How types are printed: in the contract, in messages and in documents.

The style is that of the public contract: ``int``, ``list[str]``, ``Stream[int]`` for any iterator
or generator (sync or async), ``None``, classes by their bare name. Unions read ``int | str`` in
the written order with ``None`` last. The text is the same on every Python version.
"""

from __future__ import annotations

import collections.abc as abc
import inspect
import types
from enum import Enum
from typing import Any, ForwardRef, Literal, get_args, get_origin

from synaflow_core.hints.shape import LAZY_ORIGINS, is_alias, is_union, plain, union_members

_WORDS: tuple[tuple[Any, str], ...] = ((Ellipsis, "..."), (Any, "Any"), (type(None), "None"))


def type_name(  # noqa: PLR0911 - one kind of annotation each, in order
    annotation: Any, *, qualified: bool = False
) -> str:
    """The printable name of an annotation.

    Args:
        annotation: Any annotation, resolved or still a string.
        qualified: Print classes as ``module.Name``: for messages about two classes of one name.
    """
    if annotation is inspect.Parameter.empty:
        return "Any"
    if is_alias(annotation):  # its own name reads best, and it may be recursive
        return str(annotation.__name__)
    annotation = plain(annotation)
    if isinstance(annotation, str):
        return annotation
    for known, name in _WORDS:
        if annotation is known:
            return name
    if is_union(annotation):
        return _union_name(annotation, qualified)
    origin = get_origin(annotation)
    if origin is None:
        return _bare_name(annotation, qualified)
    if origin is Literal:
        return f"Literal[{', '.join(_literal_name(value) for value in get_args(annotation))}]"
    if origin is abc.Callable:
        return _callable_name(annotation, qualified)
    args = get_args(annotation)
    if origin in LAZY_ORIGINS:
        args = args[:1]
    if not args and annotation == tuple[()]:
        return "tuple[()]"
    name = _bare_name(origin, qualified)
    if not args:
        return name
    return f"{name}[{', '.join(type_name(arg, qualified=qualified) for arg in args)}]"


def _union_name(annotation: Any, qualified: bool) -> str:
    members = union_members(annotation)
    ordered = sorted(members, key=lambda member: member is type(None))
    return " | ".join(type_name(member, qualified=qualified) for member in ordered)


def _bare_name(annotation: Any, qualified: bool) -> str:
    if annotation in LAZY_ORIGINS:
        return "Stream"
    if isinstance(annotation, list):  # the parameters of a Callable
        return f"[{', '.join(type_name(arg, qualified=qualified) for arg in annotation)}]"
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    name = getattr(annotation, "__name__", None) or getattr(annotation, "_name", None)
    if not isinstance(name, str):
        return str(annotation).replace("typing.", "")
    if qualified and isinstance(annotation, type) and annotation.__module__ != "builtins":
        return f"{annotation.__module__}.{annotation.__qualname__}"
    return name


def _literal_name(value: object) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    return repr(value)


def _callable_name(annotation: Any, qualified: bool) -> str:
    args = get_args(annotation)
    if not args:
        return "Callable"
    parameters, result = args[0], args[1]
    return (
        f"Callable[{type_name(parameters, qualified=qualified)}, "
        f"{type_name(result, qualified=qualified)}]"
    )


def pair_of_names(left: Any, right: Any) -> tuple[str, str]:
    """Two names that differ when the types do, for 'expected X, got Y'."""
    names = type_name(left), type_name(right)
    if names[0] == names[1] and not isinstance(left, types.EllipsisType):
        return type_name(left, qualified=True), type_name(right, qualified=True)
    return names
