"""Macro-tasks, one after the other through a real store, give what one run in process gives."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from synaflow_core import (
    DefinitionError,
    OnError,
    Pipeline,
    PipelineStopException,
    ThresholdExceededException,
    async_run,
    pipeline,
    run,
    step,
)
from synaflow_core.errors import DriftError, HandoffError
from synaflow_core.handoff import HandoffStore
from synaflow_core.macro.task import MacroSpec, run_macro_task
from synaflow_export.plan import GRANULARITIES
from tests.engine.reference import Plan as StepPlan
from tests.engine.reference import build, plans
from tests.engine.rehearsing import planned, read, rehearse, run_task


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=plans() | plans(11, joins=True),
    granularity=st.sampled_from(sorted(GRANULARITIES)),
    asynchronous=st.booleans(),
)
def test_macro_tasks_equal_run(steps: list[StepPlan], granularity: str, asynchronous: bool) -> None:
    try:
        made = build(steps, asynchronous=asynchronous)
    except DefinitionError:
        assume(False)
        raise
    expected = asyncio.run(async_run(made)) if asynchronous else run(made)
    plan = planned(made, granularity)
    with tempfile.TemporaryDirectory() as folder:
        store = HandoffStore(folder)
        refs, reports = rehearse(made, plan, store)
        final = {d.producer_step for d in plan.datasets if d.final}
        outputs = {
            name: read(made, store, name, ref)
            for name, ref in refs.items()
            if ref is not None and name in final
        }
    assert outputs == expected.outputs
    if granularity in ("stream", "pipeline"):
        assert {n: (r.status, r.ok, r.errors) for n, r in reports.items()} == {
            n: (r.status, r.ok, r.errors) for n, r in expected.steps.items()
        }


class Params(NamedTuple):
    count: int = 5


def numbers(count: int) -> Generator[int, None, None]:
    yield from range(count)


def test_a_stream_is_written_while_a_sibling_reads_it(tmp_path: Path) -> None:
    def total(numbers: Iterator[int]) -> int:
        return sum(numbers)

    def listed(numbers: list[int]) -> int:
        return len(numbers)

    made = pipeline(
        "p", Params, [step("numbers", numbers), step("total", total), step("listed", listed)]
    )
    plan = planned(made)
    assert [task.steps for task in plan.macro_tasks] == [("numbers", "total"), ("listed",)]
    store = HandoffStore(tmp_path)
    refs, reports = rehearse(made, plan, store, {"count": 7})
    dataset = refs["numbers"]
    assert dataset is not None
    assert list(store.read(dataset, int)) == list(range(7))
    assert read(made, store, "listed", refs["listed"]) == 7  # type: ignore[arg-type]
    assert reports["numbers"].ok == 7


def test_a_step_that_fails_under_continue_skips_its_dependents_elsewhere(tmp_path: Path) -> None:
    def broken(count: int) -> int:
        raise ValueError("no")

    def after(broken: int) -> int:
        return broken

    made = pipeline("p", Params, [step("broken", broken), step("after", after)])
    plan = planned(made, "step")
    refs, reports = rehearse(made, plan, HandoffStore(tmp_path))
    assert refs == {"broken": None, "after": None}
    assert reports["broken"].status == "failed"
    assert reports["after"].status == "skipped"
    assert "'broken'" in reports["after"].reason


@pytest.mark.parametrize("how", ["stop", "threshold"])
def test_a_failing_macro_task_leaves_no_dataset(tmp_path: Path, how: str) -> None:
    def work(numbers: int) -> int:
        if numbers == 3:
            raise ValueError("three")
        return numbers

    def listed(work: list[int]) -> int:
        return len(work)

    if how == "stop":
        middle = step("work", work, on_error=OnError.STOP)
    else:
        middle = step("work", work, error_threshold_absolute=1)
    made = pipeline("p", Params, [step("numbers", numbers), middle, step("listed", listed)])
    plan = planned(made)
    expected = PipelineStopException if how == "stop" else ThresholdExceededException
    with pytest.raises(expected, match="work"):
        rehearse(made, plan, HandoffStore(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_changed_code_is_refused_and_named(tmp_path: Path) -> None:
    def build_with(factor: int) -> Pipeline:
        if factor == 1:

            def work(numbers: int) -> int:
                return numbers

        else:

            def work(numbers: int) -> int:
                return numbers * 2

        def listed(work: list[int]) -> int:
            return len(work)

        return pipeline(
            "p", Params, [step("numbers", numbers), step("work", work), step("listed", listed)]
        )

    before, after = build_with(1), build_with(2)
    task = planned(before).macro_tasks[0]
    spec = msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)
    arguments: dict[str, Any] = {
        "params": {},
        "inputs": {},
        "store": HandoffStore(tmp_path),
        "run_key": "r",
        "exported": before.contract(),
    }
    with pytest.raises(
        DriftError, match=r"step 'work' was changed \(code_digest\).*[Ee]xport again"
    ):
        run_macro_task(after, spec, **arguments)
    result = run_macro_task(after, spec, **arguments, on_drift="warn")
    assert result.report.steps[1].ok == 5


def test_a_damaged_input_fails_the_task_whatever_the_policy(tmp_path: Path) -> None:
    def listed(numbers: list[int]) -> int:
        return len(numbers)

    made = pipeline("p", Params, [step("numbers", numbers), step("listed", listed)])
    first, second = (
        msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)
        for task in planned(made).macro_tasks
    )
    store = HandoffStore(tmp_path)
    refs = run_macro_task(made, first, params={}, inputs={}, store=store, run_key="r").refs
    for path in tmp_path.rglob("*"):
        if path.is_file() and "manifest" not in path.name:
            path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(HandoffError, match="numbers"):
        run_macro_task(made, second, params={}, inputs=refs, store=store, run_key="r")


opened: list[str] = []


class Connection:
    """A resource that says when it is opened and closed."""

    def __enter__(self) -> Connection:
        opened.append("open")
        return self

    def __exit__(self, *args: object) -> None:
        opened.append("closed")


def test_unserialisable_values_and_resources_stay_inside(tmp_path: Path) -> None:
    opened.clear()

    def connect() -> Connection:
        return Connection()

    def future(numbers: int, db: Connection) -> Future[int]:
        found: Future[int] = Future()
        found.set_result(numbers)
        return found

    def answers(future: Future[int]) -> int:
        return future.result() + 1

    def listed(answers: list[int]) -> list[int]:
        return answers

    made = pipeline(
        "p",
        Params,
        [
            step("numbers", numbers),
            step("future", future, max_in_flight=3),
            step("answers", answers),
            step("listed", listed),
        ],
        resources={"db": connect},
    )
    store = HandoffStore(tmp_path)
    refs, _ = rehearse(made, planned(made), store)
    assert read(made, store, "listed", refs["listed"]) == [1, 2, 3, 4, 5]  # type: ignore[arg-type]
    assert opened == ["open", "closed"]


@pytest.mark.parametrize("granularity", ["step", "pipeline"])
def test_a_value_is_stored_as_it_was_when_its_step_had_ended(
    tmp_path: Path, granularity: str
) -> None:
    def first() -> dict[str, int]:
        return {"a": 1}

    def second(first: dict[str, int]) -> list[int]:
        first["a"] = 2  # in place, which no other task could see
        return [1]

    def third(second: list[int]) -> int:
        second.append(3)
        return len(second)

    made = pipeline("p", None, [step("first", first), step("second", second), step("third", third)])
    plan = planned(made, granularity)
    store = HandoffStore(tmp_path)
    specs = [msgspec.json.decode(msgspec.json.encode(t), type=MacroSpec) for t in plan.macro_tasks]
    if granularity == "pipeline":  # all that it makes is written, as ``verify`` asks for
        every = planned(made, "step").macro_tasks
        outputs = [msgspec.json.decode(msgspec.json.encode(t), type=MacroSpec) for t in every]
        specs = [msgspec.structs.replace(specs[0], outputs=sum((o.outputs for o in outputs), ()))]
    refs: dict[str, Any] = {}
    for spec in specs:
        refs |= run_task(made, spec, refs, store).refs
    found = {name: read(made, store, name, ref) for name, ref in refs.items()}
    assert found == {"first": {"a": 1}, "second": [1], "third": 2}
