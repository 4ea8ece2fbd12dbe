"""Which values come back unchanged from JSON when nothing is known of their type."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timezone, tzinfo
from typing import Any

_SCALARS = frozenset({type(None), bool, int, str})


def plain_any(values: Iterable[Any]) -> bool:
    """All of them are made of JSON's own types only: no tuple, no set, no ``nan``, no subclass."""
    for value in values:
        cls = type(value)
        if cls in _SCALARS:
            continue
        if cls is float:
            if value - value != 0.0:  # nan, inf
                return False
        elif cls is dict:
            for key in value:
                if type(key) is not str:
                    return False
            if not plain_any(value.values()):
                return False
        elif cls is not list or not plain_any(value):
            return False
    return True


def plain_zone(zone: tzinfo) -> bool:
    """A fixed offset of whole minutes without a name of its own: ``+05:30`` says all of it."""
    if type(zone) is not timezone:
        return False
    offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
    return not name and not offset.microseconds and not offset.seconds % 60
