"""Event-based processing, "Idempotency by default", async."""

# CHANGED: the page does not import AsyncIterator and NamedTuple.
import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from synaflow_core import OnError, async_run, pipeline, step


async def process(event: dict) -> dict:
    if event.get("corrupt"):
        raise ValueError("skipping corrupt event")
    return {**event, "processed": True}


async def sink(process: AsyncIterator[dict]) -> None:
    async for ev in process:
        print(f"Stored: {ev}")


# CHANGED: as in the sync block, the params class of the page is none, and has no events.
class P(NamedTuple):
    events: list[dict]


p = pipeline(
    name="idempotent",
    params=P,
    steps=[
        step("process", fn=process, on_error=OnError.CONTINUE),
        step("sink", fn=sink),
    ],
)

# CHANGED: the page says "re-run with the same events" in words; here it is done.
events = [{"id": 1}, {"id": 2, "corrupt": True}, {"id": 3}]
results = [asyncio.run(async_run(p, P(events=events))) for _ in range(2)]
