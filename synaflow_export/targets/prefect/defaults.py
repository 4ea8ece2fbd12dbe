"""Defaults of parameters as values of their types, and the types that JSON writes as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec

from synaflow_export.text.pylayout import Node, call, value

FORMATS: dict[str, type] = {
    "date": date,
    "date-time": datetime,
    "time": time,
    "duration": timedelta,
    "decimal": Decimal,
    "uuid": UUID,
}
"""Format of a text -> the class of its value."""

Imports = Callable[[str, str], Any]


def typed_default(schema: Any, default: Any, imports: Imports) -> Node | None:
    """A scalar default as a value of its type; None if it is neither that nor a plain scalar.

    Only what a linter accepts as a default: text, numbers and what cannot be changed.
    """
    if default is None or isinstance(default, bool | int | float):
        return value(default)
    if not isinstance(default, str):
        return None
    kind = FORMATS.get(_format(schema))
    if kind is None:
        return value(default)
    try:
        found: Any = msgspec.convert(default, kind)
    except (msgspec.ValidationError, ValueError, InvalidOperation):
        return None
    written = _written(found)
    if written is not None:
        imports(kind.__module__, kind.__name__)
    return written


def _written(moment: Any) -> Node | None:
    if isinstance(moment, datetime):
        if moment.tzinfo is not None or moment.microsecond:
            return None
        parts = [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second]
        return call("datetime", [value(part) for part in parts])
    if isinstance(moment, date):
        return call("date", [value(moment.year), value(moment.month), value(moment.day)])
    if isinstance(moment, timedelta):
        return call("timedelta", named={"seconds": value(moment.total_seconds())})
    if isinstance(moment, Decimal):
        return call("Decimal", [value(str(moment))])
    return None


def _format(schema: Any) -> str:
    """The format of a schema, also where it may be null as well."""
    if not isinstance(schema, Mapping):
        return ""
    some = [c for c in _choices(schema) if isinstance(c, Mapping) and c.get("type") != "null"]
    return str(some[0].get("format", "")) if len(some) == 1 else ""


def _choices(schema: Mapping[str, Any]) -> Iterator[Any]:
    choices = schema.get("anyOf")
    yield from choices if isinstance(choices, list) else [schema]
