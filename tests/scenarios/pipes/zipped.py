"""Two independent streams of different length into one function."""

from collections.abc import Iterator

from synaflow_core import pipeline, step


def shorts() -> Iterator[int]:
    yield from (1, 2)


def longs() -> Iterator[str]:
    yield from "abcd"


def pairs(short: int | None, long: str | None) -> str:
    return f"{short}{long}"


def listed(pairs: list[str]) -> list[str]:
    return pairs


p = pipeline(
    "zipped",
    None,
    [
        step("shorts", shorts),
        step("longs", longs),
        step("pairs", pairs),
        step("listed", listed),
    ],
)
