"""Too many items of an EACH step fail: the run fails when all have been tried."""

from dataclasses import dataclass

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    words: list[str]


def words(words: list[str]) -> list[str]:
    return words


def number(word: str) -> int:
    return int(word)


def total(number: list[int]) -> int:
    return sum(number)


p = pipeline(
    "threshold",
    Params,
    [
        step("words", words),
        step("number", number, error_threshold_absolute=2),
        step("total", total),
    ],
)
