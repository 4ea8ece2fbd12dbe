"""``workers``: independent value steps side by side, with the results and reports of one worker."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from synaflow_core import (
    DefinitionError,
    Observer,
    OnError,
    Pipeline,
    PipelineStopException,
    async_run,
    pipeline,
    run,
    step,
)
from tests.engine.reference import Plan, build, plans
from tests.engine.twins import COLOURS, coloured
from tests.engine.watching import Watch, guarded, run_any


class Meeting:
    """Calls that only return when ``size`` of them are going on at once."""

    def __init__(self, size: int, asynchronous: bool) -> None:
        self._barrier = threading.Barrier(size, timeout=20)
        self._size = size
        self._there = 0
        self._all = asyncio.Event()
        self._asynchronous = asynchronous

    def step(self, result: int) -> Callable[..., Any]:
        def meet() -> int:
            self._barrier.wait()
            return result

        async def meet_async() -> int:
            self._there += 1
            if self._there == self._size:
                self._all.set()
            await asyncio.wait_for(self._all.wait(), 20)
            return result

        return meet_async if self._asynchronous else meet


@COLOURS
def test_independent_steps_meet(asynchronous: bool) -> None:
    meeting = Meeting(3, asynchronous)

    def total(a: int, b: int, c: int) -> int:
        return a + b + c

    watch = Watch()
    steps = [step(name, meeting.step(i)) for i, name in enumerate("abc", 1)]
    steps.append(step("total", coloured(asynchronous, total)))
    p = pipeline("p", None, steps, observers=[watch.observer(asynchronous)])
    with guarded():
        result = run_any(p, workers=3)
    assert result.outputs == {"total": 6}
    assert list(result.steps) == ["a", "b", "c", "total"]
    assert {(r.status, r.ok) for r in result.steps.values()} == {("ok", 1)}
    assert watch.events[:4] == [
        ("pipeline_started", ""),
        *(("step_started", name) for name in "abc"),
    ]
    assert sorted(watch.of("step_completed")) == [
        ("step_completed", n) for n in ("a", "b", "c", "total")
    ]


@COLOURS
def test_a_region_runs_beside_the_calls(asynchronous: bool) -> None:
    """The source waits for a call that can only go on beside it, and the call for the source."""
    begun, seen = threading.Event(), threading.Event()

    def call() -> str:
        begun.set()
        assert seen.wait(20)
        return "met"

    def numbers() -> Iterator[int]:
        assert begun.wait(20)
        seen.set()
        yield 1

    async def call_async() -> str:
        begun.set()
        for _ in range(10_000):
            if seen.is_set():
                return "met"
            await asyncio.sleep(0)
        raise AssertionError("never seen")

    async def numbers_async() -> AsyncIterator[int]:
        while not begun.is_set():
            await asyncio.sleep(0)
        seen.set()
        yield 1

    def whole(numbers: list[int]) -> list[int]:
        return numbers

    steps = [
        step("call", call_async if asynchronous else call),
        step("numbers", numbers_async if asynchronous else numbers),
        step("whole", coloured(asynchronous, whole)),
    ]
    with guarded():
        result = run_any(pipeline("p", None, steps), workers=2)
    assert result.outputs == {"call": "met", "whole": [1]}


def test_one_worker_starts_no_thread_and_a_lone_call_stays_here() -> None:
    threads: list[str] = []

    def first() -> int:
        threads.append(threading.current_thread().name)
        return 1

    def second(first: int) -> int:
        threads.append(threading.current_thread().name)
        return first

    steps = [step("first", first), step("second", second)]
    for workers in (1, 4):
        run(pipeline("p", None, steps), workers=workers)
    assert set(threads) == {threading.current_thread().name}
    assert threading.active_count() == len(threading.enumerate())


def test_no_more_calls_at_a_time_than_workers_and_no_thread_is_left() -> None:
    lock, now, most = threading.Lock(), [0], [0]
    pause = threading.Event()

    def call() -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        pause.wait(0.01)
        with lock:
            now[0] -= 1
        return 1

    before = set(threading.enumerate())
    with guarded():
        run(pipeline("p", None, [step(f"s{chr(97 + i)}", call) for i in range(9)]), workers=3)
    assert 1 <= most[0] <= 3
    assert set(threading.enumerate()) <= before  # those of others may have ended


@COLOURS
def test_calls_see_the_callers_context(asynchronous: bool) -> None:
    user = contextvars.ContextVar("user", default="nobody")

    def make(name: str) -> Callable[..., Any]:
        def call() -> str:
            seen = user.get()
            user.set(name)
            return seen

        return coloured(asynchronous, call)

    user.set("caller")
    steps = [step(name, make(name)) for name in "abc"]
    assert set(run_any(pipeline("p", None, steps), workers=2).outputs.values()) == {"caller"}
    assert user.get() == "caller"


@COLOURS
def test_a_failure_skips_dependents_and_leaves_the_others(asynchronous: bool) -> None:
    def bad() -> int:
        raise ValueError("no")

    def good() -> int:
        return 1

    def after(bad: int) -> int:
        return bad

    steps = [
        step("bad", coloured(asynchronous, bad)),
        step("good", coloured(asynchronous, good)),
        step("after", coloured(asynchronous, after)),
    ]
    result = run_any(pipeline("p", None, steps), workers=2)
    assert result.outputs == {"good": 1}
    assert result.steps["after"].reason == "'bad' failed: ValueError: no"


@COLOURS
def test_the_first_error_wins_and_every_started_step_ends(asynchronous: bool) -> None:
    gate = threading.Event()

    def bad() -> int:
        raise ValueError("first")

    def slow() -> int:
        assert gate.wait(20)
        raise ValueError("second")

    async def slow_async() -> int:
        await asyncio.Event().wait()  # only ends by being cancelled
        return 1

    def note(context: Any) -> None:
        contexts.append(context)
        if context.event.value == "step_failed":
            gate.set()

    async def note_async(context: Any) -> None:
        note(context)

    contexts: list[Any] = []
    steps = [
        step("slow", slow_async if asynchronous else slow, on_error=OnError.STOP),
        step("bad", coloured(asynchronous, bad), on_error=OnError.STOP),
        step("later", coloured(asynchronous, bad)),
        step("never", coloured(asynchronous, bad)),
    ]
    p = pipeline("p", None, steps, observers=[Observer(note_async if asynchronous else note)])
    with guarded(), pytest.raises(PipelineStopException) as caught:
        run_any(p, workers=2)
    assert caught.value.step_name == "bad"
    ends = [(c.event.value, c.step_name) for c in contexts if c.step_name]
    assert ends == [
        ("step_started", "slow"),
        ("step_started", "bad"),
        ("step_failed", "bad"),
        ("step_cancelled" if asynchronous else "step_failed", "slow"),
        ("step_skipped", "later"),
        ("step_skipped", "never"),
    ]


def test_cancelling_leaves_no_task() -> None:
    async def forever() -> int:
        await asyncio.Event().wait()
        return 1

    async def main() -> None:
        p = pipeline("p", None, [step("a", forever), step("b", forever)])
        task = asyncio.create_task(async_run(p, workers=2))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with guarded():
        asyncio.run(main())


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, None])
def test_a_number_of_workers_that_is_none_is_refused(workers: Any) -> None:
    with pytest.raises(ValueError, match="workers: expected a whole number of at least 1"):
        run(pipeline("p", None, []), workers=workers)


def stripped(p: Pipeline, workers: int) -> tuple[Any, Any]:
    try:
        result = run_any(p, workers=workers)
    except PipelineStopException:
        return "stopped", None
    reports = [
        (r.name, r.status, r.ok, r.errors, r.skipped, r.reason) for r in result.steps.values()
    ]
    return result.outputs, reports


@pytest.mark.parametrize("asynchronous", [False, True])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(plan=plans())
def test_results_and_reports_are_those_of_one_worker(asynchronous: bool, plan: list[Plan]) -> None:
    try:
        p = build(plan, asynchronous=asynchronous)
    except DefinitionError:
        assume(False)
        raise
    assert stripped(p, 4) == stripped(p, 1)
