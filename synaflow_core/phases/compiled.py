"""From phases to a pipeline: one step per phase, the context handed from one to the next.

The first step makes the context from the run's params; every step executes its phase and returns
the context, which is then a dataset like any other: written to the store where the next phase runs
elsewhere. A phase that fails stops the run, and the rollbacks of the phases before it are the
rollbacks of their steps, each with the context and the result as they were when it had ended.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from keyword import iskeyword
from typing import Any

from synaflow_core.definition import OnError, Step, step
from synaflow_core.engine.progress import set_progress
from synaflow_core.errors import DefinitionError, Problem, StepFailedError
from synaflow_core.hints import place_of, read_fields
from synaflow_core.naming import base_name, name_trouble
from synaflow_core.phases.checks import check_weights
from synaflow_core.phases.context import BaseStepContext, listen
from synaflow_core.phases.orchestrator import run_step
from synaflow_core.phases.registry import StepRegistry
from synaflow_core.phases.step import (
    BaseStep,
    StepResult,
    has_rollback,
    innermost,
    written_at,
)
from synaflow_core.phases.travelling import wrong_context
from synaflow_core.pipeline import Pipeline, pipeline

OUTPUT = "output"
"""Parameter of a rollback that takes what its step returned."""


class _Phase:
    """A callable that stands for a phase: it has the phase's place, and a signature of its own."""

    def __init__(
        self, phase: BaseStep[Any], known_by: Callable[..., Any], parameters: dict[str, Any]
    ) -> None:
        self._phase = phase
        self.__name__ = getattr(known_by, "__qualname__", type(phase).__name__)
        self.__wrapped__ = known_by  # where it is written, and what its digest is of
        self.__doc__ = type(phase).__doc__
        keyword = inspect.Parameter.KEYWORD_ONLY
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(name, keyword, annotation=hint)
                for name, hint in parameters.items()
                if name != "return"
            ],
            return_annotation=parameters["return"],
        )


class PhaseCall(_Phase):
    """Executes one phase; ``begin`` makes the context of the first one from the params."""

    def __init__(
        self,
        phase: BaseStep[Any],
        context: type[Any],
        before: str,
        begin: Callable[..., Any] | None = None,
        fields: dict[str, Any] | None = None,
    ) -> None:
        # A parameter cannot be called like a phase that is called 'import', but 'imports' means it.
        previous = base_name(before) if iskeyword(before) else before
        given = fields if begin is not None and fields is not None else {previous: context}
        super().__init__(phase, written_at(phase), {**given, "return": context})
        self._begin = begin

    def __call__(self, /, **given: Any) -> Any:
        """The context, after the phase."""
        (context,) = [self._begin(**given)] if self._begin is not None else given.values()
        context.current_step = self._phase.name
        listen(context, lambda part: set_progress(part, 1.0))
        try:
            run_step(self._phase, context)
        except StepFailedError as failure:
            if failure.cause is not None:  # the run wraps it, with the same name: once is enough
                raise failure.cause from None
            raise
        finally:
            listen(context, None)
        context.current_step = ""
        return context


class PhaseRollback(_Phase):
    """Rolls one phase back; ``position`` is that of the phase among all."""

    def __init__(self, phase: BaseStep[Any], context: type[Any], position: int) -> None:
        super().__init__(phase, innermost(phase).rollback, {OUTPUT: context, "return": None})
        self._position = position

    def __call__(self, output: Any) -> None:
        """Call the phase's rollback with the context, and the result that it had."""
        result: StepResult = output.step_results[self._position]
        if not result.skipped:
            self._phase.rollback(output, result)


def compiled(
    registry: StepRegistry[Any],
    name: str,
    *,
    context: type[Any],
    description: str = "",
    params: type[Any] | None = None,
    begin: Callable[..., Any] | None = None,
) -> Pipeline:
    """Make the pipeline of a workflow; see :meth:`StepRegistry.to_pipeline`.

    Args:
        registry: The phases.
        name: Name of the pipeline.
        context: Class of the context.
        description: Text for people.
        params: The params class; None for one made of the context's own fields, or for none at all
            where there is a ``begin``.
        begin: Makes the first context from the fields of ``params``; None for the class itself.

    Raises:
        DefinitionError: See :meth:`StepRegistry.to_pipeline`.
    """
    phases = registry.get_steps()
    check_weights(phases)
    problems = [*wrong_context(context), *_wrong_names(phases)]
    if not phases:
        problems.append(
            Problem(
                f"pipeline '{name}'", "", "no-steps", "the workflow has no steps", "register one"
            )
        )
    if problems:
        raise DefinitionError(f"the workflow cannot become pipeline '{name}':", problems)
    if params is None and begin is None:
        params = _params_class(context)
    fields = read_fields(params)[0] if params is not None else {}
    before = ""
    steps: list[Step] = []
    for phase in phases:
        first = PhaseCall(phase, context, before, begin or context, fields)
        call = PhaseCall(phase, context, before) if before else first
        steps.append(_step(phase, call, context, len(steps)))
        before = phase.name
    return pipeline(name, params, steps, description=description)


def _step(phase: BaseStep[Any], call: PhaseCall, context: type[Any], position: int) -> Step:
    return step(
        phase.name,
        call,
        on_error=OnError.STOP,
        progress_weight=phase.progress_weight,
        rollback=PhaseRollback(phase, context, position) if has_rollback(phase) else None,
    )


def _params_class(context: type[Any]) -> type[Any] | None:
    """A params class of the fields that the user's context adds; None if it adds none."""
    common = {field.name for field in dataclasses.fields(BaseStepContext)}
    hints, _ = read_fields(context)
    own = [
        (each.name, hints[each.name], _same_default(each))
        for each in dataclasses.fields(context)
        if each.init and each.name not in common
    ]
    if not own:
        return None
    text = context.__doc__ or ""
    if text.startswith(f"{context.__name__}("):  # nobody wrote it but @dataclass
        text = ""
    space = {"__doc__": text, "__module__": context.__module__}
    return dataclasses.make_dataclass(
        f"{context.__name__}Params", own, namespace=space, frozen=True, kw_only=True
    )


def _same_default(field: dataclasses.Field[Any]) -> Any:
    return dataclasses.field(default=field.default, default_factory=field.default_factory)


def _wrong_names(phases: list[BaseStep[Any]]) -> Iterator[Problem]:
    """Phases are called what steps may be called, because steps are what they become."""
    for phase in phases:
        trouble = name_trouble(phase.name)
        if trouble is not None:
            reason, suggestion = trouble
            yield Problem(
                place_of(written_at(phase)),
                f"step {phase.name!r:.80}",
                "illegal-name",
                f"the name cannot be that of a step of a pipeline: {reason}",
                suggestion,
            )
