"""A generator that fails in the middle: consumers keep what came before, the step is failed."""

from collections.abc import Iterator

from synaflow_core import pipeline, step


def numbers() -> Iterator[int]:
    yield 1
    yield 2
    raise OSError("the source went away")


def doubled(number: int) -> int:
    return number * 2


def listed(doubled: list[int]) -> list[int]:
    return doubled


p = pipeline(
    "broken_generator",
    None,
    [step("numbers", numbers), step("doubled", doubled), step("listed", listed)],
)
