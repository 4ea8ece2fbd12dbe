"""How streams end: early, by an error, never; what is closed and when."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Generator, Iterator
from typing import NamedTuple

import pytest

from synaflow_core import OnError, PipelineStopException, pipeline, run, step
from synaflow_core.errors import LockstepDeadlockError


class Params(NamedTuple):
    count: int = 5


closed: list[str] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    closed.clear()


def numbers(count: int) -> Generator[int, None, None]:
    try:
        yield from range(count)
    finally:
        closed.append("numbers")


def endless() -> Generator[int, None, None]:
    try:
        number = 0
        while True:
            yield number
            number += 1
    finally:
        closed.append("endless")


def test_a_consumer_that_takes_five_ends_an_endless_source() -> None:
    def five(endless: Iterator[int]) -> list[int]:
        return [next(endless) for _ in range(5)]

    result = run(pipeline("p", None, [step("endless", endless), step("five", five)]))
    assert result.outputs == {"five": [0, 1, 2, 3, 4]}
    assert closed == ["endless"]
    assert result.steps["endless"].ok == 5


def test_a_consumer_that_breaks_ends_its_branch_only() -> None:
    def two(numbers: Iterator[int]) -> list[int]:
        return [item for item, _ in zip(numbers, range(2), strict=False)]

    def whole(numbers: Iterator[int]) -> list[int]:
        return list(numbers)

    seen: list[int] = []

    def sink(numbers: int) -> None:
        seen.append(numbers)

    steps = [
        step("numbers", numbers),
        step("two", two),
        step("whole", whole),
        step("sink", sink),
    ]
    result = run(pipeline("p", Params, steps))
    assert result.outputs == {"two": [0, 1], "whole": [0, 1, 2, 3, 4]}
    assert seen == [0, 1, 2, 3, 4]
    assert result.steps["sink"].ok == 5


def test_an_each_step_is_not_called_for_a_consumer_that_has_left() -> None:
    calls: list[int] = []

    def work(numbers: int) -> int:
        calls.append(numbers)
        return numbers

    def first(work: Iterator[int]) -> int:
        return next(work)

    def whole(numbers: Iterator[int]) -> list[int]:
        return list(numbers)

    steps = [
        step("numbers", numbers),
        step("work", work),
        step("first", first),
        step("whole", whole),
    ]
    result = run(pipeline("p", Params, steps))
    assert result.outputs == {"first": 0, "whole": [0, 1, 2, 3, 4]}
    assert calls == [0]
    assert result.steps["work"].ok == len(calls)


def test_a_consumer_that_never_iterates_ends_its_branch_only() -> None:
    def indifferent(numbers: Iterator[int]) -> str:
        return "done"

    def whole(numbers: list[int]) -> list[int]:
        return numbers

    steps = [step("numbers", numbers), step("indifferent", indifferent), step("whole", whole)]
    result = run(pipeline("p", Params, steps))
    assert result.outputs == {"indifferent": "done", "whole": [0, 1, 2, 3, 4]}


def test_a_source_nobody_iterates_says_so() -> None:
    def indifferent(numbers: Iterator[int]) -> str:
        return "done"

    steps = [step("numbers", numbers), step("indifferent", indifferent)]
    result = run(pipeline("p", Params, steps))
    assert result.steps["numbers"].status == "skipped"
    assert result.steps["numbers"].reason == "no consumer asked for its items"


def test_reading_one_sibling_to_the_end_first_lifts_the_other_bound(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def a(numbers: int) -> int:
        return numbers + 1

    def b(numbers: int) -> int:
        return numbers * 10

    def join(a: Iterator[int], b: Iterator[int]) -> tuple[list[int], list[int]]:
        return list(a), list(b)

    steps = [step("numbers", numbers), step("a", a), step("b", b), step("join", join)]
    result = run(pipeline("p", Params, steps))
    assert result.outputs["join"] == ([1, 2, 3, 4, 5], [0, 10, 20, 30, 40])
    assert "'b' -> 'join' lost its max_in_flight bound" in caplog.text

    wanted = r"'a' -> 'join', but .* 'b' -> 'join' .*list.*max_in_flight"
    with pytest.raises(LockstepDeadlockError, match=wanted):
        run(pipeline("p", Params, steps), strict_lockstep=True)
    assert closed == ["numbers", "numbers"]


def test_a_generator_failing_midway_leaves_its_consumers_the_valid_prefix() -> None:
    def broken(count: int) -> Generator[int, None, None]:
        yield from range(3)
        raise RuntimeError("the file is cut")

    def total(broken: Iterator[int]) -> int:
        return sum(broken)

    def whole(broken: list[int]) -> list[int]:
        return broken

    steps = [step("broken", broken), step("total", total), step("whole", whole)]
    result = run(pipeline("p", Params, steps))
    assert result.outputs == {"total": 3, "whole": [0, 1, 2]}
    report = result.steps["broken"]
    assert (report.status, report.ok, report.errors) == ("failed", 3, 1)
    assert report.first_error == "RuntimeError: the file is cut"
    assert result.steps["total"].status == "ok"


def test_a_failing_generator_stops_the_run_through_its_consumers() -> None:
    def broken(count: int) -> Generator[int, None, None]:
        yield 1
        raise RuntimeError("the file is cut")

    def swallow(broken: Iterator[int]) -> int:
        try:
            return sum(broken)
        except Exception:  # even this does not keep the run going
            return -1

    steps = [step("broken", broken, on_error=OnError.STOP), step("swallow", swallow)]
    with pytest.raises(PipelineStopException) as caught:
        run(pipeline("p", Params, steps))
    assert caught.value.step_name == "broken"
    assert isinstance(caught.value.cause, RuntimeError)


def test_a_failing_consumer_leaves_its_siblings_alone_or_stops_them() -> None:
    finished: list[str] = []

    def failing(numbers: Iterator[int]) -> int:
        for item in numbers:
            if item == 2:
                raise ValueError("two")
        return 0

    def sibling(numbers: Iterator[int]) -> list[int]:
        items = []
        try:
            for item in numbers:
                items.append(item)
        finally:
            finished.append("sibling")
        return items

    def after(failing: int) -> int:
        return failing

    def build(policy: OnError) -> list[object]:
        return [
            step("numbers", numbers),
            step("failing", failing, on_error=policy),
            step("sibling", sibling),
            step("after", after),
        ]

    result = run(pipeline("p", Params, build(OnError.CONTINUE)))  # type: ignore[arg-type]
    assert result.outputs == {"sibling": [0, 1, 2, 3, 4]}
    assert result.steps["after"].status == "skipped"
    assert result.steps["after"].reason == "'failing' failed: ValueError: two"
    with pytest.raises(PipelineStopException, match=r"'failing'.*two"):
        run(pipeline("p", Params, build(OnError.STOP)))  # type: ignore[arg-type]
    assert finished == ["sibling", "sibling"]
    assert closed == ["numbers", "numbers"]


def test_keyboard_interrupt_closes_everything() -> None:
    def interrupted(endless: Iterator[int]) -> None:
        for item in endless:
            if item == 2:
                raise KeyboardInterrupt

    def patient(endless: Iterator[int]) -> None:
        try:
            for _ in endless:
                pass
        finally:
            closed.append("patient")

    steps = [
        step("endless", endless),
        step("patient", patient),
        step("interrupted", interrupted),
    ]
    with pytest.raises(KeyboardInterrupt):
        run(pipeline("p", None, steps))
    assert closed == ["patient", "endless"]


def test_consumers_keep_the_callers_context_and_their_own_changes() -> None:
    user = contextvars.ContextVar("user", default="nobody")

    def x(numbers: Iterator[int]) -> list[str]:
        user.set("x")
        return [user.get() for _ in numbers]

    def y(numbers: Iterator[int]) -> list[str]:
        return [user.get() for _ in numbers]

    user.set("caller")
    steps = [step("numbers", numbers), step("x", x), step("y", y)]
    result = run(pipeline("p", Params, steps), Params(2))
    assert result.outputs == {"x": ["x", "x"], "y": ["caller", "caller"]}


def test_a_run_inside_a_step_and_runs_in_two_threads() -> None:
    def x(numbers: Iterator[int]) -> int:
        return sum(numbers)

    def y(numbers: Iterator[int]) -> int:
        return sum(numbers)

    inner = pipeline("inner", Params, [step("numbers", numbers), step("x", x), step("y", y)])

    def outer(numbers: int) -> int:
        return int(run(inner, Params(numbers)).outputs["x"])

    def whole(outer: list[int]) -> list[int]:
        return outer

    def other(numbers: Iterator[int]) -> int:
        return sum(numbers)

    both = pipeline(
        "outer",
        Params,
        [
            step("numbers", numbers),
            step("outer", outer),
            step("other", other),
            step("whole", whole),
        ],
    )
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(run(both).outputs)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [{"other": 10, "whole": [0, 0, 1, 3, 6]}] * 4
