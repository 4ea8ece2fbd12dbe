"""Composing phases, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import wraps

import pytest

from synaflow_core import DefinitionError
from synaflow_core.phases import (
    BaseStep,
    LoggingStep,
    Orchestrator,
    StepRegistry,
    StepResult,
    TimingStep,
    ValidationStep,
)
from tests.phases.workflows import Phase, Trail, registry


def names(made: StepRegistry[Trail]) -> list[str]:
    return [phase.name for phase in made]


def test_phases_are_composed_by_name() -> None:
    made = registry(Phase("a"), Phase("b", 2.5), Phase("c"))
    made.insert_before("a", Phase("first"))
    made.insert_after("b", Phase("after_b"))
    made.insert_after("c", Phase("last"))
    assert names(made) == ["first", "a", "b", "after_b", "c", "last"]
    made.unregister("a")
    made.replace("c", Phase("c", 4))
    made.replace("after_b", Phase("other"))
    assert names(made) == ["first", "b", "other", "c", "last"]
    assert len(made) == 5
    assert made.total_weight == 9.5
    assert "other" in made
    assert "a" not in made
    made.get_steps().clear()
    assert len(made) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.unregister("x"),
        lambda made: made.insert_before("x", Phase("new")),
        lambda made: made.insert_after("x", Phase("new")),
        lambda made: made.replace("x", Phase("new")),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(
    change: Callable[[StepRegistry[Trail]], None],
) -> None:
    made = registry(Phase("a"), Phase("b"))
    with pytest.raises(DefinitionError, match=r"step 'x'.*registered: 'a', 'b'") as caught:
        change(made)
    assert caught.value.problems[0].code == "unknown-step"
    assert names(made) == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.register(Phase("a")),
        lambda made: made.insert_before("a", Phase("b")),
        lambda made: made.insert_after("b", Phase("b")),
        lambda made: made.replace("a", Phase("b")),
    ],
)
def test_a_name_that_is_taken_is_refused(change: Callable[[StepRegistry[Trail]], None]) -> None:
    made = registry(Phase("a"), Phase("b"))
    with pytest.raises(DefinitionError, match=r"workflows.py:\d+: step '.'.*registered") as caught:
        change(made)
    assert caught.value.problems[0].code == "duplicate-step"
    assert names(made) == ["a", "b"]


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf, "heavy", None, True, 1e308, 10**400])
def test_weights_that_are_no_shares_are_refused(weight: float) -> None:
    with pytest.raises(DefinitionError, match=r"workflows.py:\d+: step 'a', progress_weight"):
        registry(Phase("a", weight))


def test_weights_must_not_all_be_zero() -> None:
    made = registry(Phase("a", 0), Phase("b", 0))
    with pytest.raises(DefinitionError, match="'a', 'b': the progress_weight of every step is 0"):
        Orchestrator(made, Trail())
    made.register(Phase("c", 0.1))
    assert Orchestrator(made, Trail()).execute()["success"]


@pytest.mark.parametrize("wrong", ["", "  ", None, 3])
def test_a_phase_needs_a_name(wrong: str) -> None:
    with pytest.raises(DefinitionError, match="expected a name"):
        registry(Phase(wrong))


def test_what_is_no_phase_is_refused() -> None:
    with pytest.raises(DefinitionError, match="expected an instance of BaseStep, got the class"):
        registry(Phase)  # type: ignore[arg-type]


class Later(Phase):
    async def execute(self, context: Trail) -> StepResult:  # type: ignore[override]
        return StepResult()


class Waiting(Phase):
    async def can_skip(self, context: Trail) -> bool:  # type: ignore[override]
        return False


class Unwaited(Phase):
    async def rollback(self, context: Trail, result: StepResult) -> None:  # type: ignore[override]
        context.done.clear()


class Yielding(Phase):
    def execute(self, context: Trail) -> Iterator[StepResult]:  # type: ignore[override]
        yield StepResult()


class Unstarted(Phase):
    def rollback(self, context: Trail, result: StepResult) -> Iterator[None]:  # type: ignore[override]
        yield context.done.clear()


class Unfitting(Phase):
    def rollback(self, context: Trail) -> None:  # type: ignore[override]
        context.done.clear()


async def later(context: Trail) -> tuple[bool, str | None]:
    return True, None


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        (Later("a"), "'execute' is asynchronous"),
        (Waiting("a"), "'can_skip' is asynchronous"),
        (Unwaited("a"), "'rollback' is asynchronous"),
        (Yielding("a"), "'execute' contains 'yield'"),
        (Unstarted("a"), "'rollback' contains 'yield'"),
        (Unfitting("a"), r"'rollback' is called with \(context, result\), and does not fit: too"),
        (ValidationStep(later, "a"), "'later' is asynchronous"),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_would_not_run_when_it_is_called_is_refused(
    phase: BaseStep[Trail], told: str, wrapped: bool
) -> None:
    with pytest.raises(DefinitionError, match=rf"test_registry.py:\d+: step 'a': {told}"):
        registry(TimingStep(LoggingStep(phase)) if wrapped else phase)


def test_only_a_phase_can_be_wrapped_and_only_a_function_be_the_check() -> None:
    with pytest.raises(DefinitionError, match="expected an instance of BaseStep, got the class"):
        LoggingStep(Phase)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="expected an instance of BaseStep, got NoneType"):
        TimingStep(None)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="step 'full': expected a function, got True"):
        ValidationStep(True, "full")  # type: ignore[arg-type]


def test_a_method_is_taken_as_its_decorator_lets_it_be_called() -> None:
    """``wraps`` makes the wrapper look like the function, which takes one more."""

    def connected(function: Callable[[Phase, Trail, str], StepResult]) -> Callable[..., StepResult]:
        @wraps(function)
        def call(self: Phase, context: Trail) -> StepResult:
            return function(self, context, "db")

        return call

    class Connected(Phase):
        @connected
        def execute(self, context: Trail, connection: str) -> StepResult:
            return StepResult(data={"connection": connection})

    assert Orchestrator(registry(Connected("a")), Trail()).execute()["success"]
