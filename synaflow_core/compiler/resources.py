"""Pass 5: resources. What each factory makes, as a type.

A generator or ``@contextmanager`` factory makes the item it yields; a class makes its instance; a
context manager makes what its ``__enter__`` returns. Factories are called without arguments.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args, get_origin

from synaflow_core.compiler.draft import Draft
from synaflow_core.errors import Problem
from synaflow_core.hints import Kind, place_of, plain, read_function, shape_of

_MANAGERS = (contextlib.AbstractContextManager, contextlib.AbstractAsyncContextManager)


def type_resources(draft: Draft) -> Draft:
    """Find the type that each resource factory makes."""
    types: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, factory in draft.definition.resources.items():
        found = list(_wrong_factory(draft, name, factory))
        problems.extend(found)
        if not found:
            types[name] = _made_by(factory)
    return replace(draft, resource_types=types).with_problems(problems)


def _wrong_factory(draft: Draft, name: str, factory: Any) -> Iterator[Problem]:
    where, subject = place_of(factory) or draft.pipeline_place, f"resource '{name}'"
    if not callable(factory):
        yield Problem(
            where,
            subject,
            "resource-factory",
            f"expected a factory, got {factory!r}",
            f"pass a function that makes it: resources={{'{name}': lambda: ...}}",
        )
        return
    function = read_function(factory)
    for complaint in function.complaints:
        if complaint.code == "unresolvable-annotation":
            yield Problem(where, subject, complaint.code, complaint.message, complaint.hint)
    needed = [p.name for p in function.parameters if not p.has_default]
    if needed:
        yield Problem(
            where,
            subject,
            "resource-factory",
            f"a factory is called without arguments, but it asks for '{needed[0]}'",
            "give the parameter a default, or bind it with functools.partial",
        )


def _made_by(factory: Any) -> Any:
    returns = plain(read_function(factory).returns)
    if get_origin(returns) in _MANAGERS:
        return get_args(returns)[0]
    shape = shape_of(returns)
    generator = inspect.unwrap(factory)
    if shape.kind is Kind.STREAM and (
        inspect.isgeneratorfunction(generator) or inspect.isasyncgenfunction(generator)
    ):
        return shape.item
    return _entered(returns)


def _entered(made: Any) -> Any:
    """What ``with`` binds for a context manager class; the type itself for all others."""
    enter = getattr(made, "__enter__", None) or getattr(made, "__aenter__", None)
    if not isinstance(made, type) or not inspect.isfunction(enter):
        return made
    entered = plain(read_function(enter).returns)
    return entered if isinstance(entered, type) and entered is not type(None) else made
