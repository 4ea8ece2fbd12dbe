"""Params of types that Dagster's config cannot hold: text, or any value, with a check.

The checks run when the resource of a run's params is made; their rules and words are those with
which the worker reads the same values (:mod:`msgspec`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator


def _readable(kind: str) -> AfterValidator:
    """A check that a text is what a class of the standard library is written as in JSON."""

    def check(value: str) -> str:
        import msgspec

        module, _, name = kind.rpartition(".")
        wanted = getattr(__import__(module), name)
        try:
            msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(check)


IsoDate = Annotated[str, _readable("datetime.date")]
"""A date: ``2024-01-31``."""

IsoDateTime = Annotated[str, _readable("datetime.datetime")]
"""A moment: ``2024-01-31T12:00:00Z``."""

IsoTime = Annotated[str, _readable("datetime.time")]
"""A time of day: ``12:00:00``."""

IsoDuration = Annotated[str, _readable("datetime.timedelta")]
"""A duration: ``PT1H30M``."""

DecimalText = Annotated[str, _readable("decimal.Decimal")]
"""An exact number: ``"10.50"``."""

UuidText = Annotated[str, _readable("uuid.UUID")]
"""A UUID."""


def one_of(*choices: Any) -> AfterValidator:
    """A check that a value is one of some."""

    def check(value: Any) -> Any:
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            raise ValueError(f"it must be one of {', '.join(map(repr, choices))}")
        return value

    return AfterValidator(check)


def matching(pattern: str) -> AfterValidator:
    """A check that a regular expression is found in a text."""
    search: Callable[[str], object] = re.compile(pattern).search

    def check(value: str) -> str:
        if not search(value):
            raise ValueError(f"it must match {pattern!r}")
        return value

    return AfterValidator(check)
