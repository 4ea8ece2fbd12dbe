"""Phases around other phases, and one that only checks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from synaflow_core.phases.step import BaseStep, C, StepResult, StepWrapper


class LoggingStep(StepWrapper[C]):
    """Logs when the wrapped phase begins and how it ends."""

    def execute(self, context: C) -> StepResult:
        """Execute the wrapped phase between two lines of the log."""
        context.runtime_ctx.log("step_start", {"step": self.name})
        began = time.perf_counter()
        ending = "failed"
        try:
            result = self.step.execute(context)
            ending = "ok" if result.success else f"failed: {result.error}"
        finally:
            elapsed = round(time.perf_counter() - began, 6)
            context.runtime_ctx.log(
                "step_end", {"step": self.name, "elapsed": elapsed, "outcome": ending}
            )
        return result

    def rollback(self, context: C, result: StepResult) -> None:
        """Roll the wrapped phase back, and log that."""
        context.runtime_ctx.log("step_rollback", {"step": self.name})
        self.step.rollback(context, result)


class TimingStep(StepWrapper[C]):
    """Adds ``duration_seconds`` to the data of the wrapped phase's result."""

    def execute(self, context: C) -> StepResult:
        """Execute the wrapped phase and say how long it took."""
        began = time.perf_counter()
        result = self.step.execute(context)
        seconds = time.perf_counter() - began
        return replace(result, data={**result.data, "duration_seconds": seconds})


class ValidationStep(BaseStep[C]):
    """Goes on only if ``check(context)`` returns ``(True, ...)``; else fails with its message."""

    def __init__(
        self,
        check: Callable[[C], tuple[bool, str | None]],
        name: str = "validate",
        progress_weight: float = 0.05,
    ) -> None:
        self.known_by = self._check = check
        self._name = name
        self._weight = progress_weight

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    @property
    def progress_weight(self) -> float:
        """The weight that it was given."""
        return self._weight

    def execute(self, context: C) -> StepResult:
        """Ask the check."""
        valid, message = self._check(context)
        return StepResult() if valid else StepResult(False, error=message or "the check failed")
