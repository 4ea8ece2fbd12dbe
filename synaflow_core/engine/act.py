"""Acts: what both engines do, written once.

An act is a generator of *effects*: callables that the shell performs, awaiting the result where
the engine is asynchronous. Code written as acts does not know which engine it serves. What runs
per item is not written as acts: that is the loops' own text (:mod:`synaflow_core.engine.loops`)
and the twins in :mod:`synaflow_core.engine.sync` and :mod:`synaflow_core.engine.aio`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
Effect = Callable[[], Any]
Act = Generator[Effect, Any, T]


def perform(act: Act[T]) -> T:
    """Carry out an act on the caller's thread."""
    try:
        effect = next(act)
        while True:
            try:
                value = effect()
            except BaseException as error:
                effect = act.throw(error)
            else:
                effect = act.send(value)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # what the act returned


async def perform_async(act: Act[T]) -> T:
    """Carry out an act on the running event loop: awaitable results of effects are awaited."""
    try:
        effect = next(act)
        while True:
            try:
                value = effect()
                if inspect.isawaitable(value):
                    value = await value
            except BaseException as error:
                effect = act.throw(error)
            else:
                effect = act.send(value)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # what the act returned
