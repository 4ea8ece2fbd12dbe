"""Wrappers nest, and leave to the inner phase what is its own."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from synaflow_core import PipelineStopException, run
from synaflow_core.phases import (
    LoggingStep,
    Orchestrator,
    StepFailedError,
    StepResult,
    TimingStep,
    ValidationStep,
)
from synaflow_core.phases.context import log_to
from tests.phases.workflows import Phase, Trail, registry


def test_wrappers_nest_and_delegate(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = LoggingStep(TimingStep(LoggingStep(Phase("a", 3))))
    assert (wrapped.name, wrapped.progress_weight) == ("a", 3)
    context = Trail()
    made = registry(wrapped, TimingStep(Phase("b")), Phase("c", fails=ValueError("no")))
    with caplog.at_level(logging.INFO, "synaflow.phases"), pytest.raises(StepFailedError):
        Orchestrator(made, context).execute()
    assert context.done == ["a", "b", "undo b", "undo a"]
    assert context.step_results[0].data["duration_seconds"] >= 0
    assert context.step_results[0].rollback_data == {"name": "a"}
    said = [record.message.partition(" ")[0] for record in caplog.records]
    assert said == ["step_start", "step_start", "step_end", "step_end"] + ["step_rollback"] * 2


def test_a_wrapped_phase_is_skipped_as_it_would_be_itself() -> None:
    context = Trail(skip=["a"])
    result = Orchestrator(registry(LoggingStep(TimingStep(Phase("a")))), context).execute()
    assert result["steps_executed"] == 0


def test_the_end_of_a_failing_phase_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    for fails in ("full", OSError("full")):
        with caplog.at_level(logging.INFO, "synaflow.phases"), pytest.raises(StepFailedError):
            Orchestrator(registry(LoggingStep(Phase("a", fails=fails))), Trail()).execute()
    ends = [r.message for r in caplog.records if r.message.startswith("step_end")]
    assert len(ends) == 2
    assert all("'outcome': 'failed" in end for end in ends)


def test_a_phase_that_is_skipped_is_logged_without_a_wrapper(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "synaflow.phases"):
        Orchestrator(registry(Phase("a"), Phase("b")), Trail(skip=["b"])).execute()
    assert [record.message for record in caplog.records] == ["step_skipped {'step': 'b'}"]


def test_a_validation_goes_on_or_fails_with_its_message() -> None:
    def has_a(context: Trail) -> tuple[bool, str | None]:
        return "a" in context.done, "a is missing"

    check = ValidationStep(has_a)
    assert (check.name, check.progress_weight) == ("validate", 0.05)
    assert Orchestrator(registry(Phase("a"), check), Trail()).execute()["success"]
    with pytest.raises(StepFailedError, match="step 'check' failed: a is missing"):
        Orchestrator(registry(ValidationStep(has_a, "check", 1)), Trail()).execute()
    with pytest.raises(StepFailedError, match=r"expected the check to return \(ok, message\), got"):
        Orchestrator(registry(ValidationStep(lambda _: True)), Trail()).execute()  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("wrapper", [LoggingStep, TimingStep])
def test_a_wrapped_phase_that_returns_no_result_has_failed(wrapper: Any) -> None:
    class Forgetful(Phase):
        def execute(self, context: Trail) -> StepResult:
            return None  # type: ignore[return-value]

    with pytest.raises(StepFailedError, match=r"execute\(\) to return a StepResult, got None"):
        Orchestrator(registry(wrapper(Forgetful("a"))), Trail()).execute()


def test_a_log_of_the_task_gets_what_phases_log(caplog: pytest.LogCaptureFixture) -> None:
    made = registry(LoggingStep(Phase("a")), Phase("b", fails="no")).to_pipeline(
        "work", context=Trail
    )
    with (
        caplog.at_level(logging.INFO),
        log_to(logging.getLogger("task")),
        pytest.raises(PipelineStopException),
    ):
        run(made)
    told = [(record.name, record.message.partition(" ")[0]) for record in caplog.records]
    events = [("task", "step_start"), ("task", "step_end"), ("task", "step_rollback")]
    assert [each for each in told if each[1].startswith("step_")] == events
