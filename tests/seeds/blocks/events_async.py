"""Event-based processing, "Individual events or time windows", async."""

# CHANGED: the page does not import NamedTuple, and imports AsyncGenerator, which it does not use.
import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from synaflow_core import async_run, pipeline, step


class Window(NamedTuple):
    events: list[dict] = [{"id": 1, "amount": 10}, {"id": 2, "amount": 20}]


async def normalize(event: dict) -> dict:
    return {**event, "amount": event["amount"] / 100}


async def log_each(normalize: AsyncIterator[dict]) -> None:
    async for ev in normalize:
        print(f"Event: {ev}")


async def aggregate(normalize: list[dict]) -> float:
    return sum(e["amount"] for e in normalize)


p = pipeline(
    name="event_processor",
    params=Window,
    steps=[
        step("normalize", fn=normalize),
        step("log_each", fn=log_each),
        step("aggregate", fn=aggregate),
    ],
)

# CHANGED: the page calls async_run and does not await it, which would run nothing.
result = asyncio.run(
    async_run(p, Window(events=[{"id": 1, "amount": 10}, {"id": 2, "amount": 20}]))
)
