"""Max in flight, "Basic Example", sync."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from synaflow_core import pipeline, run, step

pool = ThreadPoolExecutor(max_workers=30)


class Params(NamedTuple):
    urls: list[str]


def urls(urls: list[str]) -> Generator[str, None, None]:
    yield from urls


def start_request(url: str) -> Future:
    return pool.submit(fetch, url)


def await_response(start_request: Iterator[Future]) -> None:
    for future in start_request:
        print(future.result())


def fetch(url: str) -> str:
    return f"ok:{url}"


p = pipeline(
    name="bounded_requests",
    params=Params,
    steps=[
        step("urls", fn=urls),
        step("start_request", fn=start_request, max_in_flight=30),
        step("await_response", fn=await_response),
    ],
)

run(p, Params(urls=["a", "b", "c"]))
pool.shutdown(wait=True)
