"""Which params take the bounds of a window, and what its datasets are called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
import pytest

from synaflow_core import ParamsError, pipeline, step
from synaflow_core.contract import Contract, params_from_json
from synaflow_core.errors import ExportError
from synaflow_export.options.common import CommonOptions
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.windows.binding import WindowSpec, bind_window, without_bound
from synaflow_export.windows.calendar import Window
from synaflow_export.windows.choice import window_of


@dataclass(frozen=True)
class Params:
    since: datetime
    day: date
    until: datetime | None = None
    limit: int = 10


def events(since: datetime, day: date, until: datetime | None, limit: int) -> list[str]:
    return [f"{since} {day} {until} {limit}"]


CONTRACT = Contract.from_json(pipeline("p", Params, [step("events", events)]).contract().to_json())
SCHEMA = CONTRACT.params_schema
SPEC = WindowSpec(
    "day", "0 0 * * *", "Europe/Rome", {"since": "start", "day": "start", "until": "end"}
)
WINDOW = Window(datetime(2026, 6, 1, 22, tzinfo=UTC), datetime(2026, 6, 2, 22, tzinfo=UTC))
BY_HAND = {"since": "2026-06-01T22:00:00Z", "day": "2026-06-02", "until": "2026-06-02T22:00:00Z"}


def bound(given: dict[str, Any], window: Window | None) -> tuple[dict[str, Any], str]:
    return bind_window(SPEC, SCHEMA, CONTRACT.params, given, window, run="r1")


def test_bounds_are_written_as_the_fields_are_typed() -> None:
    values, _ = bound({"limit": 3}, WINDOW)
    assert values == {
        "limit": 3,
        "since": "2026-06-02T00:00:00+02:00",
        "day": "2026-06-02",
        "until": "2026-06-03T00:00:00+02:00",
    }


def test_the_key_is_of_the_values_however_they_are_spelt_and_given() -> None:
    _, by_interval = bound({"since": None}, WINDOW)
    _, by_hand = bound(BY_HAND, None)
    _, next_day = bound({}, Window(WINDOW.end, datetime(2026, 6, 3, 22, tzinfo=UTC)))
    assert by_interval == by_hand
    assert by_interval == ("window.since-20260601T220000Z.day-20260602.until-20260602T220000Z")
    assert next_day != by_hand


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, ["day", "since", "until"]), ({"since": "2026-06-01T00:00:00Z"}, ["day", "until"])],
)
def test_a_run_without_a_window_says_what_to_give(
    given: dict[str, Any], missing: list[str]
) -> None:
    with pytest.raises(ParamsError) as caught:
        bound(given, None)
    told = str(caught.value)
    assert sorted(name for name in SPEC.bind if f"param '{name}'" in told) == missing
    assert "run r1" in told


def test_bound_params_may_be_left_empty_in_a_form() -> None:
    schema = without_bound(SPEC, SCHEMA)
    assert schema["required"] == []
    assert schema["properties"]["since"] == {
        "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
        "description": "Empty: the start of the window.",
        "default": None,
    }
    assert schema["properties"]["limit"] == SCHEMA["properties"]["limit"]
    assert without_bound(None, SCHEMA) == SCHEMA


def test_options_choose_a_window_and_its_schedule() -> None:
    spec = window_of(CommonOptions(window="week", bind=("since=start",), timezone="Europe/Rome"))
    assert spec == WindowSpec("week", "0 0 * * 0", "Europe/Rome", {"since": "start"})
    assert window_of(CommonOptions(schedule="@daily")) is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"window": "day"}, "no param takes the bounds"),
        ({"bind": ("since=start",)}, "there are none"),
        ({"window": "day", "bind": ("since=start",), "schedule": "@weekly"}, "once per day"),
    ],
)
def test_windows_that_make_no_sense(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ExportError, match=told):
        window_of(CommonOptions(**options))


@pytest.mark.parametrize("pair", ["since", "since=middle", "=start"])
def test_a_binding_that_is_no_pair(pair: str) -> None:
    with pytest.raises(ExportError, match="PARAM=start"):
        CommonOptions.from_mapping({"window": "day", "bind": [pair]})


@pytest.mark.parametrize(
    ("name", "told"), [("sinse", "does not exist"), ("limit", "declare it as date")]
)
def test_a_param_that_cannot_take_a_bound(name: str, told: str) -> None:
    spec = WindowSpec("day", "0 0 * * *", "UTC", {name: "start"})
    with pytest.raises(ExportError, match=told):
        make_plan(CONTRACT, PlanOptions(window=spec))


def test_the_plan_tells_workers() -> None:
    plan = make_plan(CONTRACT, PlanOptions(window=SPEC))
    assert type(plan).from_json(plan.to_json()) == plan
    assert plan.window == SPEC


def test_dates_of_an_interval_that_is_none_of_the_plan_are_refused() -> None:
    """Somebody has edited the time zone in the generated file, but the plan knows another one."""
    elsewhere = Window(datetime(2026, 6, 2, tzinfo=UTC), datetime(2026, 6, 3, tzinfo=UTC))
    with pytest.raises(ParamsError, match=r"'day'.* is no day of the plan"):
        bound({}, elsewhere)


@dataclass(frozen=True)
class Naive:
    since: Annotated[datetime, msgspec.Meta(tz=False)]
    until: datetime = datetime(2024, 1, 1)


def test_times_without_a_zone_are_the_wall_clock_of_the_schedule() -> None:
    made = pipeline("p", Naive, [step("events", lambda since, until: f"{since} {until}")])
    contract = Contract.from_json(made.contract().to_json())
    spec = WindowSpec("day", "0 0 * * *", "Europe/Rome", {"since": "start", "until": "end"})
    schema, types = contract.params_schema, contract.params
    values, key = bind_window(spec, schema, types, {}, WINDOW, run="r1")
    assert values == {"since": "2026-06-02T00:00:00", "until": "2026-06-03T00:00:00"}
    params_from_json(Naive, values)
    with pytest.raises(ParamsError, match=r"text such as 2024-01-31T12:30:00$"):
        params_from_json(Naive, {**values, "since": "2026-06-02T00:00:00Z"})
    by_hand = {"since": "2026-06-02 00:00", "until": "2026-06-03 00:00"}
    assert bind_window(spec, schema, types, by_hand, None, run="r1")[1] == key
