"""Ten steps that stream a million small records to a sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

from synaflow_core import pipeline, step


class Row(TypedDict):
    """One record."""

    id: int
    amount: int
    label: str


@dataclass(frozen=True)
class Params:
    """How many."""

    count: int = 1_000_000


def s0(count: int) -> Iterator[Row]:
    """Make the records."""
    for number in range(count):
        yield {"id": number, "amount": number % 97, "label": "row"}


def s1(s0: Row) -> Row:
    """Add one."""
    return {**s0, "amount": s0["amount"] + 1}


def s2(s1: Row) -> Row:
    """Add two."""
    return {**s1, "amount": s1["amount"] + 2}


def s3(s2: Row) -> Row:
    """Double."""
    return {**s2, "amount": s2["amount"] * 2}


def s4(s3: Row) -> Row:
    """Another label."""
    return {**s3, "label": "odd" if s3["amount"] % 2 else "even"}


def s5(s4: Row) -> Row:
    """Subtract."""
    return {**s4, "amount": s4["amount"] - 3}


def s6(s5: Row) -> Row:
    """Cap."""
    return {**s5, "amount": min(s5["amount"], 150)}


def s7(s6: Row) -> Row:
    """Another label again."""
    return {**s6, "label": s6["label"].upper()}


def s8(s7: Row) -> int:
    """Only the amount."""
    return s7["amount"]


def s9(s8: Iterator[int]) -> int:
    """Add all up."""
    return sum(s8)


ITEMWISE: tuple[Callable[..., Any], ...] = (s1, s2, s3, s4, s5, s6, s7, s8)
STEPS: tuple[Callable[..., Any], ...] = (s0, *ITEMWISE, s9)

ten_steps = pipeline("ten_steps", Params, [step(fn.__name__, fn) for fn in STEPS])
