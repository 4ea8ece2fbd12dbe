"""Pipelines of the public ``synaflow`` package, as ours.

:func:`from_public` takes what ``synaflow.pipeline(...)`` returned and compiles it here; nothing
of that package is imported, it is recognised by its classes and read by its attributes, so
``synaflow`` has to be installed only where the user's module imports it. ``convert`` translates
declarations, ``handlers`` what handlers are called with, ``observing`` events.

Where a pipeline behaves differently on this engine, and why, is told in
``docs/explanation/differences.md``.
"""

from __future__ import annotations

from synaflow_core.compat.convert import (
    from_public,
    included_names,
    is_public_pipeline,
    is_public_registry,
)

__all__ = ["from_public", "included_names", "is_public_pipeline", "is_public_registry"]
