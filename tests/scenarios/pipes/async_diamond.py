"""Branches of an async stream, joined by source item, and tasks in flight."""

import asyncio
from collections.abc import AsyncIterator

from synaflow_core import pipeline, step


async def numbers() -> AsyncIterator[int]:
    for number in range(6):
        yield number


async def even(number: int) -> int:
    if number % 2:
        raise ValueError("odd")
    return number


async def named(number: int) -> str:
    return f"n{number}"


async def joined(even: int, named: str) -> str:
    return f"{even}={named}"


async def started(joined: str) -> asyncio.Task[str]:
    return asyncio.ensure_future(_later(joined))


async def _later(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()


async def results(started: AsyncIterator[asyncio.Task[str]]) -> list[str]:
    return [await task async for task in started]


async def spelled(results: list[str]) -> str:
    return ",".join(results)


p = pipeline(
    "async_diamond",
    None,
    [
        step("numbers", numbers),
        step("even", even),
        step("named", named),
        step("joined", joined),
        step("started", started, max_in_flight=2),
        step("results", results),
        step("spelled", spelled),
    ],
)
