from __future__ import annotations

import collections.abc as abc
from collections import Counter, deque
from typing import (
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Protocol,
    TypedDict,
    TypeVar,
    runtime_checkable,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaflow_core.hints import fits, is_subtype

T = TypeVar("T")
Small = TypeVar("Small", bound=int)
Either = TypeVar("Either", int, str)
UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)


class Animal:
    pass


class Dog(Animal):
    name: str = "rex"

    def bark(self) -> None: ...


class Point(NamedTuple):
    x: int
    y: int


class Row(TypedDict):
    id: int
    note: NotRequired[str]


class WideRow(Row):
    total: float


class Box(Generic[T]):
    pass


class IntBox(Box[int]):
    pass


class Barks(Protocol):
    name: str

    def bark(self) -> None: ...


@runtime_checkable
class Barking(Protocol):
    def bark(self) -> None: ...


class Tokens(abc.Iterator[str]):
    def __next__(self) -> str:
        raise StopIteration


YES = [
    (Any, int),
    (int, Any),
    (int, object),
    (list[int], object),
    (int, int),
    (bool, int),
    (int, float),
    (bool, float),
    (int, complex),
    (float, complex),
    (Dog, Animal),
    (None, None),
    (None, int | None),
    (int, int | None),
    (int | str, str | int | None),
    (bool | int, float),
    (Literal["a"], str),
    (Literal["a"], Literal["a", "b"]),
    (UserId, int),
    (AdminId, UserId),
    (AdminId, int),
    (T, int),
    (int, T),
    (bool, Small),
    (Small, int),
    (int, Either),
    (Either, int | str),
    # containers are converted, so any iterable feeds any iterable
    (list[int], list[int]),
    (list[int], set[int]),
    (list[bool], tuple[int, ...]),
    (set[int], list[float]),
    (abc.Iterator[int], list[int]),
    (list[int], abc.Iterator[int]),
    (abc.Generator[Dog, None, None], abc.Iterable[Animal]),
    (abc.AsyncIterator[int], list[int]),
    (list, list[int]),
    (list[int], list),
    (abc.Iterator[tuple[str, int]], dict[str, int]),
    (dict[str, int], list[tuple[str, int]]),
    (dict[str, bool], abc.Mapping[str, int]),
    (list[int], list[int] | None),
    # what lies inside is not converted
    (list[list[int]], list[abc.Sequence[int]]),
    (list[dict[str, int]], list[dict]),
    (list[dict], list[dict[str, int]]),
    (Row, dict),
    (Row, abc.Mapping[str, object]),
    (WideRow, Row),
    (Counter[str], dict[str, int]),
    (Point, tuple),
    (tuple[int, str], tuple[float, str]),
    (tuple[int, int], tuple[int, ...]),
    (Tokens, abc.Iterator[str]),
    (IntBox, Box[int]),
    (Box[int], Box),
    (Box[bool], Box[int]),
    (Dog, Barks),
    (Dog, Barking),
    (type[Dog], type[Animal]),
    (abc.Callable[[Animal], Dog], abc.Callable[[Dog], Animal]),
    (abc.Callable[..., int], abc.Callable[[str], int]),
    (abc.Callable, abc.Callable[[int], str]),
]

NO = [
    (object, int),
    (str, int),
    (int, bool),
    (float, int),
    (complex, float),
    (Animal, Dog),
    (None, int),
    (int, None),
    (int | None, int),
    (int | str, int),
    (str, Literal["a"]),
    (Literal["a", "c"], Literal["a", "b"]),
    (Literal[True], Literal[1]),
    (int, UserId),
    (UserId, AdminId),
    (str, Small),
    (float, Either),
    # no silent wrapping
    (int, list[int]),
    (int, abc.Iterator[int]),
    (str, list[str]),
    (str, abc.Iterable[str]),
    (bytes, abc.Sequence[int]),
    (deque, abc.Iterable[int]),
    (Row, abc.Iterable[str]),
    (list[int], int),
    (list[int], list[str]),
    (list[str], set[int]),
    (abc.Iterator[int], dict[str, int]),
    (dict[str, int], list[str]),
    (dict[str, int], dict[int, int]),
    (list[int] | None, list[int]),
    (list[list[int]], list[abc.Iterator[int]]),
    (list[set[int]], list[list[int]]),
    (list[str], list[list[str]]),
    (dict[str, Any], Row),
    (Row, WideRow),
    (Row, dict[str, int]),
    (tuple[int, str], tuple[int, int]),
    (tuple[int, str], tuple[int, str, int]),
    (tuple[int, ...], tuple[int, int]),
    (Box[str], Box[int]),
    (IntBox, Box[str]),
    (Animal, Barks),
    (Animal, Barking),
    (abc.Callable[[Dog], Dog], abc.Callable[[Animal], Dog]),
    (abc.Callable[[int], str], abc.Callable[[int, int], str]),
    (abc.Callable[[int], str], abc.Callable[[int], int]),
]


@pytest.mark.parametrize(("producer", "consumer"), YES, ids=str)
def test_these_fit(producer: Any, consumer: Any) -> None:
    assert fits(producer, consumer)


@pytest.mark.parametrize(("producer", "consumer"), NO, ids=str)
def test_these_do_not_fit(producer: Any, consumer: Any) -> None:
    assert not fits(producer, consumer)


SCALARS = [int, bool, float, str, bytes, Animal, Dog, Point, Row, UserId, Literal["a"], type(None)]


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        inner.map(lambda t: list[t]),
        inner.map(lambda t: set[t]),
        inner.map(lambda t: tuple[t, ...]),
        inner.map(lambda t: abc.Iterator[t]),
        st.tuples(inner, inner).map(lambda t: dict[t]),
        st.tuples(inner, inner).map(lambda t: tuple[t]),
    )


def _unions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1])


TYPES = st.recursive(
    st.sampled_from([t for t in SCALARS if t is not UserId]),
    lambda inner: st.one_of(_containers(inner), _unions(inner)),
    max_leaves=5,
)


@given(TYPES)
def test_every_type_fits_itself(kind: Any) -> None:
    assert fits(kind, kind)
    assert is_subtype(kind, kind)


@given(TYPES)
def test_any_and_object_accept_all(kind: Any) -> None:
    assert fits(kind, Any)
    assert fits(Any, kind)
    assert fits(kind, object)


@given(TYPES, TYPES)
def test_a_union_accepts_its_members(left: Any, right: Any) -> None:
    assert fits(left, left | right)
    assert fits(right, left | right)


@given(TYPES, TYPES, TYPES)
def test_a_union_fits_exactly_when_all_its_members_do(a: Any, b: Any, consumer: Any) -> None:
    assert fits(a | b, consumer) == (fits(a, consumer) and fits(b, consumer))


@given(TYPES, TYPES)
def test_a_subtype_always_fits(producer: Any, consumer: Any) -> None:
    if is_subtype(producer, consumer):
        assert fits(producer, consumer)


@given(TYPES, TYPES, TYPES)
def test_subtypes_of_subtypes_are_subtypes(a: Any, b: Any, c: Any) -> None:
    if is_subtype(a, b) and is_subtype(b, c):
        assert is_subtype(a, c)


@given(st.sampled_from(SCALARS), TYPES)
def test_a_scalar_is_never_wrapped(scalar: Any, item: Any) -> None:
    for container in (list[item], set[item], abc.Iterator[item], abc.Iterable[item]):
        assert not fits(scalar, container)
