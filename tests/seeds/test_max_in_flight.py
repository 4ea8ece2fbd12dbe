"""max-in-flight.txt: windows of futures and tasks, over real HTTP, fan-out, and no-ops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core import Pipeline, async_run, pipeline, run, step
from tests.seeds.counting_server import counting_server
from tests.seeds.running import run_block


@pytest.mark.parametrize("block", ["bounded_requests", "bounded_requests_async"])
def test_basic_example(block: str) -> None:
    ran = run_block(block)
    assert ran.lines == ["ok:a", "ok:b", "ok:c"]
    steps = ran.module.p.to_dict()["steps"]
    assert steps["start_request"]["max_in_flight"] == 30
    assert steps["urls"]["max_in_flight"] == 1


@pytest.mark.parametrize(
    ("block", "limit", "count"), [("bounded_http", 5, 13), ("bounded_http_async", 30, 64)]
)
def test_at_most_so_many_requests_are_really_in_flight(
    block: str, limit: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counting_server(hold=limit) as server:
        urls = server.urls(count)
        monkeypatch.setenv("SEED_URLS", " ".join(urls))
        ran = run_block(block)
    assert ran.lines == [f"{url} 200 {len('you asked for /item/') + len(str(n))}"
                         for n, url in enumerate(urls)]  # fmt: skip
    assert server.served == count
    assert server.peak == limit


@pytest.mark.parametrize("block", ["bounded_http", "bounded_http_async"])
def test_fewer_requests_than_the_window_are_all_in_flight_at_once(
    block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counting_server(hold=3) as server:
        monkeypatch.setenv("SEED_URLS", " ".join(server.urls(3)))  # three, as on the page
        assert len(run_block(block).lines) == 3
    assert server.peak == 3


class Params(NamedTuple):
    count: int = 5


log: list[str] = []


def starts(count: int) -> Generator[int, None, None]:
    for n in range(count):
        log.append(f"+{n}")
        yield n


def ends(starts: Iterator[int]) -> int:
    last = -1
    for last in starts:
        log.append(f"-{last}")
    return last


def other_ends(starts: Iterator[int]) -> int:
    last = -1
    for last in starts:
        log.append(f"={last}")
    return last


def window(starts: list[int]) -> int:
    log.append(f"window of {len(starts)}")
    return len(starts)


async def starts_async(count: int) -> AsyncGenerator[int, None]:
    for n in range(count):
        log.append(f"+{n}")
        yield n


async def ends_async(starts: AsyncIterator[int]) -> int:
    last = -1
    async for last in starts:
        log.append(f"-{last}")
    return last


def balance() -> list[tuple[int, int]]:
    """(produced, delivered) at each delivery."""
    made = [(log[: n + 1], line) for n, line in enumerate(log) if line[0] == "-"]
    return [(sum(e[0] == "+" for e in seen), int(line[1:]) + 1) for seen, line in made]


SIMULATION = [(3, 1), (4, 2), (5, 3), (5, 4), (5, 5)]


def test_the_simulation_of_the_page() -> None:
    p = pipeline("s", Params, [step("starts", starts, max_in_flight=3), step("ends", ends)])
    log.clear()
    assert run(p).outputs == {"ends": 4}
    assert balance() == SIMULATION


def test_the_simulation_of_the_page_async() -> None:
    p = pipeline(
        "s", Params, [step("starts", starts_async, max_in_flight=3), step("ends", ends_async)]
    )
    log.clear()
    assert asyncio.run(async_run(p)).outputs == {"ends": 4}
    assert balance() == SIMULATION


def test_default_is_lockstep() -> None:
    p = pipeline("s", Params, [step("starts", starts), step("ends", ends)])
    log.clear()
    run(p, Params(3))
    assert log == ["+0", "-0", "+1", "-1", "+2", "-2"]


def in_flight(consumer: str) -> int:
    """The most items that were made and not yet received by one consumer."""
    most = now = 0
    for line in log:
        now += (line[0] == "+") - (line[0] == consumer)
        most = max(most, now)
    return most


def test_fan_out_is_bounded_per_branch() -> None:
    p = pipeline(
        "fan",
        Params,
        [step("starts", starts, max_in_flight=3), step("a", ends), step("b", other_ends)],
    )
    log.clear()
    assert run(p, Params(10)).outputs == {"a": 9, "b": 9}
    assert (in_flight("-"), in_flight("=")) == (3, 3)


def test_fan_out_streams_one_branch_while_the_other_is_materialised() -> None:
    p = pipeline(
        "mixed",
        Params,
        [step("starts", starts, max_in_flight=3), step("w", window), step("a", ends)],
    )
    log.clear()
    assert run(p, Params(10)).outputs == {"w": 10, "a": 9}
    assert in_flight("-") == 3
    assert log[-1] == "window of 10"


def scalar(count: int) -> int:
    return count


def after(scalar: int) -> int:
    return scalar + 1


def noop(steps: list[Any]) -> Pipeline:
    return pipeline("noop", Params, steps)


@pytest.mark.parametrize(
    ("plain", "wide", "named"),
    [
        (
            [step("scalar", scalar), step("after", after)],
            [step("scalar", scalar, max_in_flight=7), step("after", after)],
            "scalar",
        ),
        (
            [step("starts", starts), step("ends", ends)],
            [step("starts", starts), step("ends", ends, max_in_flight=7)],
            "ends",
        ),
        (
            [step("starts", starts), step("w", window)],
            [step("starts", starts, max_in_flight=7), step("w", window)],
            "starts",
        ),
    ],
    ids=["scalar", "terminal", "every path materialises"],
)
def test_it_is_a_no_op_that_stays_in_dag_and_json(
    plain: list[Any], wide: list[Any], named: str
) -> None:
    log.clear()
    outputs = run(noop(plain)).outputs
    calls = log.copy()
    log.clear()
    p = noop(wide)
    assert run(p).outputs == outputs
    assert log == calls
    assert p.dag.steps[named].max_in_flight == 7
    assert p.to_dict()["steps"][named]["max_in_flight"] == 7
