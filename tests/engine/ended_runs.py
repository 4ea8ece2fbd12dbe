"""What a run or a macro-task ends with or leaves behind, each as a case whose message is kept.

Their messages are kept in ``snapshots/``; see ``test_run_messages.py``.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from synaflow_core import (
    OnError,
    Pipeline,
    PipelineStopException,
    ThresholdExceededException,
    include,
    pipeline,
    step,
)
from synaflow_core.errors import (
    DriftError,
    HandoffError,
    LockstepDeadlockError,
    LossyValueError,
)
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.task import MacroResult, MacroSpec, run_macro_task
from synaflow_export.plan import PlanOptions, make_plan
from tests.engine.refused_runs import ends, left_behind, message, told, working
from tests.engine.twins import coloured, reader, source
from tests.engine.watching import run_any

# -- while it runs ---------------------------------------------------------------------------------


@message
def stop_at_a_call(asynchronous: bool, folder: Path) -> str:
    return ends(PipelineStopException, working(asynchronous, 2, on_error=OnError.STOP))


@message
def stop_in_a_generator(asynchronous: bool, folder: Path) -> str:
    steps = [
        step("numbers", source(asynchronous, 5, fail_at=2), on_error=OnError.STOP),
        step("total", reader(asynchronous, "numbers")),
    ]
    return ends(PipelineStopException, pipeline("orders", None, steps))


@message
def threshold_of_a_number(asynchronous: bool, folder: Path) -> str:
    made = working(asynchronous, 1, 2, error_threshold_absolute=2)
    return ends(ThresholdExceededException, made)


@message
def threshold_of_a_number_and_a_part(asynchronous: bool, folder: Path) -> str:
    made = working(asynchronous, 1, 2, error_threshold_absolute=9, error_threshold_pct=0.25)
    return ends(ThresholdExceededException, made)


def side_by_side(asynchronous: bool) -> Pipeline:
    """A join that reads one of two siblings to the end before the other."""

    def same(numbers: int) -> int:
        return numbers

    def join(a: Iterator[int], b: Iterator[int]) -> int:
        return sum(a) + sum(b)

    async def join_async(a: AsyncIterator[int], b: AsyncIterator[int]) -> int:
        return sum([x async for x in a]) + sum([x async for x in b])

    steps = [
        step("numbers", source(asynchronous, 4)),
        step("a", coloured(asynchronous, same)),
        step("b", coloured(asynchronous, same)),
        step("join", join_async if asynchronous else join),
    ]
    return pipeline("orders", None, steps)


@message
def lockstep_that_may_not_be_lifted(asynchronous: bool, folder: Path) -> str:
    return ends(LockstepDeadlockError, side_by_side(asynchronous), strict_lockstep=True)


class Heard(logging.Handler):
    """Log lines of a block."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")

    def __enter__(self) -> Heard:
        logging.getLogger("synaflow").addHandler(self)
        return self

    def __exit__(self, *args: object) -> None:
        logging.getLogger("synaflow").removeHandler(self)


@message
def warning_when_a_bound_is_lifted(asynchronous: bool, folder: Path) -> str:
    with Heard() as heard:
        run_any(side_by_side(asynchronous))
    return "\n".join(heard.lines)


@message
def warning_of_a_dropped_item(asynchronous: bool, folder: Path) -> str:
    with Heard() as heard:
        run_any(working(asynchronous, 2))
    return "\n".join(heard.lines)


@message
def warning_of_a_failed_step(asynchronous: bool, folder: Path) -> str:
    """It is called once, so there is no item to tell."""

    def bad() -> int:
        raise ValueError("no")

    with Heard() as heard:
        run_any(pipeline("p", None, [step("bad", coloured(asynchronous, bad))]))
    return "\n".join(heard.lines)


@message
def reasons_of_skipped_steps(asynchronous: bool, folder: Path) -> str:
    def bad() -> int:
        raise ValueError("no")

    def after(bad: int) -> int:
        return bad

    def last(after: int) -> int:
        return after

    steps = [step(f.__name__, coloured(asynchronous, f)) for f in (bad, after, last)]
    return left_behind(run_any(pipeline("p", None, steps)))


@message
def reason_of_a_run_per_item_that_gave_nothing(asynchronous: bool, folder: Path) -> str:
    class One(NamedTuple):
        item: int

    def bad(item: int) -> int:
        raise ValueError("no")

    def after(bad: int) -> int:
        return bad

    def adapter(numbers: int) -> One:
        return One(numbers)

    adapter.__annotations__["return"] = One  # the class is local
    inner = pipeline(
        "inner",
        One,
        [step("bad", coloured(asynchronous, bad)), step("after", coloured(asynchronous, after))],
    )
    steps: list[Any] = [
        step("numbers", source(asynchronous, 2)),
        include("inc", coloured(asynchronous, adapter), inner),
        step("total", reader(asynchronous, "inc")),
    ]
    return left_behind(run_any(pipeline("p", None, steps)))


@message
def resource_that_cannot_be_made(asynchronous: bool, folder: Path) -> str:
    def work(numbers: int, db: Any) -> int:
        return numbers

    def connect() -> Any:
        raise ConnectionError("refused")

    def build(policy: OnError) -> Pipeline:
        steps = [
            step("numbers", source(asynchronous, 2)),
            step("work", coloured(asynchronous, work), on_error=policy),
            step("total", reader(asynchronous, "work")),
        ]
        return pipeline("p", None, steps, resources={"db": connect})

    stopped = ends(PipelineStopException, build(OnError.STOP))
    return f"{left_behind(run_any(build(OnError.CONTINUE)))}\n{stopped}"


@message
def generator_that_is_none(asynchronous: bool, folder: Path) -> str:
    def numbers() -> Iterator[int]:
        return 3  # type: ignore[return-value]

    def numbers_async() -> AsyncIterator[int]:
        return 3  # type: ignore[return-value]

    steps = [
        step("numbers", numbers_async if asynchronous else numbers),
        step("total", reader(asynchronous, "numbers")),
    ]
    return left_behind(run_any(pipeline("p", None, steps)))


@message
def materializer_that_fails(asynchronous: bool, folder: Path) -> str:
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    steps = [
        step("numbers", source(asynchronous, 2), materializer=lambda ctx: 3),
        step("total", coloured(asynchronous, total)),
    ]
    return left_behind(run_any(pipeline("p", None, steps)))


# -- macro-tasks -----------------------------------------------------------------------------------


def macro(
    made: Pipeline, store: HandoffStore, index: int = 0, **options: Any
) -> tuple[MacroSpec, Callable[..., MacroResult]]:
    task = make_plan(made.contract(), PlanOptions(granularity="step")).macro_tasks[index]
    spec = msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)

    def act(inputs: dict[str, DatasetRef | None] | None = None, of: Pipeline = made) -> MacroResult:
        return run_macro_task(
            of, spec, params={}, inputs=inputs or {}, store=store, run_key="r", **options
        )

    return spec, act


def listing(asynchronous: bool, give: Callable[[], Any]) -> Pipeline:
    def size(first: Any) -> int:
        return 1

    steps = [
        step("first", coloured(asynchronous, give)),
        step("size", coloured(asynchronous, size)),
    ]
    return pipeline("orders", None, steps)


@message
def handoff_of_a_damaged_dataset(asynchronous: bool, folder: Path) -> str:
    def first() -> int:
        return 3

    made, store = listing(asynchronous, first), HandoffStore(folder)
    refs = macro(made, store)[1]().refs
    for path in folder.rglob("*"):
        if path.is_file() and "manifest" not in path.name:
            path.write_bytes(path.read_bytes()[:-1])
    return told(HandoffError, lambda: macro(made, store, 1)[1](refs))


@message
def handoff_of_a_value_that_would_change(asynchronous: bool, folder: Path) -> str:
    def first() -> Any:
        return object()

    return told(LossyValueError, macro(listing(asynchronous, first), HandoffStore(folder))[1])


@message
def drift_of_a_step(asynchronous: bool, folder: Path) -> str:
    def giving(number: int) -> Callable[[], int]:
        if number == 3:

            def first() -> int:
                return 3

        else:

            def first() -> int:
                return 4

        return first

    made = listing(asynchronous, giving(3))
    _, act = macro(made, HandoffStore(folder), exported=made.contract())
    return told(DriftError, lambda: act(of=listing(asynchronous, giving(4))))
