"""What people write to bind params to windows: ``since=start``."""

from __future__ import annotations

from typing import Literal

Bound = Literal["start", "end"]

BOUNDS: tuple[Bound, ...] = ("start", "end")


def bindings(given: tuple[str, ...]) -> dict[str, Bound]:
    """Read ``since=start`` and the like.

    Raises:
        ValueError: One of them is no such pair.
    """
    found: dict[str, Bound] = {}
    for pair in given:
        name, _, bound = pair.partition("=")
        if not name or bound not in BOUNDS or name in found:
            raise ValueError(f"{pair!r} is not like PARAM=start or PARAM=end, each param once")
        found[name] = "start" if bound == "start" else "end"
    return found
