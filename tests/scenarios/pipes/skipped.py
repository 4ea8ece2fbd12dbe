"""A value step fails under CONTINUE: what needs it is skipped, in other tasks, too."""

from synaflow_core import pipeline, step


def rate() -> float:
    raise LookupError("no rate today")


def amounts() -> list[int]:
    return [1, 2, 3]


def priced(amounts: list[int], rate: float) -> list[float]:
    return [amount * rate for amount in amounts]


def count(amounts: list[int]) -> int:
    return len(amounts)


p = pipeline(
    "skipped",
    None,
    [
        step("rate", rate),
        step("amounts", amounts),
        step("priced", priced),
        step("count", count),
    ],
)
