"""A step fails under STOP after a dataset was written: the run fails and names the step."""

from collections.abc import Iterator

from synaflow_core import OnError, pipeline, step


def numbers() -> list[int]:
    return [3, 2, 1, 0]


def inverse(number: int) -> float:
    return 1 / number


def listed(inverse: Iterator[float]) -> list[float]:
    return list(inverse)


p = pipeline(
    "stopped",
    None,
    [
        step("numbers", numbers),
        step("inverse", inverse, on_error=OnError.STOP),
        step("listed", listed),
    ],
)
