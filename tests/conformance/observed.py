"""What a run of a scenario came to, wherever it ran, and how it is held against `run()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Counts = tuple[str, int, int]
"""Status, ok, errors. Items that an earlier step dropped are counted as skipped only by the steps
that run together with it: between tasks they do not exist."""


@dataclass(frozen=True)
class Observed:
    """One run.

    Attributes:
        outputs: Terminal step -> result.
        counts: Step -> its counts.
        error: What ended the run; empty when it succeeded.
    """

    outputs: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Counts] = field(default_factory=dict)
    error: str = ""


def counts_of(report: Mapping[str, Any]) -> dict[str, Counts]:
    """Counts per step from the report that a task left with its orchestrator."""
    return {step["name"]: (step["status"], step["ok"], step["errors"]) for step in report["steps"]}
