"""Durations as people write them: seconds, ``30s``, ``5m``, ``1.5h``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta

Duration = str | float | timedelta

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(value: Duration) -> timedelta:
    """Read a duration: seconds, ``90s``, ``5m``, ``1.5h``, ``2d`` or a timedelta.

    Raises:
        ValueError: If it is none, or negative.
    """
    if isinstance(value, timedelta):
        found = value
    elif isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is not a duration")
        found = timedelta(**{_UNITS[(match[2] or "s").lower()]: float(match[1])})
    else:
        found = timedelta(seconds=value)
    if found < timedelta(0):
        raise ValueError("a duration cannot be negative")
    return found


def seconds(value: Duration) -> float:
    """The duration in seconds, whole where it is whole."""
    found = duration(value).total_seconds()
    return int(found) if found == int(found) else found
