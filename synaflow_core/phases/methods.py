"""Phases that are methods of an action, and which methods an action must have for them.

A base class of actions marks the methods that its users write (:func:`to_write`), and says which of
them its own methods call (:func:`calls`). They are asked for only if a phase comes to call them:
who replaces the phases, or a method that calls others, need not write the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from synaflow_core.errors import Problem
from synaflow_core.phases.checks import check_fits, check_not_async, first_written, refused
from synaflow_core.phases.step import BaseStep, FunctionStep, StepResult, innermost
from synaflow_core.phases.travelling import place_of_class

F = TypeVar("F", bound=Callable[..., Any])
Data = Mapping[str, Any] | StepResult | None
"""What the method of a phase returns: data for the result, a whole result, or nothing to say."""

_UNWRITTEN = "__unwritten__"
_CALLS = "__calls__"


def to_write(method: F) -> F:
    """Mark a method that a subclass must write before a phase can call it."""
    setattr(method, _UNWRITTEN, True)
    return method


def calls(*names: str) -> Callable[[F], F]:
    """Say which methods of its action a method calls."""

    def mark(method: F) -> F:
        setattr(method, _CALLS, names)
        return method

    return mark


class MethodStep(FunctionStep[Any]):
    """A phase that is a method of an action; the others that it calls come after it."""

    def __init__(
        self,
        name: str,
        progress_weight: float,
        method: Callable[[Any], Data],
        *others: Callable[..., Any],
    ) -> None:
        super().__init__(name, progress_weight, method, *others)
        self._method = method

    def execute(self, context: Any) -> StepResult:
        """Call the method."""
        made: Any = self._method(context)
        if isinstance(made, StepResult):
            return made
        if made is not None and not isinstance(made, Mapping):
            name = getattr(self._method, "__name__", self._name)
            raise TypeError(
                f"expected {name}() to return a mapping, a StepResult or None, got {made!r:.100}"
            )
        return StepResult(data=dict(made or {}))


class UndoableStep(MethodStep):
    """The same with a method that undoes it."""

    def __init__(
        self,
        name: str,
        progress_weight: float,
        method: Callable[[Any], Data],
        undo: Callable[[Any, StepResult], None],
    ) -> None:
        super().__init__(name, progress_weight, method, undo)
        self._undo = undo

    def rollback(self, context: Any, result: StepResult) -> None:
        """Call the method that undoes it."""
        self._undo(context, result)


def check_methods(action: object, phases: list[BaseStep[Any]]) -> None:
    """All methods that the phases of an action come to call are written, and can be called.

    Raises:
        DefinitionError: One is missing, asynchronous, or takes other arguments.
    """
    kind = type(action).__name__
    for phase in phases:
        called = dict(_called(action, innermost(phase)))
        missing = [name for name, method in called.items() if hasattr(method, _UNWRITTEN)]
        if missing:
            raise refused(
                Problem(
                    place_of_class(type(action)),
                    f"action {kind}, step '{phase.name}'",
                    "no-method",
                    f"it calls {' and '.join(map(repr, missing))}, which {kind} does not have",
                    "write it, or register phases of your own in setup_steps",
                )
            )
        for name, method in called.items():
            check_not_async(f"action {kind}", name, method)
            check_fits(f"action {kind}", name, method, first_written(method))


def _called(action: object, phase: BaseStep[Any]) -> Iterator[tuple[str, Any]]:
    """The methods of an action that a phase calls, directly or through one of them."""
    for method in phase.made_of:
        yield getattr(method, "__name__", phase.name), method
        for name in getattr(method, _CALLS, ()):
            yield name, getattr(action, name)
