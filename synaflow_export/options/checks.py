"""Which values of options make sense. Each check returns what is wrong and what to do about it.

A check sees one value of any type, because values come from flags, TOML files and Python alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta

from synaflow_export.options.credentials import CREDENTIAL, holds_credential
from synaflow_export.options.duration import duration
from synaflow_export.options.schedule import PRESETS, first_moment, is_known_zone, is_schedule

Trouble = tuple[str, str] | None
"""What is wrong (``it must be ...``) and what to do about it; None when nothing is."""

Check = Callable[[object], Trouble]

_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")


def schedule(value: object) -> Trouble:
    """A cron expression of five fields, or a preset."""
    if isinstance(value, str) and is_schedule(value):
        return None
    return (
        "it must be a cron expression of five fields or one of " + ", ".join(sorted(PRESETS)),
        'for example "0 2 * * *" for every night at two',
    )


def timezone(value: object) -> Trouble:
    """The name of a time zone."""
    if isinstance(value, str) and _ZONE.fullmatch(value) and is_known_zone(value):
        return None
    return "it must be the name of a time zone", "for example UTC or Europe/Rome"


def start_date(value: object) -> Trouble:
    """An ISO date, or a time without zone."""
    trouble = "it must be an ISO date or a time without zone", "for example 2024-01-01"
    if isinstance(value, str):
        try:
            value = first_moment(value)
        except ValueError:
            return trouble
    if not isinstance(value, date) or (isinstance(value, datetime) and value.tzinfo):
        return trouble
    return None


def flag(value: object) -> Trouble:
    """True or false."""
    return None if isinstance(value, bool) else ("it must be true or false", "use true or false")


def count(least: int) -> Check:
    """A whole number of at least ``least``."""

    def check(value: object) -> Trouble:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return None
        return f"it must be a whole number of at least {least}", "give such a number"

    return check


def factor(value: object) -> Trouble:
    """A number of at least one."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < 1000:
        return None
    return "it must be a number of at least 1", "2 doubles, 1 changes nothing"


def span(value: object) -> Trouble:
    """A duration."""
    if isinstance(value, str | int | float | timedelta) and not isinstance(value, bool):
        try:
            duration(value)
        except (ValueError, OverflowError):
            pass
        else:
            return None
    return "it must be seconds or a duration", "for example 30s, 5m or 1h"


def text(value: object) -> Trouble:
    """A text that is not empty."""
    if isinstance(value, str) and value.strip():
        return None
    return "it must be a text that is not empty", "give a name"


def matching(pattern: str, wanted: str, hint: str) -> Check:
    """A text that a regular expression matches as a whole."""
    compiled = re.compile(pattern)

    def check(value: object) -> Trouble:
        if isinstance(value, str) and compiled.fullmatch(value):
            return None
        return f"it must be {wanted}", hint

    return check


def one_of(choices: Collection[str]) -> Check:
    """One of some words."""

    def check(value: object) -> Trouble:
        if value in choices:
            return None
        return f"it must be one of {', '.join(choices)}", "choose one of these"

    return check


def texts(longest: int = 100) -> Check:
    """Several texts, none empty."""

    def check(value: object) -> Trouble:
        if isinstance(value, list | tuple) and all(
            isinstance(one, str) and 0 < len(one) <= longest for one in value
        ):
            return None
        return f"they must be texts of at most {longest} characters", "shorten or remove one"

    return check


def pairs(read: Callable[[tuple[str, ...]], object]) -> Check:
    """Several texts that ``read`` can read together; it raises a ValueError if it cannot."""

    def check(value: object) -> Trouble:
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            return "they must be texts like NAME=VALUE", "give each as NAME=VALUE"
        try:
            read(tuple(value))
        except ValueError as error:
            return str(error), "give each as NAME=VALUE"
        return None

    return check


def store(value: object) -> Trouble:
    """A URL or path without a credential in it."""
    if not isinstance(value, str) or not value.strip():
        return "it must be a URL or a path", "for example s3://bucket/synaflow"
    return CREDENTIAL if holds_credential(value) else None
