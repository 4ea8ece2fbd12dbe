"""Whether a context can travel: whatever hands it from phase to phase must be able to store it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from synaflow_core.errors import Problem
from synaflow_core.hints import place_of, read_fields, type_name
from synaflow_core.phases.context import BaseStepContext


def wrong_context(context: Any) -> Iterator[Problem]:
    """What keeps a context from going from one phase to the next, if anything does."""
    from synaflow_core.contract.elements import unsupported  # msgspec is only paid for when used

    name = getattr(context, "__name__", repr(context))
    if not (isinstance(context, type) and issubclass(context, BaseStepContext)):
        yield Problem(
            "",
            f"context {name}",
            "no-context",
            "expected a subclass of BaseStepContext",
            "write 'class MyContext(BaseStepContext)' below '@dataclass', and pass the class",
        )
        return
    where = place_of_class(context)
    if "__dataclass_fields__" not in vars(context):  # else inherited: it is no dataclass itself
        own: dict[str, Any] = vars(context).get("__annotations__", {})
        for forgotten in (each for each, hint in own.items() if "ClassVar" not in str(hint)):
            yield Problem(
                where,
                f"context {name}, field '{forgotten}'",
                "no-context",
                "it is no field of a dataclass, so it would not travel with the context",
                f"write '@dataclass' above 'class {name}'",
            )
    hints, complaints = read_fields(context)
    for complaint in complaints:
        subject = f"context {name}, field '{complaint.parameter}'"
        yield Problem(where, subject, complaint.code, complaint.message, complaint.hint)
    refused = {field: why for field, hint in hints.items() if (why := unsupported(hint))}
    for field, why in refused.items():
        subject = f"context {name}, field '{field}'"
        yield _not_stored(where, subject, type_name(hints[field]), why)
    whole = None if refused or complaints else unsupported(context)
    if whole is not None:  # something that is no field by which it is made
        yield _not_stored(where, f"context {name}", name, whole)


def _not_stored(where: str, subject: str, kind: str, why: str) -> Problem:
    return Problem(
        where,
        subject,
        "context-not-serialisable",
        f"{kind} cannot be stored, so the context cannot go from one phase to the next: {why}",
        "keep plain data in the context (text instead of a Path), and make connections and clients "
        "in the phase that needs them",
    )


def place_of_class(kind: type[Any]) -> str:
    """``pipe.py:12`` of a class; empty where it has no source."""
    from pathlib import Path

    try:
        lines, first = inspect.getsourcelines(kind)
        return f"{Path(inspect.getsourcefile(kind) or '').name}:{first}" if lines else ""
    except (OSError, TypeError):
        return next((place for each in vars(kind).values() if (place := place_of(each))), "")
