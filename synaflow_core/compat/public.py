"""Recognises objects of the public package without importing it.

An object of its classes exists only in a process that has imported the package, so its modules
are found in ``sys.modules`` when their classes are needed to answer in its own terms.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any

_PACKAGE = "synaflow"


def is_public(value: object, class_name: str) -> bool:
    """Whether a value is of the public package's class of that name, or of a subclass."""
    return any(
        found.__name__ == class_name and found.__module__.partition(".")[0] == _PACKAGE
        for found in type(value).__mro__
    )


def public_class(module: str, name: str) -> Any:
    """A class of the public package, which has been imported by whoever made its objects."""
    return getattr(sys.modules[f"{_PACKAGE}.core.{module}"], name)


def public_enum(name: str, member: Enum) -> Any:
    """Our enum member as the public package's, so that ``is`` and ``==`` hold in its handlers."""
    return public_class("types", name)(member.value)


def is_factory(handler: Callable[..., Any]) -> bool:
    """Whether a handler makes the real one: it asks for a context instead of data.

    The public package tells the two apart by the parameter: it is called ``ctx`` or ``context``,
    or is annotated with a context class.
    """
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(
        p.name in ("ctx", "context") or "MaterializeContext" in str(p.annotation)
        for p in parameters
    )
