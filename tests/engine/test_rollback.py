"""Rollbacks in one process: what a failing run undoes, in which order, and with what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    Monitor,
    OnError,
    Pipeline,
    PipelineStopException,
    StepReport,
    ThresholdExceededException,
    async_run,
    include,
    pipeline,
    step,
)
from synaflow_core.phases import Orchestrator, StepFailedError, StepRegistry, StepResult
from tests.engine.twins import COLOURS, coloured, reader, source
from tests.engine.watching import run_any
from tests.phases.workflows import Phase, Trail

undone: list[Any] = []


@pytest.fixture(autouse=True)
def forget() -> None:
    undone.clear()


def undo(name: str, asynchronous: bool) -> Any:
    """A rollback that leaves the name of its step."""

    def leave() -> None:
        undone.append(name)

    return coloured(asynchronous, leave)


def failed(
    made: Pipeline, expected: type[BaseException] = PipelineStopException, **options: Any
) -> tuple[BaseException, dict[str, StepReport]]:
    """Run a pipeline that must fail; its error and its reports."""
    monitor = Monitor()

    with pytest.raises(expected) as caught:
        run_any(made, monitor=monitor, **options)
    return caught.value, {report.name: report for report in monitor.snapshot()}


def one() -> int:
    return 1


def broken() -> int:
    raise ValueError("no")


@COLOURS
@pytest.mark.parametrize("workers", [1, 4])
def test_completed_steps_are_undone_newest_first(asynchronous: bool, workers: int) -> None:
    def after(a: int) -> int:
        return a

    def last(b: int) -> int:
        raise ValueError("no")

    def b(a: int) -> int:
        return a

    def never() -> int:
        return 0

    steps = [
        step("a", coloured(asynchronous, one), rollback=undo("a", asynchronous)),
        step("b", coloured(asynchronous, b), rollback=undo("b", asynchronous)),
        step("last", coloured(asynchronous, last), on_error=OnError.STOP),
        step("never", coloured(asynchronous, never)),
    ]
    error, reports = failed(pipeline("p", None, steps), workers=workers)
    assert undone == ["b", "a"]
    assert "'last'" in str(error)
    assert [r.rollback for r in reports.values()][:3] == ["rolled back", "rolled back", ""]
    assert reports["a"].status == "ok"


@COLOURS
def test_nothing_is_undone_when_the_run_goes_on(asynchronous: bool) -> None:
    steps = [
        step("a", coloured(asynchronous, one), rollback=undo("a", asynchronous)),
        step("bad", coloured(asynchronous, broken), rollback=undo("bad", asynchronous)),
    ]
    made = pipeline("p", None, steps)
    result = run_any(made)
    assert result.outputs == {"a": 1}
    assert undone == []
    assert {r.rollback for r in result.steps.values()} == {""}


class Params(NamedTuple):
    table: str = "orders"
    sizes: tuple[int, ...] = (3, 4)


opened: list[str] = []


class Database:
    def __enter__(self) -> Database:
        opened.append("open")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        opened.append("closed" if error is None else "closed after an error")


@COLOURS
def test_a_rollback_gets_what_it_asks_for(asynchronous: bool) -> None:
    opened.clear()

    def load(sizes: list[int]) -> list[str]:
        return [f"row {size}" for size in sizes]

    def save(load: list[str], table: str) -> dict[str, int]:
        return {table: len(load)}

    def unsave(
        output: dict[str, int],
        load: set[str],
        table: str,
        db: Database,
        error: Exception,
        repeated: bool,
        force: bool = True,
    ) -> None:
        undone.append((output, load, table, type(error).__name__, repeated, force))
        assert opened == ["open"]
        assert isinstance(error, PipelineStopException)

    def last(save: dict[str, int]) -> int:
        raise ValueError("no")

    def connect() -> Database:
        return Database()

    steps = [
        step("load", coloured(asynchronous, load)),
        step("save", coloured(asynchronous, save), rollback=coloured(asynchronous, unsave)),
        step("last", coloured(asynchronous, last), on_error=OnError.STOP),
    ]
    failed(pipeline("p", Params, steps, resources={"db": connect}))
    stop = "PipelineStopException"
    assert undone == [({"orders": 2}, {"row 3", "row 4"}, "orders", stop, False, True)]
    assert opened == ["open", "closed"]


def insert(number: int) -> str:
    if number == 3:
        raise ValueError("full")
    return f"id{number}"


@COLOURS
@pytest.mark.parametrize("annotation", [list[str], set[str], "stream"])
def test_calls_that_were_made_are_undone_when_a_later_one_fails(
    asynchronous: bool, annotation: Any
) -> None:
    def drop(inserts: list[str]) -> None:
        undone.append(sorted(inserts))

    async def drop_stream(inserts: AsyncIterator[str]) -> None:
        undone.append([each async for each in inserts])

    def drop_iterator(inserts: Iterator[str]) -> None:
        undone.append(list(inserts))

    if annotation == "stream":
        rollback: Any = drop_stream if asynchronous else drop_iterator
    else:
        drop.__annotations__["inserts"] = annotation
        rollback = coloured(asynchronous, drop)
    steps = [
        step("numbers", source(asynchronous, 9)),
        step("inserts", coloured(asynchronous, insert), rollback=rollback, on_error=OnError.STOP),
    ]
    _, reports = failed(pipeline("p", None, steps))
    assert undone == [["id0", "id1", "id2"]]
    assert reports["inserts"].rollback == "rolled back"


@COLOURS
def test_a_stream_is_undone_in_full_when_a_later_step_fails(asynchronous: bool) -> None:
    def listed(inserts: list[str]) -> int:
        raise ValueError("no")

    def drop(output: list[str]) -> None:
        undone.append(output)

    def clean(output: list[int]) -> None:
        undone.append(output)

    steps = [
        step("numbers", source(asynchronous, 5), rollback=coloured(asynchronous, clean)),
        step("inserts", coloured(asynchronous, insert), rollback=coloured(asynchronous, drop)),
        step("listed", coloured(asynchronous, listed), on_error=OnError.STOP),
    ]
    failed(pipeline("p", None, steps))
    assert undone == [["id0", "id1", "id2", "id4"], [0, 1, 2, 3, 4]]


@COLOURS
@pytest.mark.parametrize(("limit", "expected"), [(1, []), (99, [[0, 1, 2]])])
def test_a_generator_that_ended_is_undone_and_one_that_was_cut_is_not(
    asynchronous: bool, limit: int, expected: list[list[int]]
) -> None:
    def count(inserts: int) -> int:
        if inserts == limit:
            raise ValueError("no")
        return inserts

    def listed(inserts: list[int]) -> int:
        raise ValueError("no")

    def clean(inserts: list[int]) -> None:
        undone.append(inserts)

    steps = [
        step("inserts", source(asynchronous, 3), rollback=coloured(asynchronous, clean)),
        step("count", coloured(asynchronous, count), on_error=OnError.STOP),
        step("listed", coloured(asynchronous, listed), on_error=OnError.STOP),
    ]
    failed(pipeline("p", None, steps))
    assert undone == expected


@COLOURS
def test_a_consumer_that_has_enough_leaves_a_stream_that_is_undone(asynchronous: bool) -> None:
    def last(total: int) -> int:
        raise ValueError("no")

    def clean(numbers: list[int]) -> None:
        undone.append(numbers)

    steps = [
        step("numbers", source(asynchronous, 10**9), rollback=coloured(asynchronous, clean)),
        step("total", reader(asynchronous, "numbers", take=3), rollback=undo("t", asynchronous)),
        step("last", coloured(asynchronous, last), on_error=OnError.STOP),
    ]
    failed(pipeline("p", None, steps))
    assert undone == ["t", [0, 1, 2]]  # it ended first, and is undone first all the same


@COLOURS
def test_a_threshold_undoes_too(asynchronous: bool) -> None:
    steps = [
        step("a", coloured(asynchronous, one), rollback=undo("a", asynchronous)),
        step("numbers", source(asynchronous, 5)),
        step(
            "inserts",
            coloured(asynchronous, insert),
            rollback=undo("inserts", asynchronous),
            error_threshold_absolute=1,
        ),
    ]
    failed(pipeline("p", None, steps), ThresholdExceededException)
    assert undone == ["inserts", "a"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_undoes_and_goes_on(kind: type[BaseException]) -> None:
    def interrupted() -> int:
        raise kind

    steps = [step("a", one, rollback=undo("a", False)), step("interrupted", interrupted)]
    failed(pipeline("p", None, steps), kind)
    assert undone == ["a"]


def test_a_cancelled_run_undoes_what_was_done() -> None:
    async def waiting() -> int:
        reached.set()
        await asyncio.Event().wait()
        return 1

    async def slowly() -> None:
        await asyncio.sleep(0)
        undone.append("a")

    async def main() -> None:
        task = asyncio.create_task(async_run(made))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    steps = [step("a", coloured(True, one), rollback=slowly), step("waiting", waiting)]
    made = pipeline("p", None, steps)
    reached = asyncio.Event()
    asyncio.run(main())
    assert undone == ["a"]


@COLOURS
def test_included_steps_are_undone_as_any(asynchronous: bool) -> None:
    class Inner(NamedTuple):
        name: str

    def adapter(table: str) -> Inner:
        return Inner(table.upper())

    def create(name: str) -> str:
        return f"created {name}"

    def drop(create: str, name: str, error: BaseException) -> None:
        undone.append((create, name))

    def last(made: str) -> int:
        raise ValueError("no")

    inner = pipeline(
        "inner",
        Inner,
        [step("create", coloured(asynchronous, create), rollback=coloured(asynchronous, drop))],
    )
    steps = [
        include("made", coloured(asynchronous, adapter), inner),
        step("last", coloured(asynchronous, last), on_error=OnError.STOP),
    ]
    failed(pipeline("p", Params, steps))
    assert undone == [("created ORDERS", "ORDERS")]


def test_a_workflow_as_a_pipeline_undoes_its_phases_like_the_orchestrator() -> None:
    registry = StepRegistry[Trail]()
    for phase in (Phase("a"), Phase("b"), Phase("skipped"), Phase("c", fails="no")):
        registry.register(phase)
    here = Trail(skip=["skipped"])
    with pytest.raises(StepFailedError):
        Orchestrator(registry, here).execute()
    seen: list[Trail] = []

    class Seen(Phase):
        def execute(self, context: Trail) -> StepResult:
            seen.append(context)
            return super().execute(context)

    registry.replace("a", Seen("a"))
    failed(registry.to_pipeline("work", context=Trail), params={"skip": ["skipped"]})
    assert seen[0].done == here.done == ["a", "b", "undo b", "undo a"]
