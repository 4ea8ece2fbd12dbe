"""Where windows begin and end, held against plain arithmetic and against what clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaflow_export.windows.calendar import UNITS, Calendar

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["UTC", "Europe/Rome", "America/New_York", "Asia/Kolkata"])


def starts(unit: str, first: datetime, last: datetime, *, schedule: str | None = None) -> list[str]:
    calendar = Calendar.of(unit, schedule, "Europe/Rome")  # type: ignore[arg-type]  # a text of the test
    return [window.start.isoformat() for window in calendar.windows(first, last)]


@given(MOMENTS, st.sampled_from(sorted(UNITS)), ZONES)
def test_windows_follow_each_other_without_gap_or_overlap(
    moment: datetime, unit: str, zone: str
) -> None:
    calendar = Calendar.of(unit, None, zone)  # type: ignore[arg-type]  # a text of the test
    window = calendar.window_before(moment)
    assert window.start < window.end <= moment
    assert calendar.next(window.start) == window.end
    assert calendar.next(window.end) > moment
    assert calendar.window_before(window.end) == window


def test_a_day_may_begin_later_than_midnight() -> None:
    first, last = datetime(2026, 6, 1), datetime(2026, 6, 4)
    assert starts("day", first, last, schedule="30 2 * * *") == [
        "2026-06-01T02:30:00+02:00",
        "2026-06-02T02:30:00+02:00",
    ]


def test_days_on_which_the_clock_is_set_are_shorter_and_longer() -> None:
    calendar = Calendar.of("day", "@daily", "Europe/Rome")
    (short,) = calendar.windows(datetime(2026, 3, 29), datetime(2026, 3, 30))
    (long,) = calendar.windows(datetime(2026, 10, 25), datetime(2026, 10, 26))
    assert short.end.astimezone(UTC) - short.start.astimezone(UTC) == timedelta(hours=23)
    assert long.end.astimezone(UTC) - long.start.astimezone(UTC) == timedelta(hours=25)


def test_every_hour_comes_once_when_the_clock_is_set() -> None:
    for day, hours in ((datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)):
        calendar = Calendar.of("hour", None, "Europe/Rome")
        windows = list(calendar.windows(day, day + timedelta(days=1)))
        spans = {w.end.astimezone(UTC) - w.start.astimezone(UTC) for w in windows}
        assert (len(windows), spans) == (hours, {timedelta(hours=1)})


def test_weeks_and_months() -> None:
    assert starts("week", datetime(2026, 1, 1), datetime(2026, 1, 20), schedule="0 4 * * mon") == [
        "2026-01-05T04:00:00+01:00",
        "2026-01-12T04:00:00+01:00",
    ]
    assert starts("month", datetime(2026, 1, 1), datetime(2026, 4, 1)) == [
        "2026-01-01T00:00:00+01:00",
        "2026-02-01T00:00:00+01:00",
        "2026-03-01T00:00:00+01:00",
    ]


def test_a_span_that_is_no_whole_window_has_none() -> None:
    assert starts("day", datetime(2026, 6, 1, 1), datetime(2026, 6, 2, 23)) == []
    assert starts("day", datetime(2026, 6, 2), datetime(2026, 6, 1)) == []


def test_moments_of_other_zones_are_understood() -> None:
    calendar = Calendar.of("day", None, "Europe/Rome")
    first = datetime(2026, 6, 1, tzinfo=ZoneInfo("Europe/Rome")).astimezone(UTC)
    (window,) = calendar.windows(first, first + timedelta(days=1))
    assert window.start == first


@pytest.mark.parametrize(
    ("unit", "schedule"),
    [
        ("day", "0 * * * *"),
        ("day", "0 2 * * 1-5"),
        ("day", "*/5 2 * * *"),
        ("hour", "0 2 * * *"),
        ("week", "0 0 * * *"),
        ("month", "0 0 31 * *"),
        ("month", "0 0 1 1 *"),
    ],
)
def test_a_schedule_that_does_not_tick_once_per_window(unit: str, schedule: str) -> None:
    with pytest.raises(ValueError, match=f"does not tick once per {unit}"):
        Calendar.of(unit, schedule)  # type: ignore[arg-type]  # a text of the test
