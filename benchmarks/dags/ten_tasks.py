"""Ten steps that hand each other one value: ten macro-tasks, the same DAG as by_hand.py."""

from __future__ import annotations

from typing import NamedTuple

from synaflow_core import pipeline, step


class Params(NamedTuple):
    """Where to begin."""

    count: int = 1


def t0(count: int) -> int:
    """First value."""
    return count


def t1(t0: int) -> int:
    """One more."""
    return t0 + 1


def t2(t1: int) -> int:
    """One more."""
    return t1 + 1


def t3(t2: int) -> int:
    """One more."""
    return t2 + 1


def t4(t3: int) -> int:
    """One more."""
    return t3 + 1


def t5(t4: int) -> int:
    """One more."""
    return t4 + 1


def t6(t5: int) -> int:
    """One more."""
    return t5 + 1


def t7(t6: int) -> int:
    """One more."""
    return t6 + 1


def t8(t7: int) -> int:
    """One more."""
    return t7 + 1


def t9(t8: int) -> int:
    """One more."""
    return t8 + 1


ten_tasks = pipeline(
    "ten_tasks", Params, [step(fn.__name__, fn) for fn in (t0, t1, t2, t3, t4, t5, t6, t7, t8, t9)]
)
