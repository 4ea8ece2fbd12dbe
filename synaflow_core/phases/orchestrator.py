"""Runs the phases of a workflow: in order, with weighted progress, undone when one fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic

from synaflow_core.errors import StepFailedError
from synaflow_core.phases.checks import check_kind, check_weights
from synaflow_core.phases.context import BaseStepContext, listen, logger
from synaflow_core.phases.registry import StepRegistry
from synaflow_core.phases.step import BaseStep, C, StepResult, result_of


class Orchestrator(Generic[C]):
    """Executes the phases of a registry over one context.

    Args:
        registry: The phases.
        context: What they share.
        progress_callback: Called with the progress of the whole, a number that never falls and
            ends at exactly 1.0, whenever it has risen. What it raises ends the workflow.

    Raises:
        DefinitionError: Every phase weighs 0, or this is no registry or no context.
    """

    def __init__(
        self,
        registry: StepRegistry[C],
        context: C,
        progress_callback: Callable[[float], None] | None = None,
    ) -> None:
        check_kind("registry", registry, StepRegistry)
        check_kind("context", context, BaseStepContext)
        check_weights(list(registry))
        self._registry = registry
        self._context = context
        self._callback = progress_callback
        self._progress = 0.0

    @property
    def progress(self) -> float:
        """How far the workflow is: 0.0 to 1.0, by weight."""
        return self._progress

    def execute(self) -> dict[str, Any]:
        """Run all phases.

        Returns:
            ``{'success': True, 'steps_executed': 3, 'steps_total': 3}``; skipped phases are not
            among those executed.

        Raises:
            StepFailedError: A phase raised or reported a failure. The phases before it have been
                rolled back, newest first; rollbacks that failed are in ``context.errors``.
            BaseException: ``KeyboardInterrupt`` and the like, after the same rollbacks.
        """
        steps, context = self._registry.get_steps(), self._context
        check_weights(list(steps))
        total = self._registry.total_weight
        done: list[tuple[BaseStep[C], StepResult]] = []
        before = self._progress = 0.0
        try:
            for step in steps:
                share = step.progress_weight / total
                context.current_step = step.name
                listen(context, partial(self._within, before, share))
                result = run_step(step, context)
                if not result.skipped:
                    done.append((step, result))
                before += share
                self._rise(1.0 if step is steps[-1] else before)
        except BaseException:
            listen(context, None)
            self._roll_back(done)
            raise
        finally:
            listen(context, None)
            context.current_step = ""
        return {"success": True, "steps_executed": len(done), "steps_total": len(steps)}

    def _within(self, before: float, share: float, part: float) -> None:
        self._rise(before + share * part)

    def _rise(self, progress: float) -> None:
        progress = min(progress, 1.0)  # sums of shares are not exact
        if progress > self._progress:
            self._progress = progress
            if self._callback is not None:
                self._callback(progress)

    def _roll_back(self, done: list[tuple[BaseStep[C], StepResult]]) -> None:
        left, errors = list(done), self._context.errors
        while left:
            step, result = left.pop()
            self._context.current_step = step.name
            try:
                step.rollback(self._context, result)
            except Exception as error:  # best effort: the others must still be undone
                logger.exception("the rollback of step '%s' failed", step.name)
                errors.append(
                    f"rollback of step '{step.name}' failed: {type(error).__name__}: {error}"
                )
            except BaseException:  # an interrupt
                errors.append(f"rollback of step '{step.name}' was interrupted")
                errors.extend(f"step '{each.name}' was not rolled back" for each, _ in left[::-1])
                raise


def run_step(step: BaseStep[C], context: C) -> StepResult:
    """Execute one phase, or skip it, and keep its result in the context.

    Raises:
        StepFailedError: It raised, or reported a failure.
    """
    try:
        skip = step.can_skip(context)
        if skip:  # to whoever watches, a task that did nothing looks like any other
            context.log("step_skipped")
        result = StepResult(skipped=True) if skip else result_of(step, context)
    except Exception as error:
        raise StepFailedError(step.name, f"{type(error).__name__}: {error}", error) from error
    context.step_results.append(result)
    if not result.success:
        raise StepFailedError(step.name, result.error or "it reported no success")
    return result
