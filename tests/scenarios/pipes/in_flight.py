"""Futures of a thread pool, some in flight at a time; nothing but text leaves the task."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from synaflow_core import pipeline, step


def names() -> Iterator[str]:
    yield from ("a", "bb", "ccc", "dddd")


def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(3)


def started(name: str, pool: ThreadPoolExecutor) -> Future[int]:
    return pool.submit(len, name)


def lengths(started: Iterator[Future[int]]) -> Iterator[int]:
    for future in started:
        yield future.result(timeout=60)


def total(lengths: list[int]) -> int:
    return sum(lengths)


p = pipeline(
    "in_flight",
    None,
    [
        step("names", names),
        step("started", started, max_in_flight=3),
        step("lengths", lengths),
        step("total", total),
    ],
    resources={"pool": pool},
)
