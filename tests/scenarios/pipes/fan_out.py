"""One stream, three consumers of different kinds."""

from collections.abc import Iterator

from synaflow_core import pipeline, step


def numbers() -> Iterator[int]:
    yield from range(6)


def squares(number: int) -> int:
    return number * number


def largest(squares: Iterator[int]) -> int:
    return max(squares)


def total(numbers: Iterator[int]) -> int:
    return sum(numbers)


def first(numbers: Iterator[int]) -> int:
    for number in numbers:
        return number
    raise ValueError("no numbers")


p = pipeline(
    "fan_out",
    None,
    [
        step("numbers", numbers),
        step("squares", squares),
        step("largest", largest),
        step("total", total),
        step("first", first),
    ],
)
