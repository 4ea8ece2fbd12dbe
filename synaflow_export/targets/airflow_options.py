"""What can be chosen when a pipeline is exported to Airflow, and which values make sense.

All of it ends up as constants in the block of the DAG file that its owner may edit.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from synaflow_core.errors import Problem
from synaflow_export.target import TargetOptions

_LEGAL_ID = re.compile(r"[A-Za-z0-9_.-]{1,250}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?", re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PRESETS = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"})
_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_NAMES = frozenset({*_MONTHS, *_DAYS})


@dataclass(frozen=True)
class AirflowOptions(TargetOptions):
    """Options of the Airflow target.

    A duration is a number of seconds, a text such as ``30s``, ``5m``, ``1.5h``, or a timedelta.

    Attributes:
        dag_id: Id of the DAG; None: the pipeline's name, made legal.
        schedule: Cron expression or preset such as ``@daily``; None: the DAG only runs on demand.
        timezone: Name of the time zone of the schedule and of the start date.
        start_date: First moment that the schedule covers, ISO, without a zone.
        catchup: Run all intervals since the start date.
        max_active_runs: Runs of the DAG that may be active at a time.
        retries: Retries of a task that failed for a passing reason.
        retry_delay: Duration between two tries.
        execution_timeout: Longest duration of one task; None: unlimited.
        owner: Owner shown in Airflow.
        tags: Tags shown in Airflow.
        store: URL under which datasets are stored; None: a folder under Airflow's home.
        airflow_version: Major version of the Airflow that will run the DAG.
    """

    dag_id: str | None = None
    schedule: str | None = None
    timezone: str = "UTC"
    start_date: str | date = "2024-01-01"
    catchup: bool = False
    max_active_runs: int = 1
    retries: int = 2
    retry_delay: str | float | timedelta = "1m"
    execution_timeout: str | float | timedelta | None = None
    owner: str = "airflow"
    tags: tuple[str, ...] = ("synaflow",)
    store: str | None = None
    airflow_version: str = "3"

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build the options; see :meth:`TargetOptions.from_mapping`."""
        options = super().from_mapping(values)
        return replace(options, tags=tuple(options.tags))

    @property
    def start(self) -> datetime:
        """The start date as a naive time in ``timezone``."""
        given = self.start_date
        if isinstance(given, datetime):
            return given
        if isinstance(given, date):
            return datetime(given.year, given.month, given.day)
        return datetime.fromisoformat(given)

    def changed(self) -> Iterator[tuple[str, Any]]:
        """Yield name and value of each option that is not at its default, in field order."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value != entry.default:
                yield entry.name, value

    def problems(self) -> Iterator[Problem]:
        """Yield a problem for each value that Airflow would not accept."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            trouble = None if value is None and name in _MAY_BE_NONE else check(value)
            if trouble:
                message, hint = trouble
                yield Problem(
                    where="options",
                    subject=f"option '{name}'",
                    code="bad-option",
                    message=f"{message}, got {value!r}" if name != "store" else message,
                    hint=hint,
                )


def duration(value: str | float | timedelta) -> timedelta:
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


Trouble = tuple[str, str] | None
"""What is wrong (``it must be ...``) and what to do about it; None when nothing is."""


def _dag_id(value: object) -> Trouble:
    if isinstance(value, str) and _LEGAL_ID.fullmatch(value):
        return None
    return (
        "it must be 1 to 250 ASCII letters, digits, '_', '-' or '.'",
        "choose another id with --id",
    )


def _schedule(value: object) -> Trouble:
    if isinstance(value, str) and (value in _PRESETS or _is_cron(value)):
        return None
    return (
        "it must be a cron expression of five fields or one of " + ", ".join(sorted(_PRESETS)),
        'for example "0 2 * * *" for every night at two',
    )


def _is_cron(text: str) -> bool:
    parts = text.split()
    return len(parts) == len(_CRON_RANGES) and all(
        _is_cron_field(part, low, high)
        for part, (low, high) in zip(parts, _CRON_RANGES, strict=True)
    )


def _is_cron_field(text: str, low: int, high: int) -> bool:
    for part in text.lower().split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and step.isascii() and int(step) > 0):
            return False
        first, dash, last = span.partition("-")
        ends = [first, last] if dash else [] if span == "*" else [first]
        for end in ends:
            number = end.isascii() and end.isdecimal() and low <= int(end) <= high
            if not number and end not in _CRON_NAMES:
                return False
    return True


def _timezone(value: object) -> Trouble:
    trouble = "it must be the name of a time zone", "for example UTC or Europe/Rome"
    if not isinstance(value, str) or not _ZONE.fullmatch(value):
        return trouble
    known = zoneinfo.available_timezones()
    # A machine without a time zone database can export all the same: the workers have one.
    return trouble if known and value not in known else None


def _start_date(value: object) -> Trouble:
    trouble = "it must be an ISO date or a time without zone", "for example 2024-01-01"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return trouble
    if not isinstance(value, date) or (isinstance(value, datetime) and value.tzinfo):
        return trouble
    return None


def _flag(value: object) -> Trouble:
    return None if isinstance(value, bool) else ("it must be true or false", "use true or false")


def _count(least: int) -> Any:
    def check(value: object) -> Trouble:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return None
        return f"it must be a whole number of at least {least}", "give such a number"

    return check


def _duration(value: object) -> Trouble:
    if isinstance(value, str | int | float | timedelta) and not isinstance(value, bool):
        try:
            duration(value)
        except (ValueError, OverflowError):
            pass
        else:
            return None
    return "it must be seconds or a duration", "for example 30s, 5m or 1h"


def _text(value: object) -> Trouble:
    if isinstance(value, str) and value.strip():
        return None
    return "it must be a text that is not empty", "give a name"


def _tags(value: object) -> Trouble:
    if isinstance(value, list | tuple) and all(
        isinstance(tag, str) and 0 < len(tag) <= 100 for tag in value
    ):
        return None
    return "they must be texts of at most 100 characters", "shorten or remove a tag"


def _store(value: object) -> Trouble:
    if not isinstance(value, str) or not value.strip():
        return "it must be a URL or a path", "for example s3://bucket/synaflow"
    parts = urlsplit(value)
    query = parts.query.lower()
    if parts.password or any(word in query for word in ("secret", "password", "token", "key=")):
        return (
            "the URL holds a credential, and generated files are no place for one",
            "remove it: workers read credentials from their environment, and SYNAFLOW_STORE "
            "there may hold the whole URL",
        )
    return None


def _version(value: object) -> Trouble:
    if str(value) == "3" or str(value).startswith("3."):
        return None
    return "only Airflow 3 is supported", "use --airflow-version 3"


_MAY_BE_NONE = frozenset({"dag_id", "schedule", "execution_timeout", "store"})
_CHECKS: dict[str, Any] = {
    "dag_id": _dag_id,
    "schedule": _schedule,
    "timezone": _timezone,
    "start_date": _start_date,
    "catchup": _flag,
    "max_active_runs": _count(1),
    "retries": _count(0),
    "retry_delay": _duration,
    "execution_timeout": _duration,
    "owner": _text,
    "tags": _tags,
    "store": _store,
    "airflow_version": _version,
}
