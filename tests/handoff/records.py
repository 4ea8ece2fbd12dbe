"""Classes to store, and an oracle that tells apart all that must not change on the way."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections import deque, namedtuple
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import msgspec

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    YES = "yes"


class Mixed(enum.Enum):
    """msgspec refuses enums of several types."""

    ONE = 1
    TWO = "two"
    THREE = (3, 4)


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Plain:
    id: int
    name: str
    score: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Slotted:
    a: int
    b: str | None = None


@dataclass(kw_only=True)
class Nested:
    plain: Plain
    slots: list[Slotted]
    by_name: dict[str, Plain]
    maybe: Plain | None = None
    _private: int = 0


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)


@dataclass
class Box(Generic[T]):
    content: T


@dataclass
class Base:
    a: int


@dataclass
class Derived(Base):
    b: str = "b"


@dataclass
class Counting:
    """Runs code when it is made, so making it again changes it."""

    made: int

    def __post_init__(self) -> None:
        self.made += 1


@dataclass
class Doubled:
    """Holds what was not given to ``__init__``."""

    a: int
    twice: int = field(init=False, default=0)


@dataclass
class Caching:
    a: int

    @cached_property
    def slow(self) -> object:
        return object()


@dataclass
class Bounded:
    share: Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass
class Loose:
    """Every field may hold anything."""

    data: Any
    thing: object = None
    bare: dict = field(default_factory=dict)  # type: ignore[type-arg]


class Point(NamedTuple):
    x: int
    y: float = 0.0


OldPoint = namedtuple("OldPoint", "x y")


class Row(TypedDict):
    id: int
    tags: list[str]
    note: NotRequired[str | None]


class Total(TypedDict):
    a: int
    b: float


class Packet(msgspec.Struct):
    seq: int
    body: bytes = b""


class Tagged(msgspec.Struct, tag=True, omit_defaults=True, rename="camel"):
    long_name: int
    other: float = 1.0


class Ordinary:
    """A class without declared fields."""

    def __init__(self, a: int) -> None:
        self.a = a


class Text(str):
    """A subclass of a built-in type."""


State = Literal["new", "done", 1, True, None]


def fingerprint(value: Any) -> Any:  # noqa: PLR0911 - one case per family of types
    """All of a value that must come back: types, contents, order, signs, zones; made of tuples."""
    cls = type(value)
    if isinstance(value, float):
        sign = math.copysign(1.0, value)
        return (cls, "nan") if math.isnan(value) else (cls, value.hex(), sign)
    if isinstance(value, complex):
        return (cls, fingerprint(value.real), fingerprint(value.imag))
    if isinstance(value, enum.Enum):
        return (cls, value.name, fingerprint(value.value))
    if isinstance(value, datetime | time):
        bare = value.replace(tzinfo=None)
        return (cls, bare.isoformat(), value.fold, fingerprint(value.tzinfo))
    if isinstance(value, tzinfo):
        return (cls, repr(value))
    if isinstance(value, Decimal):
        return (cls, value.as_tuple())
    if isinstance(value, dict):
        more = getattr(value, "default_factory", None)
        return (cls, more, tuple((fingerprint(k), fingerprint(v)) for k, v in value.items()))
    if isinstance(value, set | frozenset):
        return (cls, frozenset(map(fingerprint, value)))
    if isinstance(value, list | tuple | deque):
        return (cls, getattr(value, "maxlen", None), tuple(map(fingerprint, value)))
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value)]
        fields = {name: getattr(value, name) for name in names} | getattr(value, "__dict__", {})
        fields.pop("__orig_class__", None)
        return (cls, tuple((name, fingerprint(fields[name])) for name in sorted(fields)))
    if isinstance(value, msgspec.Struct):
        return (cls, tuple(fingerprint(getattr(value, f)) for f in value.__struct_fields__))
    return (cls, value)
