"""What observers are told: every step that starts ends once, what never ran is told too."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from synaflow_core import (
    PIPELINE_SCOPE,
    DefinitionError,
    ExecutionOverrides,
    Observer,
    OnError,
    PipelineStopException,
    ProgressEvent,
    StepEvent,
    ThresholdExceededException,
    pipeline,
    step,
)
from tests.engine.reference import Plan, build, plans
from tests.engine.twins import COLOURS, coloured, reader, source
from tests.engine.watching import Watch, run_any


@COLOURS
def test_the_life_of_a_run(asynchronous: bool) -> None:
    def double(numbers: int) -> int:
        if numbers == 1:
            raise ValueError("one")
        return numbers * 2

    watch, own = Watch(), Watch()
    steps = [
        step("numbers", source(asynchronous, 3)),
        step("double", coloured(asynchronous, double), observers=[own.observer(asynchronous)]),
        step("total", reader(asynchronous, "double")),
    ]
    run_any(pipeline("p", None, steps, observers=[watch.observer(asynchronous)]))
    assert watch.events == [
        ("pipeline_started", ""),
        ("step_started", "total"),
        ("step_started", "numbers"),
        ("step_started", "double"),
        ("step_completed", "numbers"),
        ("step_completed", "double"),
        ("step_completed", "total"),
        ("pipeline_completed", ""),
    ]
    assert own.events == [("step_started", "double"), ("step_completed", "double")]
    end = own.contexts[-1]
    assert (end.success_count, end.error_count, end.exception) == (2, 1, None)
    with pytest.raises(FrozenInstanceError):
        end.step_name = "x"


@COLOURS
def test_failures_carry_the_exception_and_skips_the_reason(asynchronous: bool) -> None:
    error = ValueError("no")

    def bad() -> int:
        raise error

    def after(bad: int) -> int:
        return bad

    def later() -> int:
        return 1

    watch = Watch()

    def build_with(policy: OnError) -> Any:
        steps = [
            step("bad", coloured(asynchronous, bad), on_error=policy),
            step("after", coloured(asynchronous, after)),
            step("later", coloured(asynchronous, later)),
        ]
        return pipeline("p", None, steps, observers=[watch.observer(asynchronous)])

    run_any(build_with(OnError.CONTINUE))
    told = {(c.step_name, c.event): c for c in watch.contexts}
    assert told["bad", StepEvent.FAILED].exception is error
    assert told["after", StepEvent.SKIPPED].detail == "'bad' failed: ValueError: no"
    watch.contexts.clear()
    with pytest.raises(PipelineStopException) as caught:
        run_any(build_with(OnError.STOP))
    told = {(c.step_name, c.event): c for c in watch.contexts}
    assert told["bad", StepEvent.FAILED].exception is error
    assert told["later", StepEvent.SKIPPED].detail == "the run ended before its turn"
    assert watch.contexts[-1].exception is caught.value


@COLOURS
def test_a_step_over_its_threshold_has_failed(asynchronous: bool) -> None:
    def picky(numbers: int) -> None:
        raise ValueError(numbers)

    watch = Watch()
    steps = [
        step("numbers", source(asynchronous, 3)),
        step("picky", coloured(asynchronous, picky), error_threshold_absolute=2),
    ]
    with pytest.raises(ThresholdExceededException):
        run_any(pipeline("p", None, steps, observers=[watch.observer(asynchronous)]))
    (end,) = [c for c in watch.contexts if c.event is StepEvent.FAILED]
    assert end.step_name == "picky"
    assert isinstance(end.exception, ThresholdExceededException)


@COLOURS
def test_a_source_that_nobody_asks_is_told_as_skipped(asynchronous: bool) -> None:
    watch = Watch()

    def idle(numbers: Iterator[int]) -> int:
        return 1

    async def idle_async(numbers: AsyncIterator[int]) -> int:
        return 1

    steps = [
        step("numbers", source(asynchronous, 3)),
        step("idle", idle_async if asynchronous else idle),
    ]
    run_any(pipeline("p", None, steps, observers=[watch.observer(asynchronous)]))
    assert watch.of("step_skipped") == [("step_skipped", "numbers")]


@COLOURS
def test_observers_that_raise_are_logged(
    asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(context: Any) -> None:
        raise RuntimeError("observer broke")

    watch = Watch()
    steps = [
        step("numbers", source(asynchronous, 2)),
        step("total", reader(asynchronous, "numbers")),
    ]
    p = pipeline(
        "p",
        None,
        steps,
        observers=[Observer(coloured(asynchronous, broken)), watch.observer(asynchronous)],
    )
    with caplog.at_level(logging.ERROR):
        assert run_any(p).outputs == {"total": 1}
    assert len(caplog.records) == len(watch.contexts) == 6


@COLOURS
def test_progress_is_weighted_and_ends_at_one(asynchronous: bool) -> None:
    def value() -> int:
        return 1

    def bad() -> int:
        raise ValueError

    def after(bad: int) -> int:
        return bad

    watch = Watch()
    steps = [
        step("a", coloured(asynchronous, value), progress_weight=0.1),
        step("b", coloured(asynchronous, value)),
        step("c", coloured(asynchronous, value), progress_weight=0.001),
        step("numbers", source(asynchronous, 2), progress_weight=0.2),
        step("total", reader(asynchronous, "numbers")),
        step("bad", coloured(asynchronous, bad), progress_weight=0.3),
        step("after", coloured(asynchronous, after), progress_weight=0.3),
    ]
    run_any(pipeline("p", None, steps, observers=[watch.observer(asynchronous)]))
    told = [(c.step_name, c.progress) for c in watch.contexts if c.event is ProgressEvent.ADVANCED]
    assert [name for name, _ in told] == ["a", "numbers", "bad", "after"]
    assert told[0][1] == pytest.approx(0.1 / 0.901)
    assert told[-1] == ("after", 1.0)
    watch.contexts.clear()
    run_any(pipeline("p", None, steps[1:2], observers=[watch.observer(asynchronous)]))
    assert not watch.of("progress")


def test_progress_of_many_steps_is_told_a_hundred_times_at_most() -> None:
    def value() -> int:
        return 1

    watch = Watch()
    steps = [step(f"s{i:04d}".replace("0", "x"), value, progress_weight=1) for i in range(1000)]
    run_any(pipeline("p", None, steps, observers=[watch.observer()]))
    told = [c.progress for c in watch.contexts if c.event is ProgressEvent.ADVANCED]
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert 50 <= len(told) <= 100


@pytest.mark.parametrize("asynchronous", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(plan=plans())
def test_every_step_that_starts_ends_once(asynchronous: bool, plan: list[Plan]) -> None:
    try:
        p = build(plan, asynchronous=asynchronous)
    except DefinitionError:
        assume(False)
        raise
    watch = Watch()
    observers = {PIPELINE_SCOPE: [watch.observer(asynchronous)]}
    watched = run_any(p, overrides=ExecutionOverrides(observers=observers))
    count = Counter(watch.events)
    ends = {"step_completed": "ok", "step_failed": "failed", "step_skipped": "skipped"}
    for name, report in watched.steps.items():
        told = [status for event, status in ends.items() for _ in range(count[event, name])]
        assert told == [report.status]
        assert count["step_started", name] == (report.status != "skipped")
        assert report.status == "ok" or report.reason
    begun, done, failed = (
        sum(n for (event, _), n in count.items() if event == f"materialization_{end}")
        for end in ("started", "completed", "failed")
    )
    assert begun == done + failed
    assert watched.outputs == run_any(p).outputs  # observers change nothing
