"""Which type may feed which: the one notion of compatibility of a pipeline.

Two questions, because a container is converted for its consumer but what lies inside is not:

* :func:`fits`: may a dataset of this type feed a parameter of that type as a whole? Any iterable
  fits any iterable whose item type its items fit (``dict[K, V]`` takes items of ``tuple[K, V]``).
* :func:`is_subtype`: may this value be used where that type is expected, as it is? Classes and
  items are covariant, ``int`` passes for ``float``, every member of a union must fit some member
  of the other.

Unannotated and ``Any`` fit everything both ways; ``object`` accepts all. A scalar never passes
for an iterable, although ``str`` or a data frame could be walked through: no silent wrapping.
"""

from __future__ import annotations

import collections.abc as abc
from typing import (
    Any,
    Literal,
    NewType,
    ParamSpec,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from synaflow_core.hints.shape import (
    ABSTRACT_ITERABLES,
    Kind,
    is_union,
    plain,
    shape_of,
    union_members,
)

_CALLABLE: Any = abc.Callable
_NUMBERS: dict[Any, tuple[Any, ...]] = {float: (int,), complex: (int, float)}
_REAL_CONTAINERS = (list, set, frozenset, dict)


def accepts_anything(annotation: Any) -> bool:
    """``Any``, ``object``, no annotation or a type variable without a bound."""
    annotation = plain(annotation)
    if isinstance(annotation, TypeVar):
        return annotation.__bound__ is None and not annotation.__constraints__
    return annotation is Any or annotation is object


def fits(producer: Any, consumer: Any) -> bool:
    """Whether a whole dataset may feed a parameter, its container converted where needed."""
    producer, consumer = plain(producer), plain(consumer)
    if producer is Any or accepts_anything(consumer):
        return True
    if is_union(producer):
        return all(fits(member, consumer) for member in union_members(producer))
    if is_union(consumer):
        # As a whole first: of Literal[1, "a"] each value may fit another member.
        whole = any(fits(producer, member) for member in union_members(consumer))
        return whole or is_subtype(producer, consumer)
    made, asked = shape_of(producer), shape_of(consumer)
    if made.is_iterable and asked.is_iterable:
        return is_subtype(made.item, asked.item)
    return is_subtype(producer, consumer)


def is_subtype(producer: Any, consumer: Any) -> bool:  # noqa: PLR0911 - one rule each, in order
    """Whether a value of one type may be used, unconverted, where the other is expected."""
    if producer is consumer:  # a recursive alias, too
        return True
    producer, consumer = plain(producer), plain(consumer)
    if producer is consumer or producer is Any or accepts_anything(consumer):
        return True
    if is_union(producer):
        return all(is_subtype(member, consumer) for member in union_members(producer))
    if producer == consumer:
        return True
    if is_union(consumer) and any(is_subtype(producer, m) for m in union_members(consumer)):
        return True
    if isinstance(producer, TypeVar):
        return _variable_fits(producer, consumer)
    if isinstance(consumer, TypeVar):
        choices = consumer.__constraints__ or (consumer.__bound__,)
        return any(is_subtype(producer, choice) for choice in choices)
    if isinstance(producer, NewType):
        return is_subtype(producer.__supertype__, consumer)
    if get_origin(producer) is Literal:
        return _literal_fits(producer, consumer)
    if isinstance(consumer, NewType) or get_origin(consumer) is Literal or is_union(consumer):
        return False
    return _class_fits(producer, consumer)


def _variable_fits(producer: TypeVar, consumer: Any) -> bool:
    if producer.__constraints__:
        return all(is_subtype(choice, consumer) for choice in producer.__constraints__)
    return producer.__bound__ is None or is_subtype(producer.__bound__, consumer)


def _literal_fits(producer: Any, consumer: Any) -> bool:
    values = get_args(producer)
    if get_origin(consumer) is Literal:
        # True == 1, but Literal[True] is not Literal[1]
        allowed = {(type(value), value) for value in get_args(consumer)}
        return all((type(value), value) in allowed for value in values)
    return all(is_subtype(type(value), consumer) for value in values)


def _class_fits(producer: Any, consumer: Any) -> bool:
    made, asked = get_origin(producer) or producer, get_origin(consumer) or consumer
    if isinstance(made, ParamSpec) or isinstance(asked, ParamSpec):
        return True
    if is_typeddict(made) or is_typeddict(asked):
        return _typed_dict_fits(producer, made, consumer, asked)
    if not isinstance(made, type) or not isinstance(asked, type):
        return False
    if made in _NUMBERS.get(asked, ()) or (asked in _NUMBERS and _passes(made, _NUMBERS[asked])):
        return True
    if not _is_subclass(made, asked):
        return False
    return _arguments_fit(producer, made, consumer, asked)


def _passes(made: type, allowed: tuple[Any, ...]) -> bool:
    return any(issubclass(made, each) for each in allowed)


def _is_subclass(made: type, asked: type) -> bool:
    if asked in ABSTRACT_ITERABLES and not _is_container(made, asked):
        return False
    try:
        return issubclass(made, asked)
    except TypeError:  # a protocol that is not runtime-checkable, or one with data members
        return _has_members(made, asked)


def _is_container(made: type, abstract: type) -> bool:
    """Real containers, and classes that say so by inheriting.

    ``str``, ``deque`` or a data frame would pass ``issubclass`` too, but are one value here.
    """
    if made in ABSTRACT_ITERABLES or made is tuple:
        return True
    return abstract in made.__mro__ or _passes(made, _REAL_CONTAINERS)


def _has_members(made: type, protocol: type) -> bool:
    if not getattr(protocol, "_is_protocol", False):
        return False
    members: set[str] = set()
    for base in protocol.__mro__:
        if getattr(base, "_is_protocol", False):
            members.update(vars(base).get("__annotations__", ()))
            members.update(name for name in vars(base) if not name.startswith("_"))
    known = {name for base in made.__mro__ for name in vars(base).get("__annotations__", ())}
    return all(name in known or hasattr(made, name) for name in members)


def _arguments_fit(producer: Any, made: type, consumer: Any, asked: type) -> bool:
    if made is tuple and asked is tuple:
        return _tuple_fits(producer, consumer)
    given, wanted = shape_of(producer), shape_of(consumer)
    if given.is_iterable and wanted.is_iterable:
        return is_subtype(given.item, wanted.item)
    if given.kind is Kind.VALUE and wanted.is_iterable and made is tuple:
        return all(is_subtype(arg, wanted.item) for arg in get_args(producer))
    if asked is _CALLABLE:
        return _callable_fits(producer, consumer)
    passed, expected = _arguments_as(producer, made, asked), get_args(consumer)
    if len(passed) != len(expected):
        return True  # one of them is bare, or the bases do not tell: give the benefit of doubt
    return all(map(is_subtype, passed, expected))


def _arguments_as(producer: Any, made: type, asked: type) -> tuple[Any, ...]:
    """The type arguments that a subclass passes on to the generic class asked for."""
    if made is asked:
        return get_args(producer)
    for base in getattr(made, "__orig_bases__", ()):
        if get_origin(base) is asked:
            return tuple(Any if isinstance(arg, TypeVar) else arg for arg in get_args(base))
    return ()


def _tuple_fits(producer: Any, consumer: Any) -> bool:
    given, wanted = shape_of(producer), shape_of(consumer)
    if wanted.kind is Kind.TUPLE:
        made = (given.item,) if given.kind is Kind.TUPLE else get_args(producer)
        return all(is_subtype(arg, wanted.item) for arg in made)
    if given.kind is Kind.TUPLE:
        return given.item is Any  # of unknown length: only a bare tuple may be of any shape
    passed, expected = get_args(producer), get_args(consumer)
    return len(passed) == len(expected) and all(map(is_subtype, passed, expected))


def _callable_fits(producer: Any, consumer: Any) -> bool:
    passed, expected = get_args(producer), get_args(consumer)
    if len(passed) != 2 or len(expected) != 2:
        return True
    if isinstance(passed[0], list) and isinstance(expected[0], list):
        if len(passed[0]) != len(expected[0]):
            return False
        if not all(map(is_subtype, expected[0], passed[0])):  # parameters are contravariant
            return False
    return is_subtype(passed[1], expected[1])


def _typed_dict_fits(producer: Any, made: Any, consumer: Any, asked: Any) -> bool:
    if not is_typeddict(made):
        return False  # a plain dict promises no keys
    fields = get_type_hints(made)
    if is_typeddict(asked):
        wanted = get_type_hints(asked)
        return asked.__required_keys__ <= made.__required_keys__ and all(
            name in fields and is_subtype(fields[name], kind)
            for name, kind in wanted.items()
            if name in asked.__required_keys__ or name in fields
        )
    if shape_of(consumer).kind is not Kind.DICT:
        return False
    args = get_args(consumer)
    if len(args) != 2:
        return True
    return is_subtype(str, args[0]) and all(is_subtype(t, args[1]) for t in fields.values())
