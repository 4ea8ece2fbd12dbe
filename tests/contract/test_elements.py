"""Which types can be stored as typed JSON, and their schemas."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import datetime as dt
import enum
import pathlib
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import msgspec
import pytest

from synaflow_core.contract import codec_of, element_schema

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Pair(NamedTuple):
    left: int
    right: str = "x"


@dataclasses.dataclass
class Point:
    x: int
    y: float = 1.0


@dataclasses.dataclass
class Other:
    z: int


@dataclasses.dataclass
class Box(Generic[T]):
    content: T


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree]


@dataclasses.dataclass
class Job:
    future: concurrent.futures.Future[int]


class Options(TypedDict, total=False):
    depth: int


class Record(msgspec.Struct):
    id: int


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    name: str


class Arbitrary:
    pass


class Hostile(type):
    def __getattr__(cls, name: str) -> Any:
        raise RuntimeError(name)


class Awkward(metaclass=Hostile):
    pass


UserId = NewType("UserId", int)

STORABLE = [
    int, float, bool, str, bytes, bytearray, None, type(None),
    dt.datetime, dt.date, dt.time, dt.timedelta, Decimal, uuid.UUID,
    list, dict, tuple, set, frozenset,
    list[int], tuple[int, ...], tuple[int, str], set[str], frozenset[Color],
    dict[str, Point], dict[int, str], dict[Color, int], dict[dt.date, int], dict[str, object],
    Sequence[int], Mapping[str, int],
    Color, Level, Pair, Point, Box[int], Tree, Options, Record, Cat | Dog, UserId,
    Literal["a", 1], int | None, int | str | None, Point | None,
    Annotated[int, msgspec.Meta(ge=1)],
]  # fmt: skip

NOT_STORABLE = [
    concurrent.futures.Future, concurrent.futures.Future[int], asyncio.Future, Job, list[Job],
    Arbitrary, list[Arbitrary], Arbitrary | None, int | Arbitrary, Awkward,
    Callable[[int], int], Iterator[int], sqlite3.Connection, type, type[int], complex, range,
    pathlib.Path, BaseException, collections.deque[int],
    Point | Other, list[int] | set[int], dt.date | dt.datetime, str | bytes,
    dict[tuple[int, int], str], dict[Pair, int], dict[bool, int],
    "NotDefinedAnywhere", 3, ...,
]  # fmt: skip


@pytest.mark.parametrize("kind", STORABLE, ids=str)
def test_storable_types_have_a_codec_and_a_schema(kind: Any) -> None:
    assert codec_of(kind) == "jsonl"
    assert element_schema(kind)


@pytest.mark.parametrize("kind", [Any, object, T], ids=str)
def test_unknown_types_are_checked_when_written(kind: Any) -> None:
    assert codec_of(kind) == "jsonl"
    assert element_schema(kind) is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Hostile's
@pytest.mark.parametrize("kind", NOT_STORABLE, ids=str)
def test_other_types_have_neither_and_nothing_raises(kind: Any) -> None:
    assert codec_of(kind) is None
    assert element_schema(kind) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Point, Point(1, 2.5)),
        (Tree, Tree(1, [Tree(2, [])])),
        (dict[Color, list[Pair]], {Color.RED: [Pair(1)]}),
        (tuple[dt.date, Decimal, bytes], (dt.date(2024, 1, 31), Decimal("1.50"), b"\0")),
        (Cat | Dog, Dog("Rex")),
        (dict[str, object], {"a": [1, None]}),
    ],
    ids=str,
)
def test_a_codec_keeps_its_promise(kind: Any, value: Any) -> None:
    assert codec_of(kind) == "jsonl"
    assert msgspec.json.decode(msgspec.json.encode(value), type=kind) == value


def test_definitions_are_named_after_the_class_alone() -> None:
    def twin() -> type:
        @dataclasses.dataclass
        class Point:
            q: int

        return Point

    schema = element_schema(tuple[Point, twin(), Box[int]])

    assert schema is not None
    assert list(schema["$defs"]) == ["Point", "Point_2", "Box_int"]
    assert list(schema["$defs"]["Point_2"]["properties"]) == ["q"]
    assert schema["prefixItems"] == [
        {"$ref": "#/$defs/Point"},
        {"$ref": "#/$defs/Point_2"},
        {"$ref": "#/$defs/Box_int"},
    ]


def test_defaults_are_not_part_of_an_element() -> None:
    schema = element_schema(Point)

    assert schema is not None
    assert schema["$defs"]["Point"]["properties"]["y"] == {"type": "number"}
    assert schema["$defs"]["Point"]["required"] == ["x"]


def test_descriptions_do_not_depend_on_how_python_stores_docstrings() -> None:
    class Documented(msgspec.Struct):
        """First.

        Second.
        """

        description: str

    Documented.__doc__ = "First.\n\n        Second.\n        "  # as before Python 3.13

    schema = element_schema(Documented)

    assert schema is not None
    (definition,) = schema["$defs"].values()
    assert definition["description"] == "First.\n\nSecond."
    assert definition["properties"] == {"description": {"type": "string"}}
