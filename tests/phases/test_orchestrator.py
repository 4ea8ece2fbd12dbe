"""Running phases: order, progress, skipping, rollback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaflow_core.errors import DefinitionError, RunError
from synaflow_core.phases import (
    BaseStep,
    Orchestrator,
    StepFailedError,
    StepRegistry,
    StepResult,
)
from tests.phases.workflows import Phase, Trail, registry


def test_phases_run_in_order_and_their_results_are_kept() -> None:
    context = Trail()
    result = Orchestrator(registry(Phase("a"), Phase("b"), Phase("c")), context).execute()
    assert result == {"success": True, "steps_executed": 3, "steps_total": 3}
    assert context.done == ["a", "b", "c"]
    assert [each.rollback_data["name"] for each in context.step_results] == ["a", "b", "c"]
    assert context.current_step == ""


def test_a_skipped_phase_counts_as_progress_and_is_not_undone() -> None:
    context, told = Trail(skip=["b"]), list[float]()
    phases = registry(Phase("a"), Phase("b", 2), Phase("c"))
    result = Orchestrator(phases, context, told.append).execute()
    assert result == {"success": True, "steps_executed": 2, "steps_total": 3}
    assert told == [0.25, 0.75, 1.0]
    assert [each.skipped for each in context.step_results] == [False, True, False]
    context = Trail(skip=["b"])
    with pytest.raises(StepFailedError):
        Orchestrator(registry(Phase("a"), Phase("b"), Phase("c", fails="no")), context).execute()
    assert context.done == ["a", "undo a"]


class Halves(Phase):
    def execute(self, context: Trail) -> StepResult:
        for part in (1, 0.5, 2, 9):  # backwards, and beyond the end
            context.set_progress(part, 2)
        return super().execute(context)


def test_progress_within_a_phase_never_falls_or_passes_the_phase() -> None:
    told: list[float] = []
    orchestrator = Orchestrator(registry(Halves("a"), Phase("b")), Trail(), told.append)
    orchestrator.execute()
    assert told == [0.25, 0.5, 1.0]
    assert orchestrator.progress == 1.0
    Trail().set_progress(1, 2)  # nobody listens, and nothing happens


@given(
    st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=20).filter(any),
    st.booleans(),
)
def test_progress_rises_and_ends_at_exactly_one(weights: list[float], halves: bool) -> None:
    told: list[float] = []
    kind = Halves if halves else Phase
    phases = registry(*(kind(f"p{i}", weight) for i, weight in enumerate(weights)))
    Orchestrator(phases, Trail(), told.append).execute()
    assert told == sorted(set(told))
    assert told[-1] == 1.0


@pytest.mark.parametrize("fails", ["no", ValueError("no")], ids=["reported", "raised"])
def test_a_failure_undoes_the_phases_before_it_newest_first(fails: str | ValueError) -> None:
    context = Trail()
    phases = registry(Phase("a"), Phase("b"), Phase("c", fails=fails), Phase("d"))
    with pytest.raises(StepFailedError, match=r"step 'c' failed: .*no") as caught:
        Orchestrator(phases, context).execute()
    assert context.done == ["a", "b", "undo b", "undo a"]
    assert caught.value.step_name == "c"
    assert caught.value.cause is (fails if isinstance(fails, ValueError) else None)
    assert caught.value.__cause__ is caught.value.cause
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, RunError)
    assert context.errors == []


def test_a_failing_rollback_is_recorded_and_the_others_go_on() -> None:
    context = Trail()
    phases = registry(Phase("a"), Phase("b", stuck=True), Phase("c", fails="no"))
    with pytest.raises(StepFailedError, match="'c'"):
        Orchestrator(phases, context).execute()
    assert context.done == ["a", "b", "undo b", "undo a"]
    assert context.errors == ["rollback of step 'b' failed: OSError: stuck"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_undoes_and_goes_on(kind: type[BaseException]) -> None:
    context = Trail()
    with pytest.raises(kind):
        Orchestrator(registry(Phase("a"), Phase("b", fails=kind())), context).execute()
    assert context.done == ["a", "undo a"]


def test_an_interrupt_of_the_rollback_ends_it_and_says_what_is_left() -> None:
    class Interrupted(Phase):
        def rollback(self, context: Trail, result: StepResult) -> None:
            raise KeyboardInterrupt

    context = Trail()
    phases = registry(Phase("a"), Phase("b"), Interrupted("c"), Phase("d", fails="no"))
    with pytest.raises(KeyboardInterrupt):
        Orchestrator(phases, context).execute()
    assert context.errors == [
        "rollback of step 'c' was interrupted",
        "step 'b' was not rolled back",
        "step 'a' was not rolled back",
    ]


def test_a_failing_progress_callback_undoes_what_was_done() -> None:
    def broken(progress: float) -> None:
        raise OSError("no screen")

    context = Trail()
    with pytest.raises(OSError, match="no screen"):
        Orchestrator(registry(Phase("a"), Phase("b")), context, broken).execute()
    assert context.done == ["a", "undo a"]


def test_a_phase_that_returns_no_result_has_failed() -> None:
    class Forgetful(Phase):
        def execute(self, context: Trail) -> StepResult:
            return None  # type: ignore[return-value]

    with pytest.raises(StepFailedError, match=r"execute\(\) to return a StepResult, got None"):
        Orchestrator(registry(Forgetful("a")), Trail()).execute()


def test_an_empty_workflow_succeeds() -> None:
    result = Orchestrator(StepRegistry[Trail](), Trail()).execute()
    assert result == {"success": True, "steps_executed": 0, "steps_total": 0}


def test_name_and_weight_may_be_plain_attributes() -> None:
    class Plain(BaseStep[Trail]):
        name = "plain"
        progress_weight = 0.5

        def execute(self, context: Trail) -> StepResult:
            return StepResult()

    assert Orchestrator(registry(Plain()), Trail()).execute()["steps_executed"] == 1  # type: ignore[arg-type]


def test_what_is_no_workflow_is_refused() -> None:
    with pytest.raises(DefinitionError, match="instance of BaseStepContext, got the class Trail"):
        Orchestrator(registry(Phase("a")), Trail)  # type: ignore[type-var]
    with pytest.raises(DefinitionError, match="instance of StepRegistry, got list"):
        Orchestrator([Phase("a")], Trail())  # type: ignore[arg-type]
