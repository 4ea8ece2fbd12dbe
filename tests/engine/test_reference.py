"""Random pipelines give what a materialise-everything interpreter gives: outputs and counts."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, assume, given, note, settings

from synaflow_core import DefinitionError, Pipeline, RunResult, async_run, run
from tests.engine.reference import (
    Plan,
    build,
    interpret,
    plans,
    upstream_of_early_ends,
)


@pytest.mark.parametrize("engine", ["sync", "async", "async, steps that pause"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(steps=plans())
def test_run_equals_the_reference(engine: str, steps: list[Plan]) -> None:
    try:
        made = build(steps, asynchronous=engine != "sync", pausing="pause" in engine)
    except DefinitionError:
        assume(False)
        raise
    note("\n".join(str(plan) for plan in steps))
    expected = interpret(steps)
    result = run(made) if engine == "sync" else asyncio.run(_watched(made))
    assert result.outputs == expected.outputs
    early = upstream_of_early_ends(steps, expected.counts)
    counts = {n: (r.status, r.ok, r.errors) for n, r in result.steps.items() if n not in early}
    assert counts == {n: count for n, count in expected.counts.items() if n not in early}


async def _watched(made: Pipeline) -> RunResult:
    result = await asyncio.wait_for(async_run(made), 30)
    left = {task.get_coro() for task in asyncio.all_tasks()}
    # a generator that a *step* made and dropped is closed by a task of the event loop's own
    own = [coro for coro in left if "athrow" not in type(coro).__name__]
    assert len(own) == 1
    return result
