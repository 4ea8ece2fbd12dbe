"""Async consumers of one stream that await something else than an item.

Their siblings get the same item meanwhile, so that one of them that fails ends the run; the next
item is not pulled before all are back, so the order in which items are received stays the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from synaflow_core import OnError, PipelineStopException, Step, async_run, pipeline, step
from synaflow_core.errors import LockstepDeadlockError
from tests.engine.watching import _never_hangs, run_any

__all__ = ["_never_hangs"]  # a fixture that every test here uses

log: list[str] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    log.clear()


async def never() -> None:
    """Wait for what does not come; only cancelling ends it."""
    try:
        await asyncio.Event().wait()
    finally:
        log.append("woken")


async def numbers() -> AsyncGenerator[int, None]:
    try:
        for number in range(4):
            log.append(f"p{number}")
            yield number
    finally:
        log.append("closed")


async def bad(numbers: AsyncIterator[int]) -> int:
    await anext(numbers)
    raise ValueError("no")


async def bad_item(numbers: int) -> None:
    raise ValueError("no")


async def holds_an_item(numbers: AsyncIterator[int]) -> int:
    async for _ in numbers:
        await never()
    return 0


async def before_the_first(numbers: AsyncIterator[int]) -> int:
    await never()
    return len([number async for number in numbers])


async def after_a_break(numbers: AsyncIterator[int]) -> int:
    async for _ in numbers:
        break
    await never()
    return 0


async def waits_aside(numbers: AsyncIterator[int]) -> int:
    await asyncio.wait_for(anext(numbers), None)
    await asyncio.wait_for(never(), None)
    return 0


async def through(numbers: AsyncIterator[int]) -> AsyncGenerator[int, None]:
    async for number in numbers:
        await never()
        yield number


async def end(through: AsyncIterator[int]) -> int:
    return len([number async for number in through])


STOPPING = OnError.STOP
SHAPES: dict[str, list[Step]] = {
    "with an item": [step("slow", holds_an_item), step("bad", bad, on_error=STOPPING)],
    "before its first item": [step("slow", before_the_first), step("bad", bad, on_error=STOPPING)],
    "after a break": [step("slow", after_a_break), step("bad", bad, on_error=STOPPING)],
    "in a task of its own": [step("slow", waits_aside), step("bad", bad, on_error=STOPPING)],
    "between two": [
        step("first", holds_an_item),
        step("bad", bad, on_error=STOPPING),
        step("last", holds_an_item),
    ],
    "in a generator": [
        step("through", through),
        step("end", end),
        step("bad", bad, on_error=STOPPING),
    ],
    "of two that wait": [
        step("first", holds_an_item),
        step("second", holds_an_item),
        step("bad", bad_item, on_error=STOPPING),
    ],
    "before its first item, with a call after it": [
        step("slow", before_the_first),
        step("bad", bad_item, on_error=STOPPING),
    ],
    "with a call after it": [
        step("slow", holds_an_item),
        step("bad", bad_item, on_error=STOPPING),
    ],
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_failing_sibling_of_a_step_that_waits_for_ever_ends_the_run(shape: str) -> None:
    p = pipeline("p", None, [step("numbers", numbers), *SHAPES[shape]])
    with pytest.raises(PipelineStopException) as caught:
        run_any(p)
    assert caught.value.step_name == "bad"
    assert "woken" in log
    assert log[-1] == "closed"
    assert "p1" not in log  # the next item waits for those that still have this one


def pausing(name: str, seconds: Callable[[int], float]) -> Callable[..., Any]:
    async def read(numbers: AsyncIterator[int]) -> int:
        count = 0
        async for number in numbers:
            log.append(f"{name}{number}")
            await asyncio.sleep(seconds(number))
            log.append("done")
            count += 1
        return count

    return read


@pytest.mark.parametrize("slow", ["x", "y", "both", "in turn"])
def test_items_are_received_in_one_order_however_long_each_takes(slow: str) -> None:
    """x and y work on one item side by side; the call of e and the next item wait their turn."""

    def takes(name: str) -> Callable[[int], float]:
        turn = {"x": 0, "y": 1}[name]
        return lambda number: (
            0.004 if slow in (name, "both") or (slow == "in turn" and number % 2 == turn) else 0
        )

    async def e(numbers: int) -> None:
        log.append(f"e{numbers}")

    steps = [
        step("numbers", numbers),
        step("x", pausing("x", takes("x"))),
        step("y", pausing("y", takes("y"))),
        step("e", e),
    ]
    result = run_any(pipeline("p", None, steps))
    assert result.outputs == {"x": 4, "y": 4}
    received = [entry for entry in log if entry != "done"]
    assert received == [f"{name}{i}" for i in range(4) for name in "pxye"] + ["closed"]
    for number in range(4):  # both are done with an item before the next is pulled
        before = log[: log.index(f"p{number}")]
        assert before.count("done") == 2 * number


def test_siblings_work_on_one_item_side_by_side() -> None:
    """Each waits until the other has the item too: that needs both to be at work."""
    meet: list[str] = []
    both = asyncio.Event()

    def meeting(name: str) -> Callable[..., Any]:
        async def read(numbers: AsyncIterator[int]) -> str:
            async for _ in numbers:
                meet.append(name)
                if len(set(meet)) == 2:
                    both.set()
                await both.wait()
            return name

        return read

    steps = [step("numbers", numbers), step("x", meeting("x")), step("y", meeting("y"))]
    assert run_any(pipeline("p", None, steps)).outputs == {"x": "x", "y": "y"}
    assert meet == ["x", "y"] * 4


async def in_turn(a: AsyncIterator[int], b: AsyncIterator[int]) -> tuple[list[int], list[int]]:
    """Reads one branch to its end before the other, with a timeout around each request."""
    both: tuple[list[int], list[int]] = ([], [])
    for found, items in zip(both, (a, b), strict=True):
        while True:
            try:
                found.append(await asyncio.wait_for(anext(items), 30))
            except StopAsyncIteration:
                break
    return both


def test_a_request_under_a_timeout_counts_as_a_request() -> None:
    async def a(numbers: int) -> int:
        return numbers

    async def b(numbers: int) -> int:
        return -numbers

    p = pipeline(
        "p",
        None,
        [step("numbers", numbers), step("a", a), step("b", b), step("in_turn", in_turn)],
    )
    assert run_any(p).outputs == {"in_turn": ([0, 1, 2, 3], [0, -1, -2, -3])}
    with pytest.raises(LockstepDeadlockError):
        run_any(p, strict_lockstep=True)


def test_a_request_that_timed_out_ends_that_branch_only() -> None:
    async def impatient(slow: AsyncIterator[int]) -> str:
        try:
            await asyncio.wait_for(anext(slow), 0.01)
        except TimeoutError:
            return "gone"
        return "got one"

    async def slow(numbers: AsyncIterator[int]) -> AsyncGenerator[int, None]:
        async for number in numbers:
            await asyncio.sleep(0.1)
            yield number

    async def total(numbers: AsyncIterator[int]) -> int:
        return sum([number async for number in numbers])

    steps = [
        step("numbers", numbers),
        step("slow", slow),
        step("impatient", impatient),
        step("total", total),
    ]
    assert run_any(pipeline("p", None, steps)).outputs == {"impatient": "gone", "total": 6}


@pytest.mark.parametrize("sinks", [True, False])
def test_the_last_consumer_leaves_while_the_calls_of_its_item_go_on(sinks: bool) -> None:
    """The loop makes the calls of e for the first item while x, which then fails, has it."""

    async def x(numbers: AsyncIterator[int]) -> int:
        await anext(numbers)
        for _ in range(5):
            await asyncio.sleep(0)
        raise ValueError("no")

    async def e(numbers: int) -> int:
        for _ in range(20):
            await asyncio.sleep(0)
        log.append(f"e{numbers}")
        return numbers

    async def first(e: AsyncIterator[int]) -> int:
        return await anext(e)

    async def whole(e: list[int]) -> int:
        return len(e)

    last = step("whole", whole) if sinks else step("first", first)
    steps = [step("numbers", numbers), step("x", x), step("e", e), last]
    outputs = run_any(pipeline("p", None, steps)).outputs
    assert outputs == ({"whole": 4} if sinks else {"first": 0})
    made = range(4) if sinks else range(1)
    assert [entry for entry in log if entry[0] == "e"] == [f"e{number}" for number in made]


def test_a_step_that_swallows_its_cancellation_gets_no_more_items() -> None:
    async def stubborn(numbers: AsyncIterator[int]) -> int:
        got = 0
        while True:
            try:
                async for _ in numbers:
                    got += 1
                    await never()
                return got
            except asyncio.CancelledError:
                log.append(f"swallowed after {got}")

    steps = [
        step("numbers", numbers),
        step("stubborn", stubborn),
        step("bad", bad, on_error=STOPPING),
    ]
    with pytest.raises(PipelineStopException):
        run_any(pipeline("p", None, steps))
    assert log == ["p0", "woken", "swallowed after 1", "closed"]


def test_cancelling_while_some_are_outside_leaves_nothing_behind() -> None:
    async def main() -> None:
        steps = [
            step("numbers", numbers),
            step("slow", holds_an_item),
            step("aside", waits_aside),
            step("call", bad_item),
        ]
        task = asyncio.create_task(async_run(pipeline("p", None, steps)))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert log == ["p0", "woken", "woken", "closed"]
