"""A step that cannot run takes nothing from those that can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from synaflow_core import async_run, pipeline, run, step


def broken() -> int:
    raise ValueError("bad")


def numbers() -> Iterator[int]:
    yield from range(3)


def total(numbers: list[int]) -> int:
    return sum(numbers)


def scaled(number: int, broken: int) -> None:
    """Never called: what it needs has failed."""


async def broken_async() -> int:
    raise ValueError("bad")


async def numbers_async() -> AsyncIterator[int]:
    for number in range(3):
        yield number


async def total_async(numbers: list[int]) -> int:
    return sum(numbers)


async def scaled_async(number: int, broken: int) -> None:
    """Never called: what it needs has failed."""


@pytest.mark.parametrize("forced", [True, False], ids=["collected for all", "per branch"])
@pytest.mark.parametrize("asynchronous", [True, False], ids=["async", "sync"])
def test_a_skipped_sibling_leaves_the_collection_of_another_step(
    asynchronous: bool, forced: bool
) -> None:
    p = pipeline(
        "skip",
        None,
        [
            step("broken", broken_async if asynchronous else broken),
            step("numbers", numbers_async if asynchronous else numbers, force_materialize=forced),
            step("scaled", scaled_async if asynchronous else scaled),
            step("total", total_async if asynchronous else total),
        ],
    )
    result = asyncio.run(async_run(p)) if asynchronous else run(p)
    assert result.outputs == {"total": 3}
    assert result.steps["scaled"].status == "skipped"
    assert result.steps["numbers"].ok == 3
