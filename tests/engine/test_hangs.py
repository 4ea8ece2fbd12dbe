"""Nothing hangs, nothing is silent: each case ends with the result or error that is documented.

A test that hangs is ended by the guard, with the stacks of all threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    DefinitionError,
    OnError,
    PipelineStopException,
    async_run,
    include,
    pipeline,
    run,
    step,
)
from synaflow_core.errors import LockstepDeadlockError
from tests.engine.twins import COLOURS, coloured, reader, renamed, source
from tests.engine.watching import _never_hangs, run_any

__all__ = ["_never_hangs"]  # a fixture that every test here uses


def whole(asynchronous: bool, name: str) -> Callable[..., Any]:
    def collect(items: list[Any]) -> list[Any]:
        return items

    return renamed(coloured(asynchronous, collect), items=name)


@COLOURS
def test_two_dropped_items_in_a_diamond(asynchronous: bool) -> None:
    def left(numbers: int) -> int:
        if numbers in (1, 3):
            raise ValueError(numbers)
        return numbers

    def right(numbers: int) -> int:
        return numbers * 10

    def both(left: int, right: int) -> tuple[int, int]:
        return left, right

    steps = [
        step("numbers", source(asynchronous, 5)),
        step("left", coloured(asynchronous, left)),
        step("right", coloured(asynchronous, right)),
        step("both", coloured(asynchronous, both)),
        step("whole", whole(asynchronous, "both")),
    ]
    result = run_any(pipeline("p", None, steps))
    assert result.outputs == {"whole": [(0, 0), (2, 20), (4, 40)]}
    assert (result.steps["left"].errors, result.steps["both"].skipped) == (2, 2)


@COLOURS
def test_a_filter_branch_joined_to_its_source(asynchronous: bool) -> None:
    """The filter is a generator: the branches are independent streams and are zipped."""

    def even(numbers: Iterator[int]) -> Generator[int, None, None]:
        for number in numbers:
            if number % 2 == 0:
                yield number

    async def even_async(numbers: AsyncIterator[int]) -> AsyncGenerator[int, None]:
        async for number in numbers:
            if number % 2 == 0:
                yield number

    def both(numbers: int, even: int) -> tuple[int, int]:
        return numbers, even

    steps = [
        step("numbers", source(asynchronous, 5)),
        step("even", even_async if asynchronous else even),
        step("both", coloured(asynchronous, both)),
        step("whole", whole(asynchronous, "both")),
    ]
    result = run_any(pipeline("p", None, steps))
    assert result.outputs == {"whole": [(0, 0), (1, 2), (2, 4), (3, None), (4, None)]}


@COLOURS
def test_a_join_that_reads_one_sibling_to_the_end_first(asynchronous: bool) -> None:
    def same(numbers: int) -> int:
        return numbers

    def join(a: Iterator[int], b: Iterator[int]) -> tuple[list[int], list[int]]:
        return list(a), list(b)

    async def join_async(
        a: AsyncIterator[int], b: AsyncIterator[int]
    ) -> tuple[list[int], list[int]]:
        return [x async for x in a], [x async for x in b]

    steps = [
        step("numbers", source(asynchronous, 4)),
        step("a", coloured(asynchronous, same)),
        step("b", coloured(asynchronous, same)),
        step("join", join_async if asynchronous else join),
    ]
    p = pipeline("p", None, steps)
    assert run_any(p).outputs == {"join": ([0, 1, 2, 3], [0, 1, 2, 3])}
    with pytest.raises(LockstepDeadlockError):
        run_any(p, strict_lockstep=True)


@COLOURS
def test_a_run_inside_a_step(asynchronous: bool) -> None:
    inner = pipeline(
        "inner",
        None,
        [step("numbers", source(asynchronous, 3)), step("total", reader(asynchronous, "numbers"))],
    )

    def nested(numbers: int) -> int:
        return int(run(inner).outputs["total"]) + numbers

    async def nested_async(numbers: int) -> int:
        return int((await async_run(inner)).outputs["total"]) + numbers

    steps = [
        step("numbers", source(asynchronous, 3)),
        step("nested", nested_async if asynchronous else nested),
        step("beside", reader(asynchronous, "numbers")),
        step("total", reader(asynchronous, "nested")),
    ]
    assert run_any(pipeline("p", None, steps)).outputs == {"beside": 3, "total": 12}


@COLOURS
def test_two_thousand_chained_each_steps(asynchronous: bool) -> None:
    def add(item: int) -> int:
        return item + 1

    names = ["numbers", *(f"s{_letters(i)}" for i in range(2000))]
    steps = [step("numbers", source(asynchronous, 3))]
    for before, name in pairwise(names):
        steps.append(step(name, renamed(coloured(asynchronous, add), item=before)))
    steps.append(step("total", reader(asynchronous, names[-1])))
    assert run_any(pipeline("p", None, steps)).outputs == {"total": 3 + 3 * 2000}


def _letters(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:04d}") + "q"


@COLOURS
def test_a_consumer_that_breaks_early_and_a_source_without_end(asynchronous: bool) -> None:
    steps = [
        step("numbers", source(asynchronous, 10**18)),
        step("five", reader(asynchronous, "numbers", take=5)),
        step("two", reader(asynchronous, "numbers", take=2)),
    ]
    result = run_any(pipeline("p", None, steps))
    assert result.outputs == {"five": 10, "two": 1}
    assert result.steps["numbers"].ok == 5


@COLOURS
def test_two_runs_of_one_pipeline_in_two_threads(asynchronous: bool) -> None:
    meet = threading.Barrier(2, timeout=20)

    def pair(numbers: int) -> int:
        meet.wait()  # only goes on when the other run is at the same item
        return numbers

    steps = [
        step("numbers", source(asynchronous, 4)),
        step("pair", coloured(asynchronous, pair)),
        step("total", reader(asynchronous, "pair")),
        step("other", reader(asynchronous, "pair")),
    ]
    p = pipeline("p", None, steps)
    outputs: list[Any] = []
    threads = [threading.Thread(target=lambda: outputs.append(run_any(p).outputs)) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == [{"total": 6, "other": 6}] * 2


@COLOURS
def test_a_failing_sibling_of_a_blocked_step(asynchronous: bool) -> None:
    """``slow`` waits for its next item, which only comes when ``bad`` has taken its own."""
    ended: list[str] = []

    def slow(numbers: Iterator[int]) -> int:
        try:
            return sum(numbers)
        finally:
            ended.append("slow")

    async def slow_async(numbers: AsyncIterator[int]) -> int:
        try:
            return sum([number async for number in numbers])
        finally:
            ended.append("slow")

    def bad(numbers: Iterator[int]) -> int:
        next(numbers)
        raise ValueError("no")

    async def bad_async(numbers: AsyncIterator[int]) -> int:
        await anext(numbers)
        raise ValueError("no")

    def build(policy: OnError) -> Any:
        steps = [
            step("numbers", source(asynchronous, 5)),
            step("slow", slow_async if asynchronous else slow),
            step("bad", bad_async if asynchronous else bad, on_error=policy),
        ]
        return pipeline("p", None, steps)

    assert run_any(build(OnError.CONTINUE)).outputs == {"slow": 10}
    with pytest.raises(PipelineStopException) as caught:
        run_any(build(OnError.STOP))
    assert caught.value.step_name == "bad"
    assert ended == ["slow", "slow"]


@COLOURS
def test_a_skipped_step_says_why(asynchronous: bool) -> None:
    def bad() -> int:
        raise ValueError("no")

    def after(bad: int) -> int:
        return bad

    def last(after: int) -> int:
        return after

    steps = [step(f.__name__, coloured(asynchronous, f)) for f in (bad, after, last)]
    reports = run_any(pipeline("p", None, steps)).steps
    assert reports["after"].reason == "'bad' failed: ValueError: no"
    assert reports["last"].reason == "needs 'after': 'bad' failed: ValueError: no"


def test_a_cancelled_run_closes_everything() -> None:
    closed: list[str] = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            closed.append("numbers")

    async def main() -> None:
        steps = [
            step("numbers", numbers),
            step("a", reader(True, "numbers")),
            step("b", reader(True, "numbers")),
        ]
        task = asyncio.create_task(async_run(pipeline("p", None, steps)))
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert closed == ["numbers"]


# -- includes --------------------------------------------------------------------------------------


class One(NamedTuple):
    item: int


class Many(NamedTuple):
    items: list[int]


def square_all(asynchronous: bool) -> Any:
    """items -> the list of their squares, as an exported stream."""

    def squares(item: int) -> int:
        if item == 13:
            raise ValueError("unlucky")
        return item * item

    return pipeline(
        "squares", Many, [step("squares", coloured(asynchronous, squares))], exports="squares"
    )


def sum_of_one(asynchronous: bool) -> Any:
    """item -> the sum of the squares below it, by an included pipeline."""

    def below(item: int) -> list[int]:
        if item == 3:
            raise ValueError("three")
        return list(range(item))

    def adapter(below: list[int]) -> Many:
        return Many(below)

    def total(squared: list[int]) -> int:
        return sum(squared)

    return pipeline(
        "one",
        One,
        [
            step("below", coloured(asynchronous, below)),
            include("squared", coloured(asynchronous, adapter), square_all(asynchronous)),
            step("total", coloured(asynchronous, total)),
        ],
    )


@COLOURS
def test_includes_once_twice_nested_and_per_item(asynchronous: bool) -> None:
    def adapter(numbers: int) -> One:
        return One(numbers)

    def all_of(numbers: list[int]) -> Many:
        return Many(numbers)

    def both(first: list[int], second: list[int]) -> list[int]:
        return [*first, *second]

    inner, plain = sum_of_one(asynchronous), square_all(asynchronous)
    steps = [
        step("numbers", source(asynchronous, 5)),
        include("first", coloured(asynchronous, adapter), inner),
        include("second", coloured(asynchronous, adapter), inner),
        include("plain", coloured(asynchronous, all_of), plain),
        step("both", coloured(asynchronous, both)),
        step("listed", whole(asynchronous, "plain")),
    ]
    result = run_any(pipeline("p", None, steps))
    assert result.outputs == {"both": [0, 0, 1, 14, 0, 0, 1, 14], "listed": [0, 1, 4, 9, 16]}
    assert result.steps["first"].errors == 1
    assert result.steps["first"].first_error == (
        "RunError: the run of pipeline 'one' for this item gave no 'total' "
        "(skipped: needs 'squared': needs 'squared__params': "
        "'below' failed: ValueError: three)"
    )


def test_an_async_adapter_of_a_sync_pipeline_run_per_item_is_refused() -> None:
    async def adapter(numbers: int) -> One:
        return One(numbers)

    with pytest.raises(DefinitionError, match=r"because pipeline 'one' is sync, got an async one"):
        pipeline(
            "p",
            None,
            [step("numbers", source(True, 2)), include("inc", adapter, sum_of_one(False))],
        )
