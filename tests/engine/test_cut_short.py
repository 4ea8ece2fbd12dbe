"""Steps that are at work when the run ends have not failed: they are cancelled, and say why."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from synaflow_core import (
    Monitor,
    OnError,
    PipelineStopException,
    Step,
    async_run,
    pipeline,
    step,
)
from tests.engine.twins import COLOURS, coloured, reader, source
from tests.engine.watching import Watch, _never_hangs, run_any

__all__ = ["_never_hangs"]  # a fixture that every test here uses


def ends(
    steps: list[Step], raised: type[BaseException], colour: bool
) -> dict[str, tuple[str, ...]]:
    """Step -> status, reason and counts after a run that ends with an exception."""
    watch, monitor = Watch(), Monitor()
    p = pipeline("p", None, steps, observers=[watch.observer(colour)])
    with pytest.raises(raised):
        run_any(p, monitor=monitor)
    reports = {report.name: report for report in monitor.snapshot()}
    told = {name: event.removeprefix("step_") for event, name in watch.events if name}
    assert told == {name: report.status for name, report in reports.items()}
    return {
        r.name: (r.status, r.reason, f"{r.ok}/{r.errors}/{r.skipped}") for r in reports.values()
    }


def raising(error: BaseException, at: int) -> Callable[..., Any]:
    def call(numbers: int) -> int:
        if numbers == at:
            raise error
        return numbers

    return call


@COLOURS
def test_a_stop_cancels_what_is_at_work(asynchronous: bool) -> None:
    def same(numbers: int) -> int:
        return numbers

    steps = [
        step("numbers", source(asynchronous, 9)),
        step("before", coloured(asynchronous, same)),
        step("bad", coloured(asynchronous, raising(ValueError("no"), 2)), on_error=OnError.STOP),
        step("after", coloured(asynchronous, same)),
        step("total", reader(asynchronous, "bad")),
        step("late", coloured(asynchronous, lambda total: total)),
    ]
    why = "the run ended: pipeline stopped at step 'bad': ValueError: no"
    assert ends(steps, PipelineStopException, asynchronous) == {
        "numbers": ("cancelled", why, "3/0/0"),
        "before": ("cancelled", why, "3/0/0"),
        "bad": ("failed", "ValueError: no", "2/1/0"),
        "after": ("cancelled", why, "2/0/0"),
        "total": ("cancelled", why, "0/0/0"),
        "late": ("skipped", "the run ended before its turn", "0/0/0"),
    }


@COLOURS
def test_an_interruption_fails_no_step_and_counts_no_call_that_did_not_return(
    asynchronous: bool,
) -> None:
    steps = [
        step("numbers", source(asynchronous, 9)),
        step("first", coloured(asynchronous, raising(ValueError(), -1))),
        step("work", coloured(asynchronous, raising(KeyboardInterrupt(), 2))),
        step("last", coloured(asynchronous, raising(ValueError(), -1))),
    ]
    why = "the run ended: KeyboardInterrupt"
    assert ends(steps, KeyboardInterrupt, asynchronous) == {
        "numbers": ("cancelled", why, "3/0/0"),
        "first": ("cancelled", why, "3/0/0"),
        "work": ("cancelled", why, "2/0/0"),
        "last": ("cancelled", why, "2/0/0"),
    }


@COLOURS
def test_a_step_that_asks_for_the_exit_has_failed(asynchronous: bool) -> None:
    def leaves(numbers: Iterator[int]) -> int:
        return next(iter(numbers)) + sys.exit(3)

    async def leaves_async(numbers: AsyncIterator[int]) -> int:
        return await anext(numbers) + sys.exit(3)

    def quits() -> int:
        sys.exit(4)

    steps = [
        step("numbers", source(asynchronous, 9)),
        step("leaves", leaves_async if asynchronous else leaves),
    ]
    assert ends(steps, SystemExit, asynchronous) == {
        "numbers": ("cancelled", "the run ended: SystemExit: 3", "1/0/0"),
        "leaves": ("failed", "SystemExit: 3", "0/0/0"),
    }
    assert ends([step("quits", coloured(asynchronous, quits))], SystemExit, asynchronous) == {
        "quits": ("failed", "SystemExit: 4", "0/0/0"),
    }


def test_a_cancelled_run_cancels_its_steps() -> None:
    async def stuck(numbers: int) -> int:
        await asyncio.Event().wait()
        return numbers

    async def after(numbers: int) -> int:
        return numbers

    async def main() -> None:
        monitor = Monitor()
        steps = [step("numbers", source(True, 3)), step("stuck", stuck), step("after", after)]
        task = asyncio.create_task(async_run(pipeline("p", None, steps), monitor=monitor))
        for _ in range(9):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ended = {(r.name, r.status, r.reason, r.ok) for r in monitor.snapshot()}
        why = "the run ended: CancelledError"
        assert ended == {
            ("numbers", "cancelled", why, 1),
            ("stuck", "cancelled", why, 0),
            ("after", "cancelled", why, 0),
        }

    asyncio.run(main())
