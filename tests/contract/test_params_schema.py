"""The JSON Schema of run parameters."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import jsonschema
import pytest
from msgspec import Meta

from synaflow_core.contract import params_schema
from synaflow_core.errors import DefinitionError


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Size:
    """How large."""

    width: int
    height: int = 1


class Everything(NamedTuple):
    """All that a form can show.

    More text.
    """

    count: int
    name: str = "a 'b' {{ c }}"
    ratio: float = 1
    flag: bool = True
    day: dt.date = dt.date(2024, 1, 31)
    at: dt.datetime | None = None
    told: Annotated[dt.datetime | None, Meta(description="When.")] = None
    naive: dt.datetime = dt.datetime(2024, 1, 31)
    aware: dt.datetime = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)
    wait: dt.timedelta = dt.timedelta(minutes=90)
    price: Decimal = Decimal("1.50")
    raw: bytes = b"hi"
    level: Literal["low", "high", "full"] = "low"
    color: Color = Color.RED
    maybe: Color | None = None
    rows: list[dict[str, Any]] = [{"id": 1}]  # noqa: RUF012 - legal, and users write it
    names: frozenset[str] = frozenset({"b", "a", "c"})
    pair: tuple[int, str] = (1, "x")
    size: Size = Size(2)
    bounded: Annotated[int, Meta(ge=1, le=9, description="From 1 to 9.")] = 3
    short: Annotated[str, Meta(max_length=3, pattern="^a")] = "a"
    out: Path = Path("a/b")
    unset: int = None  # type: ignore[assignment]
    large: float = float("inf")


def test_a_named_tuple_is_an_object_with_all_that_a_form_needs() -> None:
    schema = params_schema(Everything)

    assert {name: part for name, part in schema.items() if name != "properties"} == {
        "type": "object",
        "description": "All that a form can show.",
        "required": ["count"],
        "$defs": {
            "Color": {"title": "Color", "enum": ["red", "blue"]},
            "Size": {
                "title": "Size",
                "description": "How large.",
                "type": "object",
                "properties": {
                    "width": {"type": "integer"},
                    "height": {"type": "integer", "default": 1},
                },
                "required": ["width"],
            },
        },
    }
    moment = {"type": "string", "format": "date-time"}
    color = {"$ref": "#/$defs/Color"}
    assert schema["properties"] == {
        "count": {"type": "integer"},
        "name": {"type": "string", "default": "a 'b' {{ c }}"},
        "ratio": {"type": "number", "default": 1},
        "flag": {"type": "boolean", "default": True},
        "day": {"type": "string", "format": "date", "default": "2024-01-31"},
        "at": {"anyOf": [moment, {"type": "null"}], "default": None},
        "told": {"description": "When.", "anyOf": [moment, {"type": "null"}], "default": None},
        "naive": {"type": "string", "default": "2024-01-31T00:00:00"},
        "aware": {**moment, "default": "2024-01-31T00:00:00Z"},
        "wait": {"type": "string", "format": "duration", "default": "PT5400S"},
        "price": {"type": "string", "format": "decimal", "default": "1.50"},
        "raw": {"type": "string", "contentEncoding": "base64", "default": "aGk="},
        "level": {"enum": ["low", "high", "full"], "default": "low"},
        "color": {**color, "default": "red"},
        "maybe": {"anyOf": [color, {"type": "null"}], "default": None},
        "rows": {"type": "array", "items": {"type": "object"}, "default": [{"id": 1}]},
        "names": {
            "type": "array",
            "items": {"type": "string"},
            "uniqueItems": True,
            "default": ["a", "b", "c"],
        },
        "pair": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "items": False,
            "default": [1, "x"],
        },
        "size": {"$ref": "#/$defs/Size", "default": {"width": 2, "height": 1}},
        "bounded": {
            "type": "integer",
            "minimum": 1,
            "maximum": 9,
            "description": "From 1 to 9.",
            "default": 3,
        },
        "short": {"type": "string", "maxLength": 3, "pattern": "^a", "default": "a"},
        "out": {"type": "string", "format": "path", "default": "a/b"},
        "unset": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "large": {"type": "number"},  # JSON has no infinity: the default stays in Python
    }


def test_it_is_a_json_schema_that_accepts_its_own_defaults() -> None:
    schema = params_schema(Everything)
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {
        name: part["default"] for name, part in schema["properties"].items() if "default" in part
    }

    checker = jsonschema.FormatChecker(["date"])
    jsonschema.validate({"count": 1, **defaults}, schema, format_checker=checker)


def test_no_params() -> None:
    assert params_schema(None) == {"type": "object", "properties": {}, "required": []}


@dataclass
class Described:
    """Settings of a run.

    Attributes:
        host: Where the
            server is.
        port (int): Which port: 80 or 443.
        retries: overridden below
        limit: overridden by Meta

    Returns:
        timeout: not a field description
    """

    host: str
    port: int = 80
    timeout: float = 1.5
    retries: int = 3
    """How often it is tried
    again."""
    limit: Annotated[int, Meta(description="From Meta.")] = 5


def test_descriptions_of_fields() -> None:
    schema = params_schema(Described)

    assert schema["description"] == "Settings of a run."
    assert {name: part.get("description") for name, part in schema["properties"].items()} == {
        "host": "Where the server is.",
        "port": "Which port: 80 or 443.",
        "timeout": None,
        "retries": "How often it is tried again.",
        "limit": "From Meta.",
    }


def test_texts_that_python_writes_are_no_descriptions() -> None:
    class Plain(NamedTuple):
        count: int

    @dataclass
    class Data:
        count: int

    assert "description" not in params_schema(Plain)
    assert "description" not in params_schema(Data)


@dataclass
class Factories:
    constant: list[str] = field(default_factory=lambda: ["a", "b"])
    empty: dict[str, int] = field(default_factory=dict)
    today: dt.date = field(default_factory=dt.date.today)
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    computed: int = field(init=False, default=0)


def test_only_defaults_that_are_the_same_tomorrow_are_written() -> None:
    schema = params_schema(Factories)

    assert list(schema["properties"]) == ["constant", "empty", "today", "key"]
    assert schema["required"] == []
    assert schema["properties"]["constant"]["default"] == ["a", "b"]
    assert schema["properties"]["empty"]["default"] == {}
    assert "default" not in schema["properties"]["today"]
    assert "default" not in schema["properties"]["key"]


def test_a_default_is_not_shared_with_the_schema() -> None:
    schema = params_schema(Everything)
    schema["properties"]["rows"]["default"].append("more")

    assert Everything(1).rows == [{"id": 1}]


class Impossible(NamedTuple):
    fine: int
    future: Future[int]
    stream: Iterator[int]
    call: Callable[[int], int]
    either: Size | Described
    wrong: int = "three"  # type: ignore[assignment]


def test_every_field_that_json_cannot_hold_is_named() -> None:
    with pytest.raises(DefinitionError) as raised:
        params_schema(Impossible)

    assert "params class 'Impossible'" in str(raised.value)
    assert [(p.subject, p.code) for p in raised.value.problems] == [
        ("field 'call'", "params-type"),
        ("field 'either'", "params-type"),
        ("field 'future'", "params-type"),
        ("field 'stream'", "params-type"),
        ("field 'wrong'", "params-default"),
    ]
    assert "Future is not a type that JSON can hold" in str(raised.value)
    assert "the default 'three' is no int" in str(raised.value)
