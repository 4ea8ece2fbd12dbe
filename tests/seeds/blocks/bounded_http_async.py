"""Max in flight, "Real HTTP Example", async."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NamedTuple

import httpx

from synaflow_core import async_run, pipeline, step


class Params(NamedTuple):
    urls: list[str]


async def main() -> None:
    async with httpx.AsyncClient() as client:

        async def urls(urls: list[str]) -> AsyncGenerator[str, None]:
            for url in urls:
                yield url

        async def fetch(url: str) -> dict:
            response = await client.get(url, timeout=10)
            return {
                "url": url,
                "status": response.status_code,
                "size": len(response.text),
            }

        async def start_request(url: str) -> asyncio.Task[dict]:
            return asyncio.create_task(fetch(url))

        async def await_response(
            start_request: AsyncIterator[asyncio.Task[dict]],
        ) -> None:
            async for task in start_request:
                data = await task
                print(data["url"], data["status"], data["size"])

        p = pipeline(
            name="bounded_http_async",
            params=Params,
            steps=[
                step("urls", fn=urls),
                step("start_request", fn=start_request, max_in_flight=30),
                step("await_response", fn=await_response),
            ],
        )

        await async_run(
            p,
            Params(
                # CHANGED: as in the sync block.
                urls=os.environ["SEED_URLS"].split(),
            ),
        )


asyncio.run(main())
