"""The libraries whose values some codecs store: loaded when a value is written or read."""

from __future__ import annotations

import importlib
from typing import Any

from synaflow_core.errors import HandoffError, LossyValueError


def library(module: str, codec: str, extra: str) -> Any:
    """A module of an optional library.

    Args:
        module: What to import.
        codec: Who needs it, for the message.
        extra: The extra of this package that installs it.

    Raises:
        HandoffError: It is not installed here, or cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        package = module.partition(".")[0]
        raise HandoffError(
            f"codec '{codec}' needs the package {package}: {problem}\n"
            f"    -> pip install 'synaflow-export[{extra}]' on every machine that runs the pipeline"
        ) from problem


def refusal(dataset: str, index: int, value: Any, cause: str, advice: str) -> LossyValueError:
    """The error for a value that would not come back unchanged."""
    cls = type(value)
    name = f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")
    return LossyValueError(
        f"step '{dataset}', item {index}: a value of type {name} would not come back unchanged: "
        f"{cause}\n    -> {advice}"
    )
