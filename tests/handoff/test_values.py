"""A hunt for values that change: known traps one by one, then generated types and values."""

from __future__ import annotations

import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, NewType
from zoneinfo import ZoneInfo

import msgspec
import pytest

from synaflow_core.errors import LossyValueError
from tests.handoff.records import (
    Access,
    Base,
    Bounded,
    Box,
    Caching,
    Color,
    Counting,
    Derived,
    Doubled,
    Level,
    Loose,
    Mixed,
    Nested,
    OldPoint,
    Ordinary,
    Packet,
    Plain,
    Point,
    Row,
    Slotted,
    State,
    Text,
    Total,
    Tree,
    Word,
)
from tests.handoff.trips import JSONL, assert_unchanged, read, stored

PARIS = ZoneInfo("Europe/Paris")
INDIA = timezone(timedelta(hours=5, minutes=30))
UserId = NewType("UserId", int)


PLAIN: list[tuple[Any, list[Any]]] = [
    (int, [0, -1, 2**63, 2**64, -(2**70), 10**400]),
    (float, [0.0, -0.0, 1.0, 1e22, 5e-324, 1.7976931348623157e308, 0.1]),
    (str, ["", "\x00\n\r\u2028é😀", '"\\', " leading", "null"]),
    (bool, [True, False]),
    (None, [None]),
    (bytes, [b"", b"\xff\x00"]),
    (datetime, [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]),
    (datetime, [datetime(2024, 3, 1, tzinfo=INDIA), datetime(1, 1, 1, tzinfo=INDIA)]),
    (date, [date.min, date.max]),
    (time, [time(1, 2, 3, 4), time(23, 59, tzinfo=UTC), time(tzinfo=INDIA)]),
    (timedelta, [timedelta.max, timedelta.min, timedelta(days=-1, microseconds=1)]),
    (Decimal, [Decimal("1.10"), Decimal("-0"), Decimal("1E+1000")]),
    (uuid.UUID, [uuid.UUID(int=7)]),
    (Color, [Color.RED]),
    (Level, [Level.HIGH]),
    (Word, [Word.YES]),
    (Access, [Access.READ]),
    (State, ["new", 1, True, None]),
    (UserId, [3]),
    (int | None, [None, 3]),
    (int | float | str, [1, 1.0, "1"]),
    (list[int], [[], [1, 2]]),
    (Sequence[str], [["a"]]),
    (Mapping[str, int], [{"b": 1, "a": 2}]),
    (tuple[int, str], [(1, "a")]),
    (tuple[int, ...], [(), (1, 2, 3)]),
    (tuple[()], [()]),
    (set[str], [{"b", "a", "c"}, set()]),
    (frozenset[int], [frozenset({3, 1})]),
    (dict[int, float], [{1: 1.0, -5: 2.5}]),
    (dict[date, str], [{date(2024, 1, 1): "x"}]),
    (dict[Color, int], [{Color.RED: 1}]),
    (dict[str, dict[str, list[int]]], [{"b": {"z": [], "a": [1]}, "a": {}}]),
    (Any, [None, True, 1, 1.5, "x", [1, [2]], {"b": 1, "a": {"c": None}}]),
    (object, [1, "x", [1]]),
    (dict, [{"b": 1, "a": [1]}]),
    (Plain, [Plain(1, "a", 1.0, True), Plain(-1, "", -0.0, False)]),
    (Slotted, [Slotted(1), Slotted(2, "x")]),
    (
        Nested,
        [Nested(plain=Plain(1, "a", 0.5, True), slots=[Slotted(1)], by_name={}, _private=3)],
    ),
    (Tree, [Tree(1, [Tree(2), Tree(3, [Tree(4)])])]),
    (Box[int], [Box(1)]),
    (Point, [Point(1), Point(2, 3.5)]),
    (OldPoint, [OldPoint(1, "x")]),
    (Row, [{"id": 1, "tags": []}, {"tags": ["a"], "note": None, "id": 2}]),
    (Total, [{"b": 1.5, "a": 1}]),
    (Packet, [Packet(1, b"x"), Packet(2)]),
    (tuple[str, Plain], [("k", Plain(1, "a", 1.0, True))]),
    (Annotated[int, "a note"], [3]),
]


@pytest.mark.parametrize(("hint", "items"), PLAIN, ids=[str(hint) for hint, _ in PLAIN])
def test_values_of_their_own_type_are_plain_json(hint: Any, items: list[Any]) -> None:
    assert assert_unchanged(hint, items) == 0, "not plain"


MARKED: list[tuple[Any, list[Any]]] = [
    (float, [float("nan"), float("inf"), float("-inf"), 1, True, "1.0"]),
    (int, [1.0, True, "1", None, 10**5000]),
    (str, ["\ud800", b"x", date(2024, 1, 1), uuid.UUID(int=1), 1, None]),
    (bytes, ["x", bytearray(b"x")]),
    (datetime, [datetime(2024, 10, 27, 2, 30, fold=1), datetime(2024, 1, 1, tzinfo=PARIS)]),
    (datetime, [datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=PARIS), date(2024, 1, 1)]),
    (datetime, [datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3601)))]),
    (datetime, [datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1), "CET"))]),
    (datetime, [datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC"))]),
    (date, [datetime(2024, 1, 1)]),
    (time, [time(2, 30, fold=1), time(1, tzinfo=PARIS)]),
    (Decimal, [Decimal("NaN"), Decimal("-sNaN12"), Decimal("Infinity"), 1, 1.5]),
    (Access, [Access.READ | Access.WRITE, Access(0)]),
    (Mixed, [Mixed.ONE, Mixed.TWO, Mixed.THREE]),
    (State, [0, "other", 1.0]),
    (list[int], [(1, 2), [1, True], [1.0], {1}]),
    (Sequence[int], [(1, 2), range(3)]),
    (tuple[int, str], [[1, "a"], (1,), (1, 2)]),
    (tuple[()], [(1,)]),
    (set[int], [frozenset({1}), {True}, {1.0}]),
    (set[tuple[int, int]], [{(1, 2), (0, 1)}]),
    (set[frozenset[int]], [{frozenset({1}), frozenset({2})}]),
    (dict[str, set[str]], [{"b": {"x", "y"}, "a": set()}]),
    (dict[str, int], [{1: 1}, {"a": 1.0}, {True: 1}, {None: 1}, {(1, 2): 3}]),
    (dict[str, int], [Counter("hello"), OrderedDict(b=1, a=2), defaultdict(int, a=1)]),
    (dict[int, str], [{True: "x"}, {"1": "x"}]),
    (dict[int | str, str], [{1: "a", "1": "b"}]),
    (dict[tuple[int, int], str], [{(1, 2): "a"}]),
    (Any, [(1, 2), {1: 2}, {1, 2}, b"x", date(2024, 1, 1), Decimal("1"), 1j, range(3)]),
    (Any, [[(1,)], {"a": float("nan")}, deque([1, 2], 5), deque(), timedelta(1), UTC, PARIS]),
    (Any | tuple[int, ...], [(1, 2)]),
    (object, [(1, 2)]),
    (Plain, [Plain(1, "a", 1, True), Plain(True, "a", 1.0, True), Plain("1", 2, None, 3)]),  # type: ignore[arg-type]
    (Plain, [Plain(1, "a", float("nan"), True), None, 1, {"id": 1}]),
    (Slotted, [Slotted((1, 2), {"x"})]),  # type: ignore[arg-type]
    (Base, [Derived(1, "x")]),
    (list[Base], [[Base(1), Derived(2, "y")]]),
    (Base | Plain, [Base(1), Plain(1, "a", 1.0, True), Derived(1)]),
    (Box[int], [Box("x"), Box[int](1)]),
    (Box, [Box((1, 2)), Box(Box(1))]),
    (Counting, [Counting(1)]),
    (Bounded, [Bounded(7.0)]),
    (Loose, [Loose((1, 2), {3}, {4: 5})]),
    (Point, [Point("a"), (1, 2.0), Point(1, 2)]),  # type: ignore[arg-type]
    (OldPoint, [OldPoint((1,), {2})]),
    (Row, [{"id": 1, "tags": [], "extra": 5}, {"id": 1}, {"id": 1, "tags": ("a",)}]),
    (Total, [{"a": 1, "b": 1}, OrderedDict(a=1, b=1.0)]),
    (Packet, [Packet("x", 1)]),  # type: ignore[arg-type]
    (float | None, [float("nan"), None, 1]),
    (datetime | str, ["2024-01-01T00:00:00", datetime(2024, 1, 1)]),
    (list[int] | tuple[int, ...], [[1], (1,)]),
    (float | bool, [1, True, 1.0]),
]


@pytest.mark.parametrize(("hint", "items"), MARKED, ids=[str(hint) for hint, _ in MARKED])
def test_what_plain_json_cannot_say_is_told_in_another_form(hint: Any, items: list[Any]) -> None:
    assert assert_unchanged(hint, items) > 0
    for item in items:
        assert_unchanged(hint, [item])


def test_order_of_a_dict_and_of_extra_keys_is_kept() -> None:
    content, marked = stored(dict[str, Any], [{"b": 1, "a": (1, 2)}])
    (back,) = read(dict[str, Any], content, marked)
    assert list(back) == ["b", "a"]


class _Zone(timezone.__base__):  # type: ignore[name-defined,misc]
    def utcoffset(self, when: Any) -> timedelta:
        return timedelta(hours=1)


REFUSED: list[tuple[Any, Any, str, str]] = [
    (str, Text("x"), "item 0", "Text"),
    (int, Level.LOW, "item 0", "Level"),
    (dict[str, int], {Word.YES: 1}, "key", "Word"),
    (Any, Plain(1, "a", 1.0, True), "name Plain in the annotation", "Plain"),
    (Any, [{"deep": [1, Ordinary(1)]}], "field [0]['deep'][1]", "Ordinary"),
    (Plain, Plain(1, Ordinary(1), 1.0, True), "field .name", "Ordinary"),  # type: ignore[arg-type]
    (Loose, Loose({"when": Fraction(1, 3)}), "field .data['when']", "Fraction"),
    (Ordinary, Ordinary(1), "item 0", "Ordinary"),
    (Any, object(), "item 0", "object"),
    (Any, lambda: 1, "item 0", "function"),
    (Any, (n for n in [1]), "item 0", "generator"),
    (datetime, datetime(2024, 1, 1, tzinfo=_Zone()), "field .tzinfo", "_Zone"),
    (Any, defaultdict(lambda: 1), "field .default_factory", "function"),
    (list[int], type("Special", (list,), {})([1]), "item 0", "Special"),
    (Any, memoryview(b"x"), "item 0", "memoryview"),
    (set[float], {float("nan")}, "item 0", "set"),
]


@pytest.mark.parametrize(
    ("hint", "value", "place", "kind"), REFUSED, ids=[row[3] for row in REFUSED]
)
def test_the_rest_is_refused_with_place_type_and_advice(
    hint: Any, value: Any, place: str, kind: str
) -> None:
    with pytest.raises(LossyValueError) as caught:
        stored(hint, [value])
    text = str(caught.value)
    assert "step 'step'" in text
    assert place in text
    assert kind in text
    assert "    -> put plain data there" in text
    builtin = {"object", "memoryview", "set"}
    stored_by_jsonl = {"Level", "Word", "Plain", *builtin}  # so never pickled, whatever is allowed
    assert ("--allow-pickle" in text) == (kind not in stored_by_jsonl)
    assert (f"or name {kind}" in text) == (kind not in builtin)


def test_undeclared_attributes_are_kept_and_caches_are_not() -> None:
    more = Plain(1, "a", 1.0, True)
    more.extra = (1, 2)  # type: ignore[attr-defined]
    assert_unchanged(Plain, [more])
    cached = Caching(1)
    assert cached.slow is cached.slow
    content, marked = stored(Caching, [cached])
    (back,) = read(Caching, content, marked)
    assert vars(back) == {"a": 1}


def test_fields_that_init_does_not_take_are_kept() -> None:
    item = Doubled(2)
    item.twice = 4
    assert_unchanged(Doubled, [item])


def test_an_unset_attribute_stays_unset() -> None:
    item = Slotted.__new__(Slotted)
    object.__setattr__(item, "a", 1)
    content, marked = stored(Slotted, [item])
    (back,) = read(Slotted, content, marked)
    assert back.a == 1
    assert not hasattr(back, "b")


def test_what_is_nested_too_deep_or_holds_itself_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    loop: list[Any] = []
    loop.append(loop)
    for value in (deep, loop):
        with pytest.raises(LossyValueError, match="RecursionError"):
            stored(Any, [value])


def test_the_place_of_a_refusal_counts_from_the_first_item() -> None:
    encode = JSONL.encoder(Any, "clean").encode
    with pytest.raises(LossyValueError, match="step 'clean', item 1002: a value of type object"):
        encode([1, 2, object()], 1000)


def test_pydantic_models() -> None:
    pydantic = pytest.importorskip("pydantic")
    fields = {"a": (int, ...), "when": (datetime, ...), "tags": (set[str], {"x"})}
    model = pydantic.create_model("Model", **fields)
    items = [
        model(a=1, when=datetime(2024, 1, 1), tags={"b"}),
        model(a=2, when=datetime(2024, 1, 1, tzinfo=UTC)),
        model.model_construct(a="not checked", when=None),
    ]
    content, marked = stored(model, items)
    back = read(model, content, marked)
    assert back == items
    assert [m.model_fields_set for m in back] == [m.model_fields_set for m in items]


def test_attrs_classes() -> None:
    attrs = pytest.importorskip("attrs")
    made = attrs.make_class("Made", {"a": attrs.field(type=int), "_b": attrs.field(type=Any)})
    items = [made(1, "x"), made((1, 2), b"y")]
    content, marked = stored(made, items)
    assert read(made, content, marked) == items


def test_msgspec_still_behaves_as_the_tests_of_plainness_assume() -> None:
    assert msgspec.json.decode(b"1", type=float) == 1.0
    with pytest.raises(TypeError):
        msgspec.json.encode(Text("x"))
    assert msgspec.json.encode(float("nan")) == b"null"
