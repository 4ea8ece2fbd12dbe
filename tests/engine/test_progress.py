"""How far a run is, as whoever watches it sees it while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    Monitor,
    Observer,
    OnError,
    PipelineStopException,
    ProgressEvent,
    ThresholdExceededException,
    include,
    pipeline,
    run,
    set_progress,
    step,
)
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


@COLOURS
@pytest.mark.parametrize("threshold", [False, True])
def test_a_run_that_has_been_ended_stays_where_it_was(asynchronous: bool, threshold: bool) -> None:
    monitor, seen, told = Monitor(), list[float](), list[float]()
    look = looking(monitor, seen)

    def first() -> list[int]:
        return [1, 2]

    def each(first: int) -> int:
        raise ValueError

    def whole(first: list[int]) -> int:
        set_progress(1, 2)
        raise ValueError

    def of_items(second: list[int]) -> int:
        return 1

    def of_value(second: int) -> int:
        return 1

    def undo() -> None:
        assert monitor.undoing
        assert monitor.at_work() == []
        look()

    def watch(context: Any) -> None:
        told.extend([context.progress] if context.event is ProgressEvent.ADVANCED else [])

    limit: dict[str, Any] = (
        {"error_threshold_absolute": 1} if threshold else {"on_error": OnError.STOP}
    )
    steps = [
        step(
            "first",
            coloured(asynchronous, first),
            progress_weight=1,
            rollback=coloured(asynchronous, undo),
        ),
        step(
            "second",
            coloured(asynchronous, each if threshold else whole),
            progress_weight=2,
            **limit,
        ),
        step(
            "last",
            coloured(asynchronous, of_items if threshold else of_value),
            progress_weight=1,
        ),
    ]
    made = pipeline("p", None, steps, observers=[Observer(coloured(asynchronous, watch))])
    with pytest.raises((PipelineStopException, ThresholdExceededException)):
        run_any(made, monitor=monitor)
    reached = 0.25 if threshold else 0.5  # with the half of it that it said it had done
    assert seen == [reached]
    assert monitor.progress() == reached
    assert told == [0.25]


@pytest.mark.parametrize("per_item", [False, True])
def test_an_include_weighs_what_its_steps_weigh(per_item: bool) -> None:
    told: list[float] = []

    def watch(context: Any) -> None:
        told.extend([context.progress] if context.event is ProgressEvent.ADVANCED else [])

    class Part(NamedTuple):
        number: int

    def one(number: int) -> int:
        return number

    def two(one: int) -> int:
        return one

    def begin() -> int:
        return 1

    def begin_list() -> list[int]:
        return [1, 2]

    def part(begin: int) -> Part:
        return Part(begin)

    part_steps = [step("one", one, progress_weight=1), step("two", two, progress_weight=2)]
    inner = pipeline("inner", Part, part_steps, exports="two")
    steps = [
        step("begin", begin_list if per_item else begin, progress_weight=1),
        include("part", part, inner),
    ]
    run(pipeline("p", None, steps, observers=[Observer(watch)], exports="part"))
    assert told == ([0.25, 1.0] if per_item else [0.25, 0.5, 1.0])


def test_what_is_at_work() -> None:
    monitor, seen = Monitor(), list[list[str]]()

    def first() -> Iterator[int]:
        seen.append(monitor.at_work())
        yield 1
        seen.append(monitor.at_work())

    def second(first: list[int]) -> int:
        seen.append(monitor.at_work())
        return 1

    assert monitor.at_work() == []
    run(pipeline("p", None, [step("first", first), step("second", second)]), monitor=monitor)
    assert seen == [["first"], ["first"], ["second"]]
    assert monitor.at_work() == []
    assert not monitor.undoing


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
