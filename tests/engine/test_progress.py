"""How far a run is, as whoever watches it sees it while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from synaflow_core import Monitor, pipeline, run, set_progress, step
from synaflow_core.phases import StepRegistry, StepResult
from tests.engine.twins import COLOURS, coloured, reader, source
from tests.engine.watching import run_any
from tests.phases.workflows import Phase, Trail


def looking(monitor: Monitor, seen: list[float]) -> Callable[[], None]:
    def look() -> None:
        seen.append(round(monitor.progress(), 6))

    return look


@COLOURS
@pytest.mark.parametrize("weights", [(1, 3), (None, None)])
def test_a_watched_run_goes_by_weight_or_by_number(
    asynchronous: bool, weights: tuple[Any, Any]
) -> None:
    monitor, seen = Monitor(), list[float]()
    look = looking(monitor, seen)

    def first() -> int:
        look()
        return 1

    def second(first: int) -> int:
        look()
        set_progress(1, 2)
        look()
        set_progress(1, 4)  # never back
        set_progress(9, 0)
        look()
        return 2

    steps = [
        step("first", coloured(asynchronous, first), progress_weight=weights[0]),
        step("second", coloured(asynchronous, second), progress_weight=weights[1]),
    ]
    made = pipeline("p", None, steps)
    assert monitor.progress() == 0.0
    run_any(made, monitor=monitor)
    half = 0.625 if weights[0] else 0.75
    begun = 0.25 if weights[0] else 0.5
    assert seen == [0.0, begun, half, half]
    assert monitor.progress() == 1.0
    assert monitor.weighted == bool(weights[0])


@COLOURS
def test_streams_count_when_they_end_and_skipped_steps_count(asynchronous: bool) -> None:
    def bad() -> int:
        raise ValueError

    def after(bad: int) -> int:
        return bad

    monitor = Monitor()
    steps = [
        step("numbers", source(asynchronous, 3)),
        step("total", reader(asynchronous, "numbers")),
        step("bad", coloured(asynchronous, bad)),
        step("after", coloured(asynchronous, after)),
    ]
    run_any(pipeline("p", None, steps), monitor=monitor)
    assert monitor.progress() == 1.0


def test_saying_it_outside_of_a_step_does_nothing() -> None:
    set_progress(1, 2)


def test_phases_move_the_progress_of_the_run_that_they_are_steps_of() -> None:
    monitor, seen = Monitor(), list[float]()
    look = looking(monitor, seen)

    class Half(Phase):
        def execute(self, context: Trail) -> StepResult:
            context.set_progress(1, 2)
            look()
            return super().execute(context)

    registry = StepRegistry[Trail]()
    registry.register(Half("a", 1))
    registry.register(Half("b", 3))
    run(registry.to_pipeline("work", context=Trail), monitor=monitor)
    assert seen == [0.125, 0.625]
