"""Max in flight, "Real HTTP Example", sync."""

import os
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import requests

from synaflow_core import pipeline, run, step

pool = ThreadPoolExecutor(max_workers=30)


class Params(NamedTuple):
    urls: list[str]


def urls(urls: list[str]) -> Generator[str, None, None]:
    yield from urls


def fetch(url: str) -> dict:
    response = requests.get(url, timeout=10)
    return {
        "url": url,
        "status": response.status_code,
        "size": len(response.text),
    }


def start_request(urls: str) -> Future:
    return pool.submit(fetch, urls)


def await_response(start_request: Iterator[Future]) -> None:
    for future in start_request:
        data = future.result()
        print(data["url"], data["status"], data["size"])


p = pipeline(
    name="bounded_http_sync",
    params=Params,
    steps=[
        step("urls", fn=urls),
        step("start_request", fn=start_request, max_in_flight=5),
        step("await_response", fn=await_response),
    ],
)

run(
    p,
    Params(
        # CHANGED: instead of three times https://example.com, the addresses of a server of the
        # test's own, which counts; and more of them than may be in flight.
        urls=os.environ["SEED_URLS"].split(),
    ),
)
pool.shutdown(wait=True)
