"""Three functions of one item each; the middle one drops some."""

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    words: list[str]


def words(words: list[str]) -> Iterator[str]:
    yield from words


def number(word: str) -> int:
    return int(word)


def inverse(number: int) -> float:
    return 1 / number


def rounded(inverse: float) -> float:
    return round(inverse, 3)


p = pipeline(
    "each_chain",
    Params,
    [
        step("words", words),
        step("number", number),
        step("inverse", inverse),
        step("rounded", rounded, force_materialize=True),
    ],
)
