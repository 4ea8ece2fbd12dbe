"""Random pipelines, undone: in one process, in tasks and across them, the same things once each."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from synaflow_core import DefinitionError, OnError, Pipeline, PipelineStopException, pipeline, step
from synaflow_core.compensation import rollback_run
from synaflow_core.handoff import HandoffStore
from synaflow_core.macro.task import MacroSpec, run_macro_task
from synaflow_export.plan import GRANULARITIES
from tests.compensation.world import Refs, plan_of
from tests.engine.reference import Plan, build, interpret, plans, upstream_of_early_ends
from tests.engine.watching import run_any

Undone = list[tuple[str, Any]]


def undoable(made: Pipeline, undone: Undone, *, asynchronous: bool) -> Pipeline:
    """The same steps, each with a rollback that asks for the output; and one that stops the run."""

    def undo(name: str) -> Callable[..., Any]:
        def leave(output: Any) -> None:
            undone.append((name, list(output) if isinstance(output, Iterator) else output))

        async def leave_async(output: Any) -> None:
            if isinstance(output, AsyncIterator):
                output = [each async for each in output]
            leave(output)

        return leave_async if asynchronous else leave

    def zulu() -> int:
        raise ValueError("the end")

    async def zulu_async() -> int:
        raise ValueError("the end")

    last = step(
        "zulu",
        zulu_async if asynchronous else zulu,
        on_error=OnError.STOP,
        error_materializer=lambda context: None,
    )
    steps = [replace(each, rollback=undo(each.name)) for each in made.definition.steps]  # type: ignore[type-var]
    return pipeline("random", None, [*steps, last])


def expected(drawn: list[Plan]) -> dict[str, int | None]:
    """Step that must be undone -> number of its items, None for a value."""
    found: dict[str, int | None] = {}
    for plan in drawn:
        status, ok, _ = interpret(drawn).counts[plan.name]
        if status == "ok" or (plan.kind == "each" and ok):
            found[plan.name] = None if plan.kind in ("value", "reader") else ok
    return found


def check(drawn: list[Plan], undone: Undone) -> None:
    wanted = expected(drawn)
    early = upstream_of_early_ends(drawn, interpret(drawn).counts)  # they may make less
    assert sorted(name for name, _ in undone) == sorted(wanted)
    for name, output in undone:
        if wanted[name] is None:
            assert isinstance(output, int)
        elif name not in early:
            assert len(output) == wanted[name]
    order = [name for name, _ in undone]
    for plan in drawn:
        for producer, _ in plan.inputs:
            if plan.name in wanted and producer in wanted:
                assert order.index(plan.name) < order.index(producer)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    drawn=plans(7), granularity=st.sampled_from(sorted(GRANULARITIES)), asynchronous=st.booleans()
)
def test_everything_that_was_done_is_undone_once(
    drawn: list[Plan], granularity: str, asynchronous: bool
) -> None:
    here: Undone = []
    there: Undone = []
    try:
        made = build(drawn, asynchronous=asynchronous)
    except DefinitionError:
        assume(False)
        raise
    try:
        run_any(undoable(made, here, asynchronous=asynchronous))
    except PipelineStopException:
        check(drawn, here)
    else:
        raise AssertionError("it did not stop")
    spread = undoable(made, there, asynchronous=asynchronous)
    with tempfile.TemporaryDirectory() as folder:
        store, refs = HandoffStore(folder), Refs()
        for task in plan_of(spread, granularity).macro_tasks:
            spec = msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)
            inputs = {entry.dataset: refs[entry.dataset] for entry in spec.inputs}
            try:
                refs |= run_macro_task(
                    spread, spec, params={}, inputs=inputs, store=store, run_key="r"
                ).refs
            except PipelineStopException:
                break
        assert rollback_run(spread, "r", store).complete
        assert not rollback_run(spread, "r", store).undone
    check(drawn, there)
    assert sorted(here, key=repr) == sorted(there, key=repr)


def test_an_event_loop_may_be_running_around_it() -> None:
    """A target may call it from a coroutine, in a thread of its own."""
    undone: Undone = []
    made = undoable(build([Plan("alpha", "value")], asynchronous=True), undone, asynchronous=True)

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = HandoffStore(folder)
            spec = msgspec.convert(
                msgspec.to_builtins(plan_of(made).macro_tasks[0]), type=MacroSpec
            )
            await asyncio.to_thread(
                run_macro_task, made, spec, params={}, inputs={}, store=store, run_key="r"
            )
            await asyncio.to_thread(rollback_run, made, "r", store)

    asyncio.run(main())
    assert [name for name, _ in undone] == ["alpha"]
