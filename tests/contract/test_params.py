"""JSON values -> params object and back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from synaflow_core.contract import params_from_json, params_to_json
from synaflow_core.errors import ParamsError


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Size:
    width: int
    height: int = 1


class Option(TypedDict, total=False):
    depth: int


class Params(NamedTuple):
    count: int
    ratio: float = 0.5
    flag: bool = False
    name: str = "x"
    day: dt.date = dt.date(2024, 1, 31)
    at: dt.datetime | None = None
    price: Decimal = Decimal("1.50")
    color: Color | None = None
    level: Literal["low", "high"] = "low"
    tags: list[str] = []  # noqa: RUF012 - legal, and users write it
    keys: frozenset[int] = frozenset()
    sizes: dict[str, Size] = {}  # noqa: RUF012 - as above
    by_number: dict[int, str] = {}  # noqa: RUF012 - as above
    options: Option = {}  # noqa: RUF012 - as above
    bounded: Annotated[int, Meta(ge=1)] = 3
    out: Path = Path("a")
    raw: bytes = b""


JSON = {
    "count": 5,
    "ratio": 1,
    "flag": True,
    "name": "5",
    "day": "2024-02-29",
    "at": "2024-02-29T12:00:00Z",
    "price": "2.50",
    "color": "blue",
    "level": "high",
    "tags": ["a"],
    "keys": [2, 1],
    "sizes": {"small": {"width": 1}},
    "by_number": {"1": "one"},
    "options": {"depth": 2},
    "bounded": 1,
    "out": "b/c",
    "raw": "aGk=",
}
OBJECT = Params(
    count=5,
    ratio=1.0,
    flag=True,
    name="5",
    day=dt.date(2024, 2, 29),
    at=dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
    price=Decimal("2.50"),
    color=Color.BLUE,
    level="high",
    tags=["a"],
    keys=frozenset({1, 2}),
    sizes={"small": Size(1)},
    by_number={1: "one"},
    options={"depth": 2},
    bounded=1,
    out=Path("b/c"),
    raw=b"hi",
)


def problems(values: Any, params_type: Any = Params) -> dict[str, str]:
    """Subject -> message of what is wrong with values."""
    with pytest.raises(ParamsError) as raised:
        params_from_json(params_type, values)
    return {p.subject: f"{p.message} -> {p.hint}" for p in raised.value.problems}


def test_json_values_become_python_values() -> None:
    assert params_from_json(Params, JSON) == OBJECT
    assert type(params_from_json(Params, JSON).ratio) is float


def test_values_that_are_already_right_are_taken() -> None:
    assert params_from_json(Params, OBJECT._asdict()) == OBJECT
    assert params_from_json(Params, OBJECT) is OBJECT


def test_and_back() -> None:
    written = params_to_json(OBJECT)

    assert json.loads(json.dumps(written, allow_nan=False)) == {**JSON, "keys": [1, 2]} | {
        "sizes": {"small": {"width": 1, "height": 1}},
        "ratio": 1.0,
    }
    assert params_from_json(Params, written) == OBJECT
    assert params_to_json(None) == {}


def test_defaults_stay_with_the_class() -> None:
    assert params_from_json(Params, {"count": 1}) == Params(1)


def test_no_params() -> None:
    assert params_from_json(None, None) is None
    assert params_from_json(None, {}) is None
    assert problems({"count": 1}, None) == {
        "'count'": "there is no such field -> this pipeline takes no params"
    }


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert problems(
        {
            "cuont": 1,
            "ratio": "0.5",
            "flag": 1,
            "name": 5,
            "day": "yesterday",
            "color": "RED",
            "level": "middle",
            "tags": ["a", 2],
            "sizes": {"s": {"width": 1, "heigth": 2}, "t": {"width": True}},
            "options": {"dept": 1},
            "bounded": 0,
        }
    ) == {
        "'count'": "it is missing and has no default -> give a value of type int",
        "'cuont'": "there is no such field -> did you mean 'count'?",
        "'ratio'": "expected float, got str '0.5' -> give a value of type float",
        "'flag'": "expected bool, got int 1 -> give a value of type bool",
        "'name'": "expected str, got int 5 -> give a value of type str",
        "'day'": "invalid RFC3339 encoded date, got 'yesterday' -> give text such as 2024-01-31",
        "'color'": "invalid enum value 'RED' -> give one of 'red', 'blue'",
        "'level'": "invalid enum value 'middle' -> give one of 'low', 'high'",
        "'tags[1]'": "expected str, got int -> give a value of type list[str]",
        "'sizes[...].width'": "expected int, got bool -> give a value of type dict[str, Size]",
        "'options.dept'": "there is no such field in Option -> did you mean 'options.depth'?",
        "'bounded'": "expected int >= 1, got 0 -> give a value of type int",
    }


@pytest.mark.parametrize("value", [True, "5", 5.0, None, [5], {}])
def test_only_an_int_is_an_int(value: Any) -> None:
    assert list(problems({"count": value})) == ["'count'"]


def test_unknown_keys_inside_are_not_passed_over() -> None:
    assert list(problems({"count": 1, "sizes": {"s": {"width": 1, "heigth": 2}}})) == [
        "'sizes.s.heigth'"
    ]


@pytest.mark.parametrize("values", [[], "count=1", 5])
def test_values_must_be_an_object(values: Any) -> None:
    assert list(problems(values)) == [""]


@dataclass
class Range:
    """From where to where.

    Args:
        low: Where it starts.
    """

    low: int
    high: int = 9
    width: int = field(init=False)

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")
        self.width = self.high - self.low


def test_a_dataclass_with_checks_of_its_own() -> None:
    assert params_from_json(Range, {"low": 1}) == Range(1)
    assert params_to_json(Range(1)) == {"low": 1, "high": 9}
    assert problems({"low": 10}, Range) == {
        "": "Range refuses the values: ValueError: low is above high -> give values that it accepts"
    }
    assert problems({}, Range)["'low'"].endswith("give a value of type int: Where it starts.")


class Wide(Size):
    pass


class Handle:
    pass


@dataclass
class InProcess:
    handle: Handle
    stream: Iterator[int] | None = None
    size: Size | None = None


def test_a_run_in_this_process_takes_what_json_cannot_hold() -> None:
    handle, stream = Handle(), iter([1])

    assert params_from_json(InProcess, {"handle": handle, "stream": stream}) == InProcess(
        handle, stream
    )
    assert "expected Handle, got str" in problems({"handle": "x"}, InProcess)["'handle'"]
    with pytest.raises(ParamsError, match=r"'handle'.*cannot be written as JSON"):
        params_to_json(InProcess(handle))


def test_a_subclass_is_the_class() -> None:
    class Holder(NamedTuple):
        size: Size

    Holder.__annotations__["size"] = Size
    assert params_from_json(Holder, {"size": Wide(1)}).size == Wide(1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_nan(value: float) -> None:
    with pytest.raises(ParamsError, match=r"'ratio'.*NaN"):
        params_to_json(Params(1, ratio=value))


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
values = st.recursive(plain, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=5)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*Params._fields, "other"]), values))
def test_any_values_give_params_or_one_error(given_values: dict[str, Any]) -> None:
    try:
        params = params_from_json(Params, given_values)
    except ParamsError:
        return
    assert isinstance(params, Params)
    try:
        written = params_to_json(params)
    except ParamsError:  # NaN, or text that is no text
        return
    assert params_from_json(Params, written) == params
