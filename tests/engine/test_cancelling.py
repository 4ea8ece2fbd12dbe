"""A cancelled ``async_run`` closes every stream and leaves no task, whatever it waits for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from synaflow_core import Step, async_run, pipeline, step
from tests.engine.watching import _never_hangs

__all__ = ["_never_hangs"]  # a fixture that every test here uses

opened: list[str] = []
closed: list[str] = []


@contextlib.contextmanager
def scope(name: str) -> Any:
    opened.append(name)
    try:
        yield
    finally:
        closed.append(name)


async def numbers() -> AsyncGenerator[int, None]:
    with scope("numbers"):
        while True:
            yield 1
            await asyncio.sleep(0)


async def passed(numbers: AsyncIterator[int]) -> AsyncGenerator[int, None]:
    with scope("passed"):
        async for number in numbers:
            yield number


async def total(passed: AsyncIterator[int]) -> int:
    with scope("total"):
        return sum([number async for number in passed])


async def idle(numbers: AsyncIterator[int]) -> int:
    with scope("idle"):
        await asyncio.Event().wait()
        return 0


async def stuck(number: int) -> int:
    with scope("stuck"):
        await asyncio.Event().wait()
        return number


async def whole(stuck: list[int]) -> int:
    return len(stuck)


async def inside(number: int) -> int:
    with scope("inside"):
        steps = [step("numbers", numbers), step("passed", passed), step("total", total)]
        await async_run(pipeline("inner", None, steps))
        return number


async def gathered(inside: list[int]) -> int:
    return len(inside)


async def left() -> int:
    return await stuck(1)


async def right() -> int:
    return await stuck(2)


CHAIN = [step("numbers", numbers), step("passed", passed), step("total", total)]
SHAPES: dict[str, list[Step]] = {
    "a chain": CHAIN,
    "a fan": [*CHAIN, step("idle", idle)],
    "items in flight": [CHAIN[0], step("passed", passed, max_in_flight=4), CHAIN[2]],
    "a call": [CHAIN[0], step("stuck", stuck), step("whole", whole)],
    "a run inside": [CHAIN[0], step("inside", inside), step("gathered", gathered)],
    "two workers": [step("left", left), step("right", right)],
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_everything_that_was_opened_is_closed(shape: str) -> None:
    opened.clear()
    closed.clear()

    async def main() -> None:
        made = pipeline("p", None, SHAPES[shape])
        task = asyncio.create_task(async_run(made, workers=2))
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert opened
        assert sorted(closed) == sorted(opened)  # before the loop closes what is left over

    asyncio.run(main())
