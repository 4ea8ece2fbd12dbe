"""Small workflows for the tests: phases that say what they do."""

from __future__ import annotations

from dataclasses import dataclass, field

from synaflow_core.phases import BaseStep, BaseStepContext, StepRegistry, StepResult


@dataclass
class Trail(BaseStepContext):
    """Every phase and rollback leaves its name."""

    done: list[str] = field(default_factory=list)
    skip: list[str] = field(default_factory=list)


class Phase(BaseStep[Trail]):
    """Leaves its name; fails and fails to roll back on demand."""

    def __init__(
        self,
        name: str,
        weight: float = 1.0,
        *,
        fails: BaseException | str | None = None,
        stuck: bool = False,
    ) -> None:
        self._name = name
        self._weight = weight
        self._fails = fails
        self._stuck = stuck

    @property
    def name(self) -> str:
        return self._name

    @property
    def progress_weight(self) -> float:
        return self._weight

    def can_skip(self, context: Trail) -> bool:
        return self._name in context.skip

    def execute(self, context: Trail) -> StepResult:
        if isinstance(self._fails, BaseException):
            raise self._fails
        if self._fails is not None:
            return StepResult(success=False, error=self._fails)
        context.done.append(self._name)
        return StepResult(rollback_data={"name": self._name})

    def rollback(self, context: Trail, result: StepResult) -> None:
        context.done.append(f"undo {result.rollback_data['name']}")
        if self._stuck:
            raise OSError("stuck")


def registry(*phases: BaseStep[Trail]) -> StepRegistry[Trail]:
    made = StepRegistry[Trail]()
    for phase in phases:
        made.register(phase)
    return made
