"""Params of every kind on real Airflows: shown as the right field, judged once, by the worker."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from synaflow_core.errors import ParamsError
from tests.targets.airflow.running import DagFolder, in_process, on_both

pytestmark = [pytest.mark.airflow, on_both]

KINDS = """
    import enum
    from dataclasses import dataclass, field
    from datetime import date, datetime, time, timedelta, timezone
    from decimal import Decimal
    from typing import Annotated, Literal, Optional

    from msgspec import Meta

    from synaflow_core import pipeline, step


    class Color(enum.Enum):
        RED = "red"
        BLUE = "blue"


    @dataclass(frozen=True)
    class Limits:
        low: int
        high: int = 10


    @dataclass(frozen=True)
    class Params:
        limits: Limits
        since: datetime = datetime(2024, 1, 2, 3, 4)
        local: Annotated[datetime, Meta(tz=False)] = datetime(2024, 1, 2)
        maybe_local: Annotated[datetime, Meta(tz=False)] | None = None
        at: Optional[datetime] = None
        zoned: datetime = datetime(2024, 1, 2, tzinfo=timezone.utc)
        day: date = date(2024, 1, 2)
        clock: time = time(1, 2, 3)
        span: timedelta = timedelta(hours=1)
        price: Decimal = Decimal("1.50")
        part: Annotated[float, Meta(gt=0, le=1)] = 0.5
        code: Annotated[str, Meta(pattern="^a")] = "abc"
        colors: list[Color] = field(default_factory=list)
        regions: set[Literal["eu", "us"]] = field(default_factory=set)
        times: list[datetime] = field(default_factory=list)
        pair: tuple[str, int] = ("a", 1)


    def facts(
        limits: Limits, since: datetime, local: datetime, maybe_local: Optional[datetime],
        at: Optional[datetime], zoned: datetime, day: date, clock: time, span: timedelta,
        price: Decimal, part: float, code: str, colors: list[Color],
        regions: set[Literal["eu", "us"]], times: list[datetime],
        pair: tuple[str, int],
    ) -> list[str]:
        first = (limits, since, local, maybe_local, at, zoned, day, clock, span, price, part, code)
        return [repr(value) for value in (*first, colors, sorted(regions), times, pair)]


    p = pipeline(name="kinds", params=Params, steps=[step("facts", fn=facts)])
"""

VALUES: dict[str, Any] = {
    "limits": {"low": 1},
    "since": "2025-06-07T08:09:10",
    "local": "2025-06-07T08:09:10.5",
    "maybe_local": "2025-06-07T00:00:00",
    "at": "2025-06-07T08:09:10",
    "zoned": "2025-06-07T08:09:10+02:00",
    "day": "2025-06-07",
    "clock": "08:09:10",
    "span": "PT90S",
    "price": "2.5",
    "part": 1,
    "code": "a",
    "colors": ["blue", "red"],
    "regions": ["us"],
    "pair": ["b", 2],
    "times": ["2025-06-07T08:09:10", "2025-06-07T08:09:10Z"],
}


def test_what_is_given_and_what_is_not_arrives_as_in_process(dags: DagFolder) -> None:
    # With this package Airflow refuses times without a zone, unless a schema keeps it from that.
    assert importlib.util.find_spec("rfc3339_validator")
    exported = dags.export(KINDS)
    for conf in ({"limits": {"low": 1}}, VALUES):
        outcome = dags.run("kinds", conf)
        assert outcome.state == "success", outcome.output
        assert dags.outputs(exported, outcome) == in_process(exported, conf)


def test_a_picker_tells_times_in_utc_and_those_without_a_zone_get_none(dags: DagFolder) -> None:
    exported = dags.export(KINDS)
    picked = "2025-06-07T08:09:10.000Z"
    names = ("since", "local", "maybe_local", "at", "zoned")
    outcome = dags.run("kinds", {"limits": {"low": 1}, **dict.fromkeys(names, picked)})
    assert outcome.state == "success", outcome.output
    facts = dags.outputs(exported, outcome)["facts"]
    without, zoned = "datetime.datetime(2025, 6, 7, 8, 9, 10)", "tzinfo=datetime.timezone.utc)"
    assert facts[1:4] == [without] * 3
    assert [zoned in fact for fact in facts[4:6]] == [True, True]


def test_fields_are_those_that_airflows_form_knows(dags: DagFolder) -> None:
    dags.export(KINDS)
    seen = dags.describe("kinds")["params"]
    schemas = {name: schema for name, (_, schema, _) in seen.items()}
    hidden = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/any",
        "definitions": {"any": {}},
    }
    picker = {"type": "string", "format": "date-time", **hidden}
    assert schemas["since"] == schemas["local"] == schemas["zoned"] == picker
    assert schemas["at"] == schemas["maybe_local"] == {**picker, "type": ["null", "string"]}
    assert seen["since"][0] == "2024-01-02T03:04:00Z"
    assert schemas["day"] == {"type": "string", "format": "date"}
    assert schemas["price"] == {"type": "string", "format": "decimal"}
    assert schemas["part"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    assert schemas["colors"]["examples"] == ["red", "blue"]
    assert schemas["regions"]["examples"] == ["eu", "us"]
    assert schemas["pair"]["items"] == {"type": "integer"}
    assert schemas["limits"]["properties"]["high"] == {"type": "integer", "default": 10}


def test_the_worker_says_what_run_says(dags: DagFolder) -> None:
    """Of values that Airflow lets through, all at once."""
    exported = dags.export(KINDS, retries=2)
    wrong = {
        "limits": {"low": 1, "hihg": 2},
        "since": "yesterday",
        "local": "2025-06-07T08:09:10+02:00",
        "at": "2025-13-01T00:00:00Z",
        "clock": "noon",
        "price": "cheap",
        "times": ["now"],
    }
    with pytest.raises(ParamsError) as caught:
        in_process(exported, wrong)
    assert len(caught.value.problems) == len(wrong)
    outcome = dags.run("kinds", wrong)
    assert outcome.tasks == {"facts": ("failed", 1)}
    told = outcome.output.replace("\\n", "\n").replace('\\"', '"')
    for problem in caught.value.problems:
        assert f"{problem.subject}: {problem.message}" in told
        assert problem.hint in told


def test_airflow_refuses_before_a_run_what_its_form_can_judge(dags: DagFolder) -> None:
    dags.export(KINDS)
    for conf in (
        {},
        {"limits": {}},
        {"part": 0},
        {"part": 1.5},
        {"code": "b"},
        {"colors": ["green"]},
        {"regions": ["us", "us"]},
        {"day": "2025-02-30"},
    ):
        with pytest.raises(ValueError, match="Invalid input for param"):
            dags.run("kinds", {**({"limits": {"low": 1}} if conf else {}), **conf})


MADE = '''
    import enum
    from dataclasses import dataclass, field
    from datetime import date, datetime
    from typing import Literal

    from synaflow_core import pipeline, step


    class Color(enum.Enum):
        RED = "red"
        BLUE = "blue"


    @dataclass(frozen=True)
    class Limits:
        low: int = 3


    @dataclass(frozen=True)
    class Params:
        """Defaults that only a worker can make."""

        limits: Limits = field(default_factory=Limits)
        day: date = field(default_factory=lambda: date.fromisoformat("2024-01-02"))
        at: datetime = field(default_factory=lambda: datetime(2024, 1, 2))
        color: Color = field(default_factory=lambda: Color.BLUE)
        size: int | str = field(default_factory=lambda: int(4))
        either: list[int] | Limits = field(default_factory=lambda: Limits(5))
        region: Literal["eu", "us"] = field(default_factory=lambda: str("us"))
        maybe: int | None = field(default_factory=lambda: int(6))


    def facts(
        limits: Limits, day: date, at: datetime, color: Color, size: int | str,
        either: list[int] | Limits, region: str, maybe: int | None,
    ) -> list[str]:
        return [repr(each) for each in (limits, day, at, color, size, either, region, maybe)]


    p = pipeline("made", Params, [step("facts", facts)])
'''


def test_defaults_that_only_a_worker_can_make(dags: DagFolder) -> None:
    exported = dags.export(MADE)
    for conf in ({}, {"limits": {"low": 4}, "color": "red", "size": "x", "either": [1]}):
        outcome = dags.run("made", conf)
        assert outcome.state == "success", outcome.output
        assert dags.outputs(exported, outcome) == in_process(exported, conf)
    with pytest.raises(ValueError, match="Invalid input for param"):
        dags.run("made", {"color": "green"})
