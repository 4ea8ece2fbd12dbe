"""Random pipelines give what a materialise-everything interpreter gives: outputs and counts."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, note, settings

from synaflow_core import DefinitionError, run
from tests.engine.reference import Plan, build, interpret, plans


@settings(max_examples=12000, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(plans())
def test_run_equals_the_reference(steps: list[Plan]) -> None:
    try:
        made = build(steps)
    except DefinitionError:
        assume(False)
        raise
    note("\n".join(str(plan) for plan in steps))
    expected = interpret(steps)
    result = run(made)
    assert result.outputs == expected.outputs
    early = _upstream_of_early_ends(steps, expected.counts)
    counts = {n: (r.status, r.ok, r.errors) for n, r in result.steps.items() if n not in early}
    assert counts == {n: count for n, count in expected.counts.items() if n not in early}


def _upstream_of_early_ends(
    steps: list[Plan], counts: dict[str, tuple[str, int, int]]
) -> set[str]:
    """Steps that may rightly have made less: a consumer of theirs ended before them."""
    early: set[str] = set()
    for plan in reversed(steps):
        if plan.name in early or _ended_early(plan, counts):
            early |= {name for name, _ in plan.inputs}
    return early


def _ended_early(plan: Plan, counts: dict[str, tuple[str, int, int]]) -> bool:
    status = counts[plan.name][0]
    return status == "skipped" or (status == "failed" and plan.kind == "through")
