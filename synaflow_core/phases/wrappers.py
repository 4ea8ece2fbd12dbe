"""Phases around other phases, and one that only checks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from synaflow_core.errors import Problem
from synaflow_core.phases.checks import refused
from synaflow_core.phases.step import C, FunctionStep, StepResult, StepWrapper, result_of


class LoggingStep(StepWrapper[C]):
    """Logs when the wrapped phase begins and how it ends."""

    def execute(self, context: C) -> StepResult:
        """Execute the wrapped phase between two lines of the log."""
        context.runtime_ctx.log("step_start", {"step": self.name})
        began = time.perf_counter()
        ending = "failed"
        try:
            result = result_of(self.step, context)
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
        result = result_of(self.step, context)
        seconds = time.perf_counter() - began
        return replace(result, data={**result.data, "duration_seconds": seconds})


class ValidationStep(FunctionStep[C]):
    """Goes on only if ``check(context)`` returns ``(True, ...)``; else fails with its message.

    Raises:
        DefinitionError: The check is no function.
    """

    def __init__(
        self,
        check: Callable[[C], tuple[bool, str | None]],
        name: str = "validate",
        progress_weight: float = 0.05,
    ) -> None:
        given: object = check
        if not callable(given):
            message = f"expected a function, got {given!r:.100}"
            hint = "pass a function of the context that returns (ok, message), uncalled"
            raise refused(Problem("", f"step '{name}'", "invalid-option", message, hint))
        super().__init__(name, progress_weight, check)
        self._check = check

    def execute(self, context: C) -> StepResult:
        """Ask the check."""
        answer: Any = self._check(context)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"expected the check to return (ok, message), got {answer!r:.100}")
        valid, message = answer
        return StepResult() if valid else StepResult(False, error=message or "the check failed")
