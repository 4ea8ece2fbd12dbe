"""Max in flight, "Basic Example", async."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NamedTuple

from synaflow_core import async_run, pipeline, step


class Params(NamedTuple):
    urls: list[str]


async def urls(urls: list[str]) -> AsyncGenerator[str, None]:
    for url in urls:
        yield url


async def start_request(url: str):
    return fetch_async(url)


async def await_response(start_request: AsyncIterator):
    async for task in start_request:
        print(await task)


async def fetch_async(url: str) -> str:
    return f"ok:{url}"


p = pipeline(
    name="bounded_requests_async",
    params=Params,
    steps=[
        step("urls", fn=urls),
        step("start_request", fn=start_request, max_in_flight=30),
        step("await_response", fn=await_response),
    ],
)


# CHANGED: a module cannot await at its top level, so the last line of the page is in a function.
async def main() -> None:
    await async_run(p, Params(urls=["a", "b", "c"]))


asyncio.run(main())
