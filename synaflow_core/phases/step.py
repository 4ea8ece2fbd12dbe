"""One phase of a workflow: what it does, what it weighs, how it is undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from synaflow_core.phases.context import BaseStepContext

C = TypeVar("C", bound="BaseStepContext")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class StepResult:
    """What became of one phase.

    Attributes:
        success: Whether it did its work; False ends the workflow.
        data: What it found out, for people and for later phases.
        error: Why it did not succeed.
        rollback_data: What its rollback needs to know.
        skipped: It had nothing to do and was not executed.
        timestamp: When it ended, UTC; results that differ in nothing else are equal.
    """

    success: bool = True
    data: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    rollback_data: dict[str, Any] = field(default_factory=dict)
    skipped: bool = False
    timestamp: datetime = field(default_factory=_now, compare=False)


class BaseStep(ABC, Generic[C]):
    """One phase of a workflow over a shared context of type ``C``.

    ``name`` and ``progress_weight`` may be properties or plain class attributes.

    Attributes:
        known_by: The function that says where the phase is written and whether it has changed,
            for phases that are made of functions; None for ``execute`` itself.
        made_of: All functions that such a phase calls.
    """

    known_by: Callable[..., Any] | None = None
    made_of: tuple[Callable[..., Any], ...] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the phase, unique in its workflow."""

    @property
    @abstractmethod
    def progress_weight(self) -> float:
        """Share of the phase in the progress of the workflow, relative to the other phases."""

    @abstractmethod
    def execute(self, context: C) -> StepResult:
        """Do the work. What it raises ends the workflow, as ``success=False`` does.

        A phase that fails is not rolled back: what it has begun it must clean up itself.
        """

    def can_skip(self, context: C) -> bool:
        """Whether there is nothing to do; asked right before the phase would be executed."""
        return False

    def rollback(self, context: C, result: StepResult) -> None:
        """Undo the work, because a later phase failed; ``result`` is what ``execute`` returned."""


class FunctionStep(BaseStep[C]):
    """A phase that calls functions which somebody gave it, with a name and a weight.

    Args:
        name: Its name.
        progress_weight: Its weight.
        made_of: The functions; it is known by the first.
    """

    def __init__(self, name: str, progress_weight: float, *made_of: Callable[..., Any]) -> None:
        self._name = name
        self._weight = progress_weight
        self.known_by, self.made_of = made_of[0], made_of

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    @property
    def progress_weight(self) -> float:
        """The weight that it was given."""
        return self._weight


class StepWrapper(BaseStep[C]):
    """A phase around another one: name, weight, skipping and rollback are those of the inner one.

    Wrapping therefore changes nothing for whoever knows the phase by its name.
    """

    def __init__(self, step: BaseStep[C]) -> None:
        from synaflow_core.phases.checks import check_is_phase  # which knows of wrappers

        check_is_phase(step)
        self.step = step

    @property
    def name(self) -> str:
        """Name of the wrapped phase."""
        return self.step.name

    @property
    def progress_weight(self) -> float:
        """Weight of the wrapped phase."""
        return self.step.progress_weight

    def can_skip(self, context: C) -> bool:
        """Whether the wrapped phase can be skipped."""
        return self.step.can_skip(context)

    def rollback(self, context: C, result: StepResult) -> None:
        """Roll the wrapped phase back."""
        self.step.rollback(context, result)


def layers(step: BaseStep[Any]) -> list[BaseStep[Any]]:
    """The phase, and whatever is wrapped in it; the innermost last."""
    found = [step]
    while isinstance(step, StepWrapper):
        step = step.step
        found.append(step)
    return found


def innermost(step: BaseStep[Any]) -> BaseStep[Any]:
    """The phase inside all wrappers."""
    return layers(step)[-1]


def has_rollback(step: BaseStep[Any]) -> bool:
    """Whether the phase can be undone: what wrappers do around a rollback is none of itself."""
    rollback = innermost(step).rollback  # a method, or what the instance has in its place
    return getattr(rollback, "__func__", rollback) is not BaseStep.rollback


def result_of(step: BaseStep[C], context: C) -> StepResult:
    """Execute a phase.

    Raises:
        TypeError: It returned no result.
    """
    result: Any = step.execute(context)
    if not isinstance(result, StepResult):
        raise TypeError(f"expected execute() to return a StepResult, got {result!r:.100}")
    return result


def written_at(step: BaseStep[Any]) -> Callable[..., Any]:
    """The function that a phase is known by: to say where it is, and whether it has changed."""
    inner = innermost(step)
    return inner.known_by or type(inner).execute
