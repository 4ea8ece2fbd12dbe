"""Small steps in both colours: each function here takes ``asynchronous`` and makes a step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

COLOURS = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


def source(asynchronous: bool, count: int, fail_at: int = -1) -> Callable[..., Any]:
    """0, 1, 2 …; fails instead of yielding ``fail_at``."""

    def make() -> Iterator[int]:
        for number in range(count):
            if number == fail_at:
                raise RuntimeError("the source broke")
            yield number

    async def make_async() -> AsyncIterator[int]:
        for number in make():
            yield number

    return make_async if asynchronous else make


def coloured(asynchronous: bool, function: Callable[..., Any]) -> Callable[..., Any]:
    """A step without streams in its signature, in the colour asked for."""
    if not asynchronous:
        return function

    async def twin(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    twin.__wrapped__ = function  # type: ignore[attr-defined]  # signature and types are its
    return twin


def reader(
    asynchronous: bool, name: str, take: int | None = None, seen: list[Any] | None = None
) -> Callable[..., Any]:
    """A step with one parameter ``name: Iterator[int]`` that sums up (``take`` of) it."""
    total = seen if seen is not None else []

    def read(items: Iterator[int]) -> int:
        mine = 0
        for count, item in enumerate(items, 1):
            total.append(item)
            mine += item
            if count == take:
                break
        return mine

    async def read_async(items: AsyncIterator[int]) -> int:
        mine = count = 0
        async for item in items:
            total.append(item)
            mine += item
            count += 1
            if count == take:
                break
        return mine

    return renamed(read_async if asynchronous else read, items=name)


def renamed(function: Callable[..., Any], **names: str) -> Callable[..., Any]:
    """The same function with other parameter names."""
    import inspect
    import typing

    hints = typing.get_type_hints(inspect.unwrap(function))
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(name=names.get(name, name), annotation=hints.get(name, Any))
        for name, parameter in signature.parameters.items()
    ]
    back = {new: old for old, new in names.items()}

    def given(args: Any, kwargs: Any) -> Any:
        return function(*args, **{back.get(key, key): value for key, value in kwargs.items()})

    if inspect.iscoroutinefunction(function):

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await given(args, kwargs)
    else:

        def call(*args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]
            return given(args, kwargs)

    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=hints.get("return", Any)
    )
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {
        "return": hints.get("return", Any)
    }
    return call
