"""Where two values differ, as ``verify`` tells it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from synaflow_core.handoff.differences import first_difference


@dataclass
class Made:
    rows: Any
    at: float = field(default=0.0, compare=False)


class Pair(NamedTuple):
    a: int
    b: int


def more(made: Made) -> Made:
    made.extra = 1  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ([1, [2, 3]], [1, [2, 4]], ("[1][1]", 3, 4)),
        ({"a": {"b": (1, 2)}}, {"a": {"b": (1, 3)}}, ("['a']['b'][1]", 2, 3)),
        (Made([Made("x", at=1)]), Made([Made("y", at=2)]), (".rows[0].rows", "x", "y")),
        (Made([1], at=1.0), Made([1], at=2.0), None),
        ([Made(1, at=1.0)], [Made(1, at=2.0)], None),
        (1, True, ("", 1, True)),
        ([1], (1,), ("", [1], (1,))),
        ([1], [1, 2], ("", [1], [1, 2])),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ("", {"a": 1, "b": 2}, {"b": 2, "a": 1})),
        ({1}, {2}, ("", {1}, {2})),
        (math.nan, math.nan, None),
        (Pair(1, 2), Pair(1, 3), ("", Pair(1, 2), Pair(1, 3))),
        (Made(1), more(Made(1)), ("", Made(1), Made(1))),
        ([Made(1, at=1)], [Made(1.0, at=1)], ("[0].rows", 1, 1.0)),
    ],
)
def test_the_first_difference(ours: Any, theirs: Any, found: Any) -> None:
    assert first_difference(ours, theirs) == found
