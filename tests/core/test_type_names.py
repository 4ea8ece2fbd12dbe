from __future__ import annotations

import collections.abc as abc
import datetime
import inspect
import typing
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypeVar, Union

import pytest

from synaflow_core.hints import Kind, Shape, is_subtype, shape_of, type_name
from synaflow_core.hints.names import pair_of_names

UserId = NewType("UserId", int)
T = TypeVar("T")
Bounded = TypeVar("Bounded", bound=list[int])


class Colour(Enum):
    RED = "r"


class Point(NamedTuple):
    x: int


class Outer:
    class Inner:
        pass


NAMES = [
    (int, "int"),
    (str, "str"),
    (None, "None"),
    (type(None), "None"),
    (Any, "Any"),
    (object, "object"),
    (inspect.Parameter.empty, "Any"),
    (list, "list"),
    (typing.List, "list"),  # noqa: UP006 - the old spelling is what is tested
    (list[str], "list[str]"),
    (typing.List[str], "list[str]"),  # noqa: UP006 - as above
    (dict[str, Any], "dict[str, Any]"),
    (dict[str, list[int]], "dict[str, list[int]]"),
    (tuple[int, ...], "tuple[int, ...]"),
    (tuple[int, str], "tuple[int, str]"),
    (tuple[()], "tuple[()]"),
    (frozenset[int], "frozenset[int]"),
    (abc.Sequence[int], "Sequence[int]"),
    (abc.Mapping[str, int], "Mapping[str, int]"),
    (abc.Iterable[int], "Iterable[int]"),
    (abc.AsyncIterable[int], "AsyncIterable[int]"),
    (abc.Iterator[int], "Stream[int]"),
    (abc.Generator[int, None, None], "Stream[int]"),
    (abc.Generator[dict[str, int], str, bytes], "Stream[dict[str, int]]"),
    (abc.AsyncIterator[int], "Stream[int]"),
    (abc.AsyncGenerator[int, None], "Stream[int]"),
    (typing.Iterator[int], "Stream[int]"),
    (abc.Iterator, "Stream"),
    (typing.Iterator, "Stream"),
    (list[abc.Iterator[int]], "list[Stream[int]]"),
    (int | None, "int | None"),
    (Optional[int], "int | None"),  # noqa: UP045 - the old spelling is what is tested
    (Union[None, int, str], "int | str | None"),  # noqa: UP007 - as above
    (Union[int, Union[str, None]], "int | str | None"),  # noqa: UP007 - as above
    (dict[str, int | None] | None, "dict[str, int | None] | None"),
    (Literal["a", 1, None, True], "Literal['a', 1, None, True]"),
    (Literal[Colour.RED], "Literal[Colour.RED]"),
    (Annotated[int, "metres"], "int"),
    (list[Annotated[int, "metres"]], "list[int]"),
    (UserId, "UserId"),
    (T, "T"),
    (abc.Callable[[int, str], bool], "Callable[[int, str], bool]"),
    (abc.Callable[..., bool], "Callable[..., bool]"),
    (abc.Callable, "Callable"),
    (type[int], "type[int]"),
    (datetime.datetime, "datetime"),
    (Outer.Inner, "Inner"),
    (Point, "Point"),
    (typing.ForwardRef("Later"), "Later"),
    ("Later", "Later"),
]


@pytest.mark.parametrize(("annotation", "name"), NAMES, ids=[name for _, name in NAMES])
def test_a_type_is_printed_in_the_style_of_the_contract(annotation: Any, name: str) -> None:
    assert type_name(annotation) == name


def test_two_classes_of_one_name_are_told_apart() -> None:
    other = type("Point", (), {"__module__": "elsewhere"})
    assert pair_of_names(Point, other) == (f"{__name__}.Point", "elsewhere.Point")
    assert pair_of_names(Point, int) == ("Point", "int")


def test_a_recursive_alias_is_printed_by_name_and_fits_itself() -> None:
    from typing_extensions import TypeAliasType

    json = TypeAliasType("Json", "dict[str, Json] | int")  # noqa: F821 - it is being defined
    assert type_name(list[json]) == "list[Json]"
    assert is_subtype(list[json], list[json])


PAIR = tuple[str, int]
SHAPES = [
    (int, Shape(Kind.VALUE, int)),
    (str, Shape(Kind.VALUE, str)),
    (bytes, Shape(Kind.VALUE, bytes)),
    (None, Shape(Kind.NONE, type(None))),
    (Any, Shape(Kind.UNKNOWN, Any)),
    (inspect.Parameter.empty, Shape(Kind.UNKNOWN, Any)),
    (T, Shape(Kind.UNKNOWN, Any)),
    (Bounded, Shape(Kind.LIST, int)),
    (object, Shape(Kind.VALUE, object)),
    (list, Shape(Kind.LIST, Any)),
    (list[int], Shape(Kind.LIST, int)),
    (abc.Sequence[int], Shape(Kind.LIST, int)),
    (abc.Collection[int], Shape(Kind.LIST, int)),
    (set[int], Shape(Kind.SET, int)),
    (abc.Set[int], Shape(Kind.SET, int)),
    (frozenset[int], Shape(Kind.FROZENSET, int)),
    (dict[str, int], Shape(Kind.DICT, PAIR)),
    (abc.Mapping[str, int], Shape(Kind.DICT, PAIR)),
    (dict, Shape(Kind.DICT, tuple[Any, Any])),
    (tuple, Shape(Kind.TUPLE, Any)),
    (typing.Tuple, Shape(Kind.TUPLE, Any)),  # noqa: UP006 - the old spelling
    (tuple[int, ...], Shape(Kind.TUPLE, int)),
    (tuple[int, str], Shape(Kind.VALUE, tuple[int, str])),
    (tuple[()], Shape(Kind.VALUE, tuple[()])),
    (Point, Shape(Kind.VALUE, Point)),
    (abc.Iterable[int], Shape(Kind.STREAM, int)),
    (abc.Iterator, Shape(Kind.STREAM, Any)),
    (abc.Generator[int, None, None], Shape(Kind.STREAM, int)),
    (abc.AsyncIterator[int], Shape(Kind.STREAM, int, is_async=True)),
    (abc.AsyncGenerator[int, None], Shape(Kind.STREAM, int, is_async=True)),
    (Annotated[list[int], "sorted"], Shape(Kind.LIST, int)),
    (list[Annotated[int, "metres"]], Shape(Kind.LIST, int)),
    (list[int] | None, Shape(Kind.VALUE, list[int] | None)),
]


@pytest.mark.parametrize(("annotation", "shape"), SHAPES, ids=[str(a) for a, _ in SHAPES])
def test_the_shape_of_an_annotation(annotation: Any, shape: Shape) -> None:
    assert shape_of(annotation) == shape
