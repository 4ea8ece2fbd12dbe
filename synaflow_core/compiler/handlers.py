"""Pass 15: handlers. Observers and compensations have the colour of the pipeline that calls them.

Materializers and resource factories may be sync in an async pipeline: they are called with what is
already there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from synaflow_core.compiler.draft import Draft
from synaflow_core.definition import PerItem
from synaflow_core.errors import Problem
from synaflow_core.hints import is_async_callable, place_of


def check_handlers(draft: Draft) -> Draft:
    """Check the colour of every handler of the pipeline and its steps."""
    pipeline_is_async = any(node.is_async for node in draft.nodes.values())
    problems = [
        _wrong_colour(draft, subject, handler, pipeline_is_async)
        for subject, handler, must_match in _handlers(draft)
        if (is_async := is_async_callable(handler)) is not pipeline_is_async
        and (must_match or is_async)
    ]
    return draft.with_problems(problems)


def _handlers(draft: Draft) -> Iterator[tuple[str, Callable[..., Any], bool]]:
    definition = draft.definition
    for observer in definition.observers:
        yield "observer", observer.handler, True
    for name in ("materializer", "error_materializer"):
        handler = getattr(definition, name)
        if handler:
            yield name, handler, False
    for name, factory in definition.resources.items():
        made = factory.factory if isinstance(factory, PerItem) else factory
        yield f"resource '{name}', factory", made, False
    for node in draft.nodes.values():
        step = f"step '{node.name}'"
        for observer in node.observers:
            yield f"{step}, observer", observer.handler, True
        if node.rollback:
            yield f"{step}, rollback", node.rollback.fn, True
        for name in ("materializer", "error_materializer"):
            handler = getattr(node, name)
            if handler and handler is not getattr(definition, name):
                yield f"{step}, {name}", handler, False


def _wrong_colour(
    draft: Draft, subject: str, handler: Callable[..., Any], pipeline_is_async: bool
) -> Problem:
    wanted, got = ("async def", "def") if pipeline_is_async else ("def", "async def")
    name = getattr(handler, "__name__", type(handler).__name__)
    return Problem(
        place_of(handler) or draft.pipeline_place,
        f"{subject} '{name}'",
        "handler-colour",
        f"expected a handler written with '{wanted}', because the pipeline is "
        f"{'async' if pipeline_is_async else 'sync'}, got '{got}'",
        f"write it as '{wanted} {name}(...)'",
    )
