"""Coroutine functions and async generators, with a drop."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    count: int = 5


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def inverse(number: int) -> float:
    return round(12 / number, 3)


async def listed(inverse: list[float]) -> list[float]:
    return inverse


async def total(listed: list[float]) -> float:
    return sum(listed)


p = pipeline(
    "async_linear",
    Params,
    [
        step("numbers", numbers),
        step("inverse", inverse),
        step("listed", listed),
        step("total", total),
    ],
)
