"""Classes whose instances a typed decoder rebuilds exactly from their fields alone.

That is so when making an instance runs no code of the class and nothing but the declared fields is
in it. For all other classes :mod:`.exact` tries out every value.
"""

from __future__ import annotations

import dataclasses
import keyword
import types
import typing
from dataclasses import dataclass
from inspect import getattr_static
from typing import Any

import msgspec

from synaflow_core.handoff.codecs.fields import (
    bare,
    field_hints,
    is_all_attributes,
    is_named_tuple,
    slot_names,
)


@dataclass(frozen=True)
class Field:
    """One part of an instance.

    Attributes:
        read: Python source that reads it from the variable ``v``.
        hint: Its annotation.
        key: Its key where it may be absent (TypedDict), else None.
    """

    read: str
    hint: Any
    key: str | None = None


@dataclass(frozen=True)
class Layout:
    """How to look into the instances of a class.

    Attributes:
        cls: Their exact type (``dict`` for a TypedDict).
        fields: Their parts, in order.
        attributes: Size that ``__dict__`` has when it holds declared fields only; None if there
            is no ``__dict__``.
        length: Number of items or keys; None when it varies or there are none.
        keys: The keys that are allowed (TypedDict), else None.
    """

    cls: type[Any]
    fields: tuple[Field, ...]
    attributes: int | None = None
    length: int | None = None
    keys: frozenset[str] | None = None


def layout_of(hint: Any) -> Layout | None:
    """The layout of a bare hint's class; None when its fields do not say all.

    Raises:
        Exception: An annotation of a field cannot be resolved.
    """
    origin = typing.get_origin(hint) or hint
    if not isinstance(origin, type):
        return None
    if typing.is_typeddict(origin):
        return _typed_dict(origin, field_hints(hint))
    if is_named_tuple(origin):
        return _named_tuple(origin, field_hints(hint))
    if _is_transparent(origin):
        return _attributes(origin, field_hints(hint))
    return None


def _typed_dict(cls: Any, hints: dict[str, Any]) -> Layout:
    optional = {
        name
        for name, hint in hints.items()
        if typing.get_origin(hint) is typing.NotRequired  # unseen by the class when it was text
        or (name in cls.__optional_keys__ and typing.get_origin(hint) is not typing.Required)
    }
    fields = tuple(
        Field(f"v[{name!r}]", hint, name if name in optional else None)
        for name, hint in hints.items()
    )
    return Layout(dict, fields, length=None if optional else len(hints), keys=frozenset(hints))


def _named_tuple(cls: Any, hints: dict[str, Any]) -> Layout | None:
    if any(base not in (tuple, typing.Generic) for base in cls.__bases__):
        return None
    fields = tuple(Field(f"v[{i}]", hints.get(name, Any)) for i, name in enumerate(cls._fields))
    return Layout(cls, fields, length=len(fields))


def _attributes(cls: Any, hints: dict[str, Any]) -> Layout | None:
    """A dataclass or Struct."""
    names = (
        cls.__struct_fields__
        if issubclass(cls, msgspec.Struct)
        else tuple(field.name for field in dataclasses.fields(cls) if field.init)
    )
    slots = slot_names(cls)
    if any(
        not name.isidentifier()
        or keyword.iskeyword(name)
        or isinstance(bare(hints[name]), typing.TypeVar)
        or (name not in slots and _is_descriptor(cls, name))
        for name in names
    ):
        return None
    fields = tuple(Field(f"v.{name}", hints[name]) for name in names)
    free = sum(name not in slots for name in names) if cls.__dictoffset__ else None
    return Layout(cls, fields, attributes=free)


def _is_descriptor(cls: type[Any], name: str) -> bool:
    default = getattr_static(cls, name, None)
    return hasattr(type(default), "__set__") or hasattr(type(default), "__get__")


def _is_transparent(cls: Any) -> bool:
    """A dataclass or Struct that runs no code of its own when it is read back."""
    if hasattr(cls, "__post_init__") or cls.__getattribute__ is not object.__getattribute__:
        return False
    if issubclass(cls, msgspec.Struct):
        return not cls.__struct_config__.omit_defaults and not cls.__dictoffset__
    if not hasattr(cls, "__dataclass_fields__") or not is_all_attributes(cls):
        return False
    own_init = [f for f in dataclasses.fields(cls) if not f.init]
    frozen = cls.__dataclass_params__.frozen
    return (
        not own_init
        and cls.__new__ is object.__new__
        and (frozen or isinstance(cls.__setattr__, types.WrapperDescriptorType))
        and not hasattr(cls, "__getattr__")
        and not hasattr(cls, "__attrs_attrs__")
    )
