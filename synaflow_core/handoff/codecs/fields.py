"""What a type annotation and a record are made of: bare hints, fields, reachable classes, state.

A *record* is an instance of a class whose fields are declared: dataclass, attrs, msgspec Struct,
pydantic model. The codecs ask here and nowhere else what a class holds.
"""

from __future__ import annotations

import enum
import functools
import types
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import msgspec

_KEY_WRAPPERS = frozenset(
    getattr(typing, name)
    for name in ("Required", "NotRequired", "ReadOnly")
    if hasattr(typing, name)
)
_ALIAS = getattr(typing, "TypeAliasType", None)
_MISSING = object()


def layers(hint: Any) -> Iterator[Any]:
    """A hint, then what it wraps, down to the bare hint: NewType, alias, Annotated, Final."""
    while True:
        yield hint
        origin = typing.get_origin(hint)
        if origin in _KEY_WRAPPERS or origin is typing.Final:
            hint = typing.get_args(hint)[0]
        elif hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif _ALIAS is not None and isinstance(hint, _ALIAS):
            hint = hint.__value__
        elif _ALIAS is not None and isinstance(origin, _ALIAS):
            hint = origin.__value__[typing.get_args(hint)]
        elif isinstance(hint, typing.TypeVar) and hint.__bound__ is not None:
            hint = hint.__bound__
        else:
            return


def bare(hint: Any) -> Any:
    """The innermost layer: what says which values there are."""
    return list(layers(hint))[-1]


def is_constrained(hint: Any) -> bool:
    """Whether msgspec checks more than the type: then a value of the right type may be refused."""
    return any(
        isinstance(meta, msgspec.Meta)
        for layer in layers(hint)
        for meta in getattr(layer, "__metadata__", ())
    )


def is_named_tuple(hint: Any) -> bool:
    """A class made by ``NamedTuple`` or ``namedtuple``, or one derived from such a class."""
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def is_record(hint: Any) -> bool:
    """A class whose instances can be taken apart into attributes and put together again."""
    return isinstance(hint, type) and (
        is_dataclass(hint)
        or issubclass(hint, msgspec.Struct)
        or hasattr(hint, "__attrs_attrs__")
        or hasattr(hint, "__pydantic_fields__")
    )


def field_hints(hint: Any) -> dict[str, Any]:
    """Field name -> annotation of a record, NamedTuple or TypedDict class or alias ``Box[int]``.

    Raises:
        Exception: An annotation cannot be resolved.
    """
    origin = typing.get_origin(hint) or hint
    hints = typing.get_type_hints(origin, include_extras=True)
    hints = {name: h for name, h in hints.items() if typing.get_origin(h) is not typing.ClassVar}
    given = dict(zip(getattr(origin, "__parameters__", ()), typing.get_args(hint), strict=False))
    return {name: _substituted(h, given) for name, h in hints.items()} if given else hints


def _substituted(hint: Any, given: dict[Any, Any]) -> Any:
    if isinstance(hint, typing.TypeVar):
        return given.get(hint, hint)
    free = getattr(hint, "__parameters__", ())
    return hint[tuple(given.get(p, p) for p in free)] if free else hint


def parts(hint: Any) -> Iterator[Any]:
    """The hints that a bare hint is directly made of: arguments and fields."""
    yield from (arg for arg in typing.get_args(hint) if arg is not Ellipsis)
    origin = typing.get_origin(hint) or hint
    if is_record(origin) or is_named_tuple(origin) or typing.is_typeddict(origin):
        try:
            yield from field_hints(hint).values()
        except Exception:  # an annotation that cannot be resolved names no class
            return


def reachable(hint: Any) -> list[Any]:
    """All bare hints that a hint is made of, itself included, each once, in order."""
    found: list[Any] = []
    todo = [hint]
    while todo:
        part = bare(todo.pop(0))
        if any(part is known or part == known for known in found):
            continue
        found.append(part)
        if typing.get_origin(part) is not typing.Literal:
            todo.extend(parts(part))
    return found


def named_classes(hint: Any) -> dict[str, type[Any]]:
    """Name -> record, NamedTuple or Enum class that the hint names somewhere.

    Both sides of a dataset derive the names from the annotation, so no code is imported by name.
    """
    classes: dict[str, type[Any]] = {}
    for part in reachable(hint):
        for cls in _classes_of(part):
            name = cls.__qualname__
            while classes.setdefault(name, cls) is not cls:  # of another module, say
                name += "'"
    return classes


def _classes_of(part: Any) -> list[type[Any]]:
    candidates = (
        [type(value) for value in typing.get_args(part)]
        if typing.get_origin(part) is typing.Literal
        else [typing.get_origin(part) or part]
    )
    return [
        c
        for c in candidates
        if is_record(c) or is_named_tuple(c) or (isinstance(c, type) and issubclass(c, enum.Enum))
    ]


def state(value: Any) -> dict[str, Any]:
    """All attributes that an object holds, by name; caches of ``cached_property`` left out."""
    cls: Any = type(value)
    found: dict[str, Any] = {}
    for name in slot_names(cls):
        content = getattr(value, name, _MISSING)
        if content is not _MISSING:
            found[name] = content
    found.update(getattr(value, "__dict__", ()))
    for name in _caches(cls):
        found.pop(name, None)
    return found


@functools.lru_cache(maxsize=1000)
def slot_names(cls: Any) -> tuple[str, ...]:
    """The attributes of a class that lie in slots, not in ``__dict__``; fields of a Struct."""
    if issubclass(cls, msgspec.Struct):
        return tuple(cls.__struct_fields__)
    names: dict[str, None] = {}
    for base in reversed(cls.__mro__):
        own = base.__dict__.get("__slots__", ())
        for name in (own,) if isinstance(own, str) else own:
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{base.__name__.lstrip('_')}{name}"
            if name not in ("__dict__", "__weakref__"):
                names[name] = None
    return tuple(names)


@functools.lru_cache(maxsize=1000)
def _caches(cls: Any) -> tuple[str, ...]:
    """Attributes that say nothing of a value."""
    return (
        "__orig_class__",
        *(
            name
            for base in cls.__mro__
            for name, content in base.__dict__.items()
            if isinstance(content, functools.cached_property)
        ),
    )


def is_all_attributes(cls: type[Any]) -> bool:
    """All that an instance holds is in its attributes: no base is a built-in type."""
    heap = 1 << 9
    return issubclass(cls, msgspec.Struct) or all(
        base is object or base.__flags__ & heap for base in cls.__mro__
    )


def union_arms(hint: Any) -> tuple[Any, ...] | None:
    """The members of a union, or None when the hint is not one."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(bare(arm) for arm in typing.get_args(hint))
    return None
