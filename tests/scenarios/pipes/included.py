"""One pipeline inside another, twice, with other params each time."""

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core import include, pipeline, step


@dataclass(frozen=True)
class Cleaning:
    rows: list[str]
    lower: bool = False


def stripped(rows: list[str]) -> list[str]:
    return [row.strip() for row in rows]


def cased(stripped: list[str], lower: bool) -> list[str]:
    return [row.lower() if lower else row for row in stripped]


cleaning = pipeline(
    "cleaning", Cleaning, [step("stripped", stripped), step("cased", cased)], exports="cased"
)


def left_rows() -> list[str]:
    return [" A ", "B"]


def right_rows() -> Iterator[str]:
    yield from ("c ", " D")


def clean_left(left_rows: list[str]) -> Cleaning:
    return Cleaning(left_rows)


def clean_right(right_rows: list[str]) -> Cleaning:
    return Cleaning(right_rows, lower=True)


def merged(left: list[str], right: list[str]) -> list[str]:
    return left + right


p = pipeline(
    "included",
    None,
    [
        step("left_rows", left_rows),
        step("right_rows", right_rows),
        include("left", clean_left, cleaning),
        include("right", clean_right, cleaning),
        step("merged", merged),
    ],
)
