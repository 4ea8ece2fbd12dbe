"""Streams and lists without a single item."""

from collections.abc import Iterator

from synaflow_core import pipeline, step


def nothing() -> Iterator[int]:
    yield from ()


def doubled(nothing: int) -> int:
    return nothing * 2


def listed(doubled: list[int]) -> list[int]:
    return doubled


def size(listed: list[int]) -> int:
    return len(listed)


p = pipeline(
    "empty",
    None,
    [
        step("nothing", nothing),
        step("doubled", doubled),
        step("listed", listed),
        step("size", size),
    ],
)
