"""When a pipeline runs by itself: cron expressions, presets, time zones, first moments."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = frozenset({*_MONTHS, *_DAYS})


def is_schedule(text: str) -> bool:
    """Whether a text is a cron expression of five fields or one of the presets."""
    parts = text.split()
    return text in PRESETS or (
        len(parts) == len(_RANGES)
        and all(
            _is_field(part, low, high) for part, (low, high) in zip(parts, _RANGES, strict=True)
        )
    )


def as_cron(text: str) -> str:
    """The schedule as a cron expression, for orchestrators that know no presets."""
    return PRESETS.get(text, text)


def _is_field(text: str, low: int, high: int) -> bool:
    for part in text.lower().split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and step.isascii() and int(step) > 0):
            return False
        first, dash, last = span.partition("-")
        ends = [first, last] if dash else [] if span == "*" else [first]
        for end in ends:
            number = end.isascii() and end.isdecimal() and low <= int(end) <= high
            if not number and end not in _NAMES:
                return False
    return True


def is_known_zone(name: str) -> bool:
    """Whether there is such a time zone; true for any where the machine has no database of them.

    A machine without one can export all the same: the workers have one.
    """
    known = zoneinfo.available_timezones()
    return not known or name in known


def first_moment(given: str | date) -> datetime:
    """An ISO date or time, as a naive time in the zone of the schedule.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(given, datetime):
        return given
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day)
    return datetime.fromisoformat(given)
