"""When windows begin and end: every hour, day, week or month, on the wall clock of a time zone.

A window is what lies between two ticks of a schedule, so that it is the data interval of Airflow
and the partition of Dagster. It may begin later than midnight: a day from two to two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from synaflow_export.options.schedule import as_cron

Unit = Literal["hour", "day", "week", "month"]

UNITS: dict[Unit, str] = {
    "hour": "0 * * * *",
    "day": "0 0 * * *",
    "week": "0 0 * * 0",
    "month": "0 0 1 * *",
}
"""Unit -> its schedule when none is given."""

_SHAPES: dict[Unit, tuple[bool, ...]] = {  # which of minute, hour, day, month, weekday are fixed
    "hour": (True, False, False, False, False),
    "day": (True, True, False, False, False),
    "week": (True, True, False, False, True),
    "month": (True, True, True, False, False),
}
_WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "7": 0}
_LAST_SAFE_DAY = 28  # every month has it


@dataclass(frozen=True)
class Window:
    """A span of time, both ends with a time zone; the end is not part of it."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Calendar:
    """Where the windows of a schedule begin and end.

    Attributes:
        unit: How long a window is.
        timezone: The zone on whose wall clock windows begin.
        minute: When they begin; so do the next three.
        hour: Not for hours.
        day: Of the month; only for months.
        weekday: 0 is Sunday; only for weeks.
    """

    unit: Unit
    timezone: str = "UTC"
    minute: int = 0
    hour: int = 0
    day: int = 1
    weekday: int = 0

    @classmethod
    def of(cls, unit: Unit, schedule: str | None, timezone: str = "UTC") -> Calendar:
        """The calendar of a schedule that ticks once per window.

        Args:
            unit: Length of a window.
            schedule: Cron expression or preset; None: windows begin on the hour or at midnight.
            timezone: Name of the zone.

        Raises:
            ValueError: The schedule does not tick exactly once per window; says what would.
        """
        parts = as_cron(schedule or UNITS[unit]).lower().split()
        fixed = tuple(part != "*" for part in parts)
        plain = [_WEEKDAYS.get(part, part) for part in parts]
        numbers = [int(part) if str(part).isdecimal() else None for part in plain]
        single = all(n is not None for n, is_fixed in zip(numbers, fixed, strict=True) if is_fixed)
        if fixed != _SHAPES[unit] or not single or (numbers[2] or 1) > _LAST_SAFE_DAY:
            raise ValueError(
                f"schedule {schedule!r} does not tick once per {unit}: a window of one {unit} "
                f'needs one like "{UNITS[unit]}"'
            )
        minute, hour, day, _, weekday = numbers
        return cls(unit, timezone, minute or 0, hour or 0, day or 1, weekday or 0)

    def at_or_before(self, moment: datetime) -> datetime:
        """The last tick that is not after a moment (which has a time zone)."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        if self.unit == "hour":  # hours are counted, whatever is done to the clock
            past = timedelta(
                minutes=(local.minute - self.minute) % 60,
                seconds=local.second,
                microseconds=local.microsecond,
            )
            return self._local(moment.astimezone(UTC) - past)
        tick = self._in_unit(local.replace(second=0, microsecond=0, tzinfo=None, fold=0))
        while self._aware(tick) > local:
            tick = self._in_unit(self._shifted(tick, -1))
        return self._aware(tick)

    def ticks_at(self, moment: datetime) -> bool:
        """Whether a window begins at a moment, and so another one ends."""
        return self.at_or_before(moment) == moment

    def next(self, tick: datetime) -> datetime:
        """The tick after a tick."""
        if self.unit == "hour":
            return self._local(tick.astimezone(UTC) + timedelta(hours=1))
        local = tick.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None, fold=0)
        return self._aware(self._in_unit(self._shifted(local, 1)))

    def window_before(self, moment: datetime) -> Window:
        """The last window that is over at a moment: what a scheduled run of that moment covers."""
        end = self.at_or_before(moment)
        return Window(self.at_or_before(end - timedelta(microseconds=1)), end)

    def window_of(self, local: datetime) -> Window:
        """The window that begins in the hour, day, week or month of a time on the wall clock."""
        start = local.replace(minute=self.minute, second=0, microsecond=0)
        tick = self._aware(start if self.unit == "hour" else self._in_unit(start))
        return Window(tick, self.next(tick))

    def windows(self, first: datetime, last: datetime) -> Iterator[Window]:
        """All windows that begin at or after ``first`` and end at or before ``last``.

        Both without a time zone are on the calendar's wall clock.
        """
        zone = ZoneInfo(self.timezone)
        first, last = (m if m.tzinfo else m.replace(tzinfo=zone) for m in (first, last))
        start = self.at_or_before(first)
        if start < first:
            start = self.next(start)
        while (end := self.next(start)) <= last:
            yield Window(start, end)
            start = end

    def _in_unit(self, local: datetime) -> datetime:
        """The tick of the day, week or month that a local time is in."""
        tick = local.replace(minute=self.minute, hour=self.hour)
        if self.unit == "week":
            tick += timedelta(days=self.weekday - tick.isoweekday() % 7)
        if self.unit == "month":
            tick = tick.replace(day=self.day)
        return tick

    def _shifted(self, local: datetime, by: int) -> datetime:
        if self.unit == "month":
            months = local.year * 12 + local.month - 1 + by
            return local.replace(year=months // 12, month=months % 12 + 1, day=1)
        return local + by * timedelta(**{f"{self.unit}s": 1})

    def _aware(self, local: datetime) -> datetime:
        # A time that the clock skips exists only as the one that it is set to.
        return self._local(local.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC))

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.timezone))
