"""What is refused when phases are put together: whatever could only fail, or be lost, at run time.

Raises a :class:`DefinitionError` with the place of the phase and a next step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from synaflow_core.definition import weight_trouble
from synaflow_core.errors import DefinitionError, Problem
from synaflow_core.hints import place_of
from synaflow_core.phases.step import BaseStep, layers, written_at


def check_phase(step: Any, taken: list[str]) -> None:
    """A phase that is put beside those whose names are taken.

    Raises:
        DefinitionError: It is none, its name is empty or taken, its weight is no share, or one of
            its methods would not run when it is called, or cannot be called with what it is given.
    """
    check_is_phase(step)
    where = place_of(written_at(step))
    name: Any = step.name
    if not isinstance(name, str) or not name.strip():
        message = f"expected a name, got {name!r}"
        raise refused(
            Problem(where, type(step).__name__, "illegal-name", message, "give the step a name")
        )
    if name in taken:
        raise refused(
            Problem(
                where,
                f"step '{name}'",
                "duplicate-step",
                f"a step of that name is registered already; {known(taken)}",
                "give one of them another name, or use replace()",
            )
        )
    trouble = weight_trouble(step.progress_weight)
    if trouble:
        message, hint = trouble
        subject = f"step '{name}', progress_weight"
        raise refused(Problem(where, subject, "invalid-option", message, hint))
    for called, method, original in _methods(step):
        _check_method(f"step '{name}'", called, method, original)


def check_is_phase(step: Any) -> None:
    """Something that is put where a phase belongs.

    Raises:
        DefinitionError: It is no phase.
    """
    check_kind("step", step, BaseStep)


def check_kind(what: str, value: Any, kind: type[Any]) -> None:
    """Something that is put where an instance of a class, or of one below it, belongs.

    Raises:
        DefinitionError: It is none.
    """
    if not isinstance(value, kind):
        got = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        message = f"expected an instance of {kind.__name__}, got {got}"
        hint = "make an instance of it, or of a class below it, and pass that"
        raise refused(Problem("", "", f"no-{what}", message, hint))


def check_weights(steps: list[BaseStep[Any]]) -> None:
    """Some phase must weigh something, or there is no progress to speak of.

    Raises:
        DefinitionError: All weights are zero.
    """
    if steps and not any(step.progress_weight > 0 for step in steps):
        names = ", ".join(f"'{step.name}'" for step in steps)
        raise refused(
            Problem(
                place_of(written_at(steps[0])),
                f"steps {names}",
                "no-weight",
                "the progress_weight of every step is 0",
                "give at least one of them a weight above 0",
            )
        )


def check_not_async(subject: str, name: str, method: Any) -> None:
    """A method that is called on the thread of the workflow.

    Raises:
        DefinitionError: It is asynchronous.
    """
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        raise refused(
            Problem(
                place_of(method),
                subject,
                "async-step",
                f"'{name}' is asynchronous, but phases run one after the other on one thread",
                "write it as 'def', and use asyncio.run inside where something must be awaited",
            )
        )


def check_fits(subject: str, name: str, method: Any, original: Any) -> None:
    """A method that is called with what the method of the base class takes.

    Args:
        subject: Whose it is, for the message.
        name: What it is called.
        method: The bound method.
        original: The function that it is written over; anything else is not compared.

    Raises:
        DefinitionError: It cannot be called so.
    """
    if not inspect.isfunction(original):
        return
    given = list(inspect.signature(original).parameters)
    try:
        # A decorator may give what it wraps more than it takes itself.
        inspect.signature(method, follow_wrapped=False).bind(*given[1:])
    except ValueError:
        return  # it tells no signature
    except TypeError as error:
        message = f"'{name}' is called with ({', '.join(given[1:])}), and does not fit: {error}"
        hint = f"write it as 'def {name}({', '.join(given)})'"
        problem = Problem(place_of(method), subject, "step-signature", message, hint)
        raise refused(problem) from None


def first_written(method: Any) -> Any:
    """The method of the base class that a method of an action is written over; None: a function."""
    classes = type(getattr(method, "__self__", None)).__mro__
    name = getattr(method, "__name__", "")
    return next((vars(each)[name] for each in reversed(classes) if name in vars(each)), None)


def known(names: list[str]) -> str:
    """The names that are registered, for people."""
    return "registered: " + (", ".join(f"'{name}'" for name in names) or "none")


def refused(problem: Problem) -> DefinitionError:
    """The error for one problem."""
    return DefinitionError("the workflow cannot be built as asked:", [problem])


def _methods(step: BaseStep[Any]) -> Iterator[tuple[str, Callable[..., Any], Any]]:
    """All that is called of a phase and of what is wrapped in it, with what it is written over."""
    for layer in layers(step):
        yield "execute", layer.execute, BaseStep.execute
        yield "can_skip", layer.can_skip, BaseStep.can_skip
        yield "rollback", layer.rollback, BaseStep.rollback
        for each in layer.made_of:
            yield getattr(each, "__name__", "execute"), each, first_written(each)


def _check_method(subject: str, name: str, method: Any, original: Any) -> None:
    check_not_async(subject, name, method)
    if inspect.isgeneratorfunction(method):
        message = f"'{name}' contains 'yield', so calling it would do nothing"
        hint = "let it do its work and return"
        raise refused(Problem(place_of(method), subject, "step-yields", message, hint))
    check_fits(subject, name, method, original)
