"""Whether two values are the same for anyone who looks: equal, and of equal types all the way down.

``==`` is not enough: ``1 == True == 1.0``, a ``str`` equals its subclass, times in two zones are
equal, and a dict equals one of another order.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from synaflow_core.handoff.codecs.fields import is_all_attributes, state


def same(a: Any, b: Any) -> bool:
    """Compare structure, values, types and order; objects by what they hold, not by ``==``.

    Raises:
        RecursionError: The values are nested too deep or hold themselves.
    """
    cls = type(a)
    if cls is not type(b):
        return False
    return a is b or _COMPARE.get(cls, _object)(a, b)


def _object(a: Any, b: Any) -> bool:
    """Two different objects of one class that is not listed below."""
    if isinstance(a, Enum):
        return False  # members are single objects, combined flags too
    if isinstance(a, list | tuple):
        return _sequence(a, b) and _state(a, b)
    if isinstance(a, dict):
        return _dict(a, b) and _state(a, b)
    return _state(a, b) and (is_all_attributes(type(a)) or bool(a == b))


def _float(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b and math.copysign(1.0, a) == math.copysign(1.0, b)


def _complex(a: complex, b: complex) -> bool:
    return _float(a.real, b.real) and _float(a.imag, b.imag)


def _sequence(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(map(same, a, b))


def _dict(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(map(same, a, b)) and all(map(same, a.values(), b.values()))


def _defaultdict(a: Any, b: Any) -> bool:
    return a.default_factory is b.default_factory and _dict(a, b)


def _deque(a: Any, b: Any) -> bool:
    return a.maxlen == b.maxlen and _sequence(a, b)


def _set(a: Any, b: Any) -> bool:
    if len(a) != len(b):
        return False
    others = {item: item for item in b}
    return all(item in others and same(item, others[item]) for item in a)


def _datetime(a: datetime, b: datetime) -> bool:
    return a.replace(tzinfo=None) == b.replace(tzinfo=None) and _zone(a, b)


def _time(a: time, b: time) -> bool:
    return a.replace(tzinfo=None) == b.replace(tzinfo=None) and _zone(a, b)


def _zone(a: Any, b: Any) -> bool:
    return (
        a.fold == b.fold
        and type(a.tzinfo) is type(b.tzinfo)
        and (a.tzinfo is b.tzinfo or repr(a.tzinfo) == repr(b.tzinfo))
    )


def _decimal(a: Decimal, b: Decimal) -> bool:
    return a.as_tuple() == b.as_tuple()


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b)


def _state(a: Any, b: Any) -> bool:
    mine, other = state(a), state(b)
    return mine.keys() == other.keys() and all(same(mine[name], other[name]) for name in mine)


_COMPARE: dict[type[Any], Callable[[Any, Any], bool]] = {
    int: _equal,
    str: _equal,
    bytes: _equal,
    UUID: _equal,
    float: _float,
    complex: _complex,
    list: _sequence,
    tuple: _sequence,
    deque: _deque,
    dict: _dict,
    defaultdict: _defaultdict,
    set: _set,
    frozenset: _set,
    datetime: _datetime,
    time: _time,
    Decimal: _decimal,
}
