"""Generated types with values of theirs, and values of any type (hypothesis strategies)."""

from __future__ import annotations

import uuid
from dataclasses import make_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Union
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.handoff.records import (
    Access,
    Box,
    Color,
    Counting,
    Level,
    Loose,
    Mixed,
    Packet,
    Plain,
    Point,
    Row,
    Slotted,
    State,
    Tagged,
    Text,
)

PARIS = ZoneInfo("Europe/Paris")
INDIA = timezone(timedelta(hours=5, minutes=30))
Typed = tuple[Any, st.SearchStrategy[Any]]

zones = st.sampled_from(
    [
        None,
        UTC,
        INDIA,
        PARIS,
        timezone(timedelta(hours=-3)),
        timezone(timedelta(seconds=59)),
        ZoneInfo("UTC"),
    ]
)
moments = st.builds(
    lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold),
    st.datetimes(),
    zones,
    st.sampled_from([0, 0, 0, 1]),
)
times = st.builds(
    lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold),
    st.times(),
    zones,
    st.sampled_from([0, 0, 0, 1]),
)
anystr = st.text(st.characters(codec=None), max_size=8)
LEAVES: list[Typed] = [
    (int, st.integers() | st.integers(10**20, 10**30)),
    (float, st.floats()),
    (str, anystr),
    (bool, st.booleans()),
    (None, st.none()),
    (bytes, st.binary(max_size=8)),
    (datetime, moments),
    (date, st.dates()),
    (time, times),
    (timedelta, st.timedeltas()),
    (Decimal, st.decimals()),
    (uuid.UUID, st.uuids()),
    (Color, st.sampled_from(Color)),
    (Level, st.sampled_from(Level)),
    (Mixed, st.sampled_from(Mixed)),
    (Access, st.sampled_from([Access.READ, Access.READ | Access.WRITE, Access(0)])),
    (State, st.sampled_from(["new", "done", 1, True, None])),
    (Slotted, st.builds(Slotted, st.integers(), st.none() | anystr)),
    (Plain, st.builds(Plain, st.integers(), anystr, st.floats(), st.booleans())),
    (Point, st.builds(Point, st.integers(), st.floats())),
    (Packet, st.builds(Packet, st.integers(), st.binary(max_size=4))),
    (Tagged, st.builds(Tagged, st.integers(), st.floats())),
    (Counting, st.builds(Counting, st.integers())),
    (
        Row,
        st.fixed_dictionaries(
            {"id": st.integers(), "tags": st.lists(anystr, max_size=2)},
            optional={"note": st.none() | anystr},
        ),
    ),
]
HASHABLE = [(h, v) for h, v in LEAVES if h not in (Plain, Packet, Tagged, Counting, Row, Point)]
leaves = st.sampled_from(LEAVES)
hashables = st.sampled_from(HASHABLE)


def _named(fields: list[Typed]) -> Typed:
    names = [f"f{i}" for i in range(len(fields))]
    cls = make_dataclass(
        "Made", [(n, h) for n, (h, _) in zip(names, fields, strict=True)], slots=len(names) % 2 == 0
    )
    return cls, st.builds(cls, *(v for _, v in fields))


def _wider(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    def many(values: Any) -> Any:
        return st.lists(values, max_size=3)

    return st.one_of(
        inner.map(lambda t: (list[t[0]], many(t[1]))),
        inner.map(lambda t: (tuple[t[0], ...], many(t[1]).map(tuple))),
        st.tuples(inner, inner).map(
            lambda p: (tuple[p[0][0], p[1][0]], st.tuples(p[0][1], p[1][1]))
        ),
        inner.map(lambda t: (_either(t[0], None), st.none() | t[1])),
        st.tuples(inner, inner).map(lambda p: (_either(p[0][0], p[1][0]), p[0][1] | p[1][1])),
        hashables.map(lambda t: (set[t[0]], many(t[1]).map(_as_set))),
        st.tuples(hashables, inner).map(
            lambda p: (
                dict[p[0][0], p[1][0]],
                st.dictionaries(p[0][1].filter(_is_itself), p[1][1], max_size=3),
            )
        ),
        st.lists(inner, max_size=4).map(_named),
    )


def _either(one: Any, two: Any) -> Any:
    return Union.__getitem__((one, two))  # not with |, which two times None does not understand


def _is_itself(value: Any) -> bool:
    """Not nan, which no set or dict can find again."""
    try:
        return bool(value == value)
    except ArithmeticError:  # a signalling nan
        return False


def _as_set(values: list[Any]) -> set[Any]:
    return {value for value in values if _is_itself(value)}


typed = st.recursive(leaves, _wider, max_leaves=5)
anything = st.recursive(
    st.one_of(*(values for _, values in LEAVES)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(anystr | st.integers() | st.booleans(), inner, max_size=3),
        st.builds(Box, inner),
        st.builds(Loose, inner),
        st.lists(st.integers(), max_size=3).map(frozenset),
        anystr.map(Text),
    ),
    max_leaves=5,
)
