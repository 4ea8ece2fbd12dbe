"""The self-describing form of values without parts: numbers, text, bytes, times, ids.

A value of JSON is itself; all else is ``[tag, ...]``. Used by :mod:`.tagged`.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

_NAN = struct.pack(">d", math.nan)


class NoTagError(Exception):
    """A value that has no self-describing form.

    Attributes:
        path: Where it is, from the value that was to be tagged.
        value: What cannot be written.
    """

    def __init__(self, path: str, value: Any) -> None:
        self.path = path
        self.value = value
        super().__init__(path)


def _int(value: int) -> Any:
    return value if -(2**63) <= value < 2**64 else ["int", hex(value)]


def _int_of(text: str) -> int:
    return int(text, 16)


def _float(value: float) -> Any:
    if math.isfinite(value):
        return value
    if math.isinf(value):
        return ["float", "inf" if value > 0 else "-inf"]
    bits = struct.pack(">d", value)
    return ["float", "nan" if bits == _NAN else bits.hex()]


def _float_of(text: str) -> float:
    if len(text) <= len("-inf"):
        return float(text)
    value: float = struct.unpack(">d", bytes.fromhex(text))[0]
    return value


def _str(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:  # lone surrogates, as in file names that are not UTF-8
        return ["str", _base64(value.encode("utf-8", "surrogatepass"))]
    return value


def _str_of(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogatepass")


def _base64(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode()


def _bytearray_of(text: str) -> bytearray:
    return bytearray(base64.b64decode(text))


def _timedelta(value: timedelta) -> Any:
    return ["timedelta", value.days, value.seconds, value.microseconds]


def _moment(value: datetime | time) -> Any:
    """A datetime or time: its text, ``fold``, which the text leaves out, and its zone."""
    text = value.replace(tzinfo=None, fold=0).isoformat()
    try:
        zone = None if value.tzinfo is None else tag_leaf(value.tzinfo)
    except KeyError:
        raise NoTagError(".tzinfo", value.tzinfo) from None
    return [type(value).__name__, text, value.fold, zone]


def _datetime_of(text: str, fold: int, zone: Any) -> datetime:
    return datetime.fromisoformat(text).replace(fold=fold, tzinfo=untag_leaf(zone))


def _time_of(text: str, fold: int, zone: Any) -> time:
    return time.fromisoformat(text).replace(fold=fold, tzinfo=untag_leaf(zone))


def _timezone(zone: timezone) -> Any:
    offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
    return ["timezone", *_timedelta(offset)[1:], *map(_str, name)]


def _timezone_of(days: int, seconds: int, microseconds: int, *name: Any) -> tzinfo:
    return timezone(timedelta(days, seconds, microseconds), *map(untag_leaf, name))


def _zoneinfo(zone: ZoneInfo) -> Any:
    # One that was read from a file of its own has a key too, but may hold other rules.
    if repr(zone) != f"zoneinfo.ZoneInfo(key={zone.key!r})":
        raise NoTagError("", zone)
    return ["ZoneInfo", zone.key]


def tag_leaf(value: Any) -> Any:
    """The JSON of a value.

    Raises:
        KeyError: It is of no type that this module knows.
        NoTagError: It is, and cannot be written all the same.
    """
    return TAG[type(value)](value)


def untag_leaf(node: Any) -> Any:
    """The value again.

    Raises:
        Exception: The node is not one that :func:`tag_leaf` makes.
    """
    return UNTAG[node[0]](*node[1:]) if isinstance(node, list) else node


TAG: dict[type[Any], Callable[[Any], Any]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    int: _int,
    float: _float,
    str: _str,
    bytes: lambda value: ["bytes", _base64(value)],
    bytearray: lambda value: ["bytearray", _base64(value)],
    complex: lambda value: ["complex", _float(value.real), _float(value.imag)],
    range: lambda value: ["range", _int(value.start), _int(value.stop), _int(value.step)],
    date: lambda value: ["date", value.isoformat()],
    datetime: _moment,
    time: _moment,
    timedelta: _timedelta,
    timezone: _timezone,
    ZoneInfo: _zoneinfo,
    Decimal: lambda value: ["Decimal", str(value)],
    UUID: lambda value: ["UUID", value.hex],
}
"""Exact type -> what writes its values."""

UNTAG: dict[str, Callable[..., Any]] = {
    "int": _int_of,
    "float": _float_of,
    "str": _str_of,
    "bytes": base64.b64decode,
    "bytearray": _bytearray_of,
    "complex": lambda *parts: complex(*map(untag_leaf, parts)),
    "range": lambda *parts: range(*map(untag_leaf, parts)),
    "date": date.fromisoformat,
    "datetime": _datetime_of,
    "time": _time_of,
    "timedelta": timedelta,
    "timezone": _timezone_of,
    "ZoneInfo": ZoneInfo,
    "Decimal": Decimal,
    "UUID": UUID,
}
"""Tag -> what reads the rest of the node."""
