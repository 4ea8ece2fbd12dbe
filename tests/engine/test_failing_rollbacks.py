"""Rollbacks that fail, whichever way: that is told, and the others go on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from synaflow_core import Observer, OnError, RollbackEvent, pipeline, step
from tests.engine.test_rollback import failed, one, undo, undone
from tests.engine.twins import COLOURS, coloured


@pytest.fixture(autouse=True)
def forget() -> None:
    undone.clear()


@COLOURS
def test_a_rollback_that_fails_is_told_and_the_others_go_on(
    asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def stuck(output: int) -> None:
        raise OSError("the line is dead")

    def last(b: int) -> int:
        raise ValueError("no")

    def b(a: int) -> int:
        return a

    def watch(context: Any) -> None:
        if isinstance(context.event, RollbackEvent):
            events.append((context.event.name, context.step_name, context.exception))

    events: list[Any] = []
    steps = [
        step("a", coloured(asynchronous, one), rollback=undo("a", asynchronous)),
        step("b", coloured(asynchronous, b), rollback=coloured(asynchronous, stuck)),
        step("last", coloured(asynchronous, last), on_error=OnError.STOP),
    ]
    observers = [Observer(coloured(asynchronous, watch))]
    with caplog.at_level(logging.ERROR):
        error, reports = failed(pipeline("p", None, steps, observers=observers))
    assert undone == ["a"]
    assert error.__notes__ == ["the rollback of step 'b' failed: OSError: the line is dead"]
    assert reports["b"].rollback == "rollback failed: OSError: the line is dead"
    assert "the rollback of step 'b' failed" in caplog.text
    assert [event[:2] for event in events] == [
        ("STARTED", "b"),
        ("FAILED", "b"),
        ("STARTED", "a"),
        ("COMPLETED", "a"),
    ]
    assert isinstance(events[1][2], OSError)


@COLOURS
def test_a_rollback_that_asks_for_the_exit_has_failed(asynchronous: bool) -> None:
    """It may call the main function of some tool."""

    def leave() -> None:
        sys.exit(0)

    def last(b: int) -> int:
        raise ValueError("no")

    def b(a: int) -> int:
        return a

    steps = [
        step("a", coloured(asynchronous, one), rollback=undo("a", asynchronous)),
        step("b", coloured(asynchronous, b), rollback=coloured(asynchronous, leave)),
        step("last", coloured(asynchronous, last), on_error=OnError.STOP),
    ]
    _, reports = failed(pipeline("p", None, steps))
    assert undone == ["a"]
    assert reports["b"].rollback == "rollback failed: SystemExit: 0"


def later() -> Iterator[int]:
    yield 1


async def awaited() -> None:
    pass


@pytest.mark.parametrize(("promise", "kind"), [(later, "generator"), (awaited, "coroutine")])
def test_a_rollback_that_only_promises_to_do_something_has_failed(promise: Any, kind: str) -> None:
    def fail(a: int) -> None:
        raise ValueError

    promised = promise()
    steps = [step("a", one, rollback=lambda: promised), step("b", fail, on_error=OnError.STOP)]
    _, reports = failed(pipeline("p", None, steps))
    assert f"it returned a {kind} that nobody runs" in reports["a"].rollback
    promised.close()
