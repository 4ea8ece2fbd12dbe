"""The shape of an annotation: nothing, one value, or many items in some container.

Rules:

* ``list``, ``set``, ``frozenset``, ``dict``, ``tuple[T, ...]`` and their abstract cousins are
  collections; iterators, iterables and generators, sync or async, are streams.
* ``tuple[int, str]``, a NamedTuple, a TypedDict, ``str`` and every other class are one value.
* A union is one value: no single container can be promised for it.
* A missing annotation and ``Any`` are unknown.

The item of a dict is the pair ``tuple[K, V]``. See :mod:`synaflow_core.hints.fit` for what may
feed what.
"""

from __future__ import annotations

import collections.abc as abc
import inspect
import types
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, TypeVar, Union, get_args, get_origin


class Kind(Enum):
    """What an annotation promises."""

    UNKNOWN = "unknown"
    NONE = "none"
    VALUE = "value"
    STREAM = "stream"
    LIST = "list"
    SET = "set"
    FROZENSET = "frozenset"
    TUPLE = "tuple"
    DICT = "dict"


@dataclass(frozen=True)
class Shape:
    """One annotation, understood.

    Attributes:
        kind: What it promises.
        item: Type of one item (``tuple[K, V]`` for a dict, ``Any`` where unknown); the type itself
            when the kind is ``VALUE``.
        is_async: A stream that must be iterated with ``async for``.
    """

    kind: Kind
    item: Any
    is_async: bool = False

    @property
    def is_iterable(self) -> bool:
        """Many items, lazily or all at once."""
        return self.kind not in (Kind.UNKNOWN, Kind.NONE, Kind.VALUE)

    @property
    def is_collection(self) -> bool:
        """Many items, all at once."""
        return self.is_iterable and self.kind is not Kind.STREAM


_CONTAINERS: dict[Any, Kind] = {
    list: Kind.LIST,
    abc.Sequence: Kind.LIST,
    abc.MutableSequence: Kind.LIST,
    abc.Collection: Kind.LIST,
    set: Kind.SET,
    abc.Set: Kind.SET,
    abc.MutableSet: Kind.SET,
    frozenset: Kind.FROZENSET,
    tuple: Kind.TUPLE,
    dict: Kind.DICT,
    abc.Mapping: Kind.DICT,
    abc.MutableMapping: Kind.DICT,
    abc.Iterable: Kind.STREAM,
    abc.Iterator: Kind.STREAM,
    abc.Generator: Kind.STREAM,
    abc.AsyncIterable: Kind.STREAM,
    abc.AsyncIterator: Kind.STREAM,
    abc.AsyncGenerator: Kind.STREAM,
}
_ASYNC = (abc.AsyncIterable, abc.AsyncIterator, abc.AsyncGenerator)
LAZY_ORIGINS = (abc.Iterator, abc.Generator, abc.AsyncIterator, abc.AsyncGenerator)
"""What is printed as ``Stream[T]``: it can be walked through once only."""
ABSTRACT_ITERABLES = tuple(c for c in _CONTAINERS if c.__module__ == "collections.abc")

_NOTHING = type(None)


def plain(annotation: Any) -> Any:
    """The annotation without what does not matter to wiring.

    ``Annotated[T, ...]``, ``Final[T]``, ``ClassVar[T]`` and type aliases become ``T``; a missing
    annotation becomes ``Any``, ``None`` becomes ``NoneType``.
    """
    if annotation is None:
        return _NOTHING
    if annotation is inspect.Parameter.empty:
        return Any
    while True:
        if is_alias(annotation):
            annotation = annotation.__value__
            continue
        if get_origin(annotation) in (Annotated, Final, ClassVar):
            annotation = get_args(annotation)[0]
            continue
        return annotation


def is_alias(annotation: Any) -> bool:
    """``type X = ...``, from Python 3.12 on, and its backport."""
    return type(annotation).__name__ == "TypeAliasType"


def is_union(annotation: Any) -> bool:
    """``A | B``, ``Union[A, B]`` or ``Optional[A]``."""
    return get_origin(annotation) in (Union, types.UnionType)


def union_members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, each plain; the annotation itself when it is none."""
    annotation = plain(annotation)
    if not is_union(annotation):
        return (annotation,)
    members: list[Any] = []
    for member in get_args(annotation):
        members.extend(m for m in union_members(member) if m not in members)
    return tuple(members)


def shape_of(annotation: Any) -> Shape:
    """Understand one annotation (of a return value, a parameter or a params field)."""
    annotation = plain(annotation)
    if annotation is Any:
        return Shape(Kind.UNKNOWN, Any)
    if annotation is _NOTHING:
        return Shape(Kind.NONE, _NOTHING)
    if isinstance(annotation, TypeVar):
        bound = annotation.__bound__
        return Shape(Kind.UNKNOWN, Any) if bound is None else shape_of(bound)
    origin = get_origin(annotation) or annotation
    try:
        kind = _CONTAINERS.get(origin)
    except TypeError:  # an unhashable annotation, such as Annotated metadata gone astray
        kind = None
    return Shape(Kind.VALUE, annotation) if kind is None else _shape_of_many(annotation, kind)


def _shape_of_many(annotation: Any, kind: Kind) -> Shape:
    args = get_args(annotation)
    if kind is Kind.TUPLE:
        return _shape_of_tuple(annotation, args)
    if kind is Kind.DICT:
        pair = args if len(args) == 2 else (Any, Any)
        return Shape(kind, types.GenericAlias(tuple, pair))
    is_async = (get_origin(annotation) or annotation) in _ASYNC
    return Shape(kind, plain(args[0]) if args else Any, is_async)


def _shape_of_tuple(annotation: Any, args: tuple[Any, ...]) -> Shape:
    if annotation in (tuple, get_origin(annotation)) or (not args and annotation != tuple[()]):
        return Shape(Kind.TUPLE, Any)
    if len(args) == 2 and args[1] is Ellipsis:
        return Shape(Kind.TUPLE, plain(args[0]))
    return Shape(Kind.VALUE, annotation)
