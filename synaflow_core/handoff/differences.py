"""Where two values differ: the path to the first place, and what is there on both sides.

Fields that a dataclass leaves out of its own comparison (``field(compare=False)``: when something
happened, say) are left out here as well. All else counts, types and order included.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from synaflow_core.handoff.codecs.fields import state
from synaflow_core.handoff.codecs.same import same

__all__ = ["first_difference"]


def first_difference(ours: Any, theirs: Any, path: str = "") -> tuple[str, Any, Any] | None:
    """The first place where two values differ.

    Returns:
        The path from the value to the place (``.rows[3]['id']``; empty for the value itself) and
        what is there; None when the values are the same.
    """
    if same(ours, theirs):
        return None
    parts = _parts(ours, theirs)
    if parts is None:
        return path, ours, theirs
    for step, mine, other in parts:
        found = first_difference(mine, other, path + step)
        if found is not None:
            return found
    return None


def _parts(ours: Any, theirs: Any) -> Iterable[tuple[str, Any, Any]] | None:
    """The parts of two values that can be compared one by one; None where it is all or nothing."""
    cls = type(ours)
    if cls is not type(theirs):
        return None
    if cls in (list, tuple):
        same_shape = len(ours) == len(theirs)
        pairs = enumerate(zip(ours, theirs, strict=False))
        return [(f"[{i}]", *pair) for i, pair in pairs] if same_shape else None
    if cls is dict:
        same_keys = same(list(ours), list(theirs))
        return [(f"[{key!r}]", ours[key], theirs[key]) for key in ours] if same_keys else None
    if dataclasses.is_dataclass(cls):
        mine, other = state(ours), state(theirs)
        for field in dataclasses.fields(cls):
            if not field.compare:
                mine.pop(field.name, None)
                other.pop(field.name, None)
        if mine.keys() == other.keys():
            return [(f".{name}", mine[name], other[name]) for name in mine]
    return None
