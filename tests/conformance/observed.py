"""What a run of a scenario came to, wherever it ran, and how it is held against `run()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synaflow_core.dag import Delivery, OutputKind
from synaflow_core.engine.collect import build
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.pipeline import Pipeline
from synaflow_export.plan.model import Plan

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


def read_outputs(
    pipeline: Pipeline, plan: Plan, refs: Mapping[str, Any], store: HandoffStore
) -> dict[str, Any]:
    """The final datasets, in the form in which `run()` returns them.

    Args:
        pipeline: The compiled pipeline.
        plan: Says which datasets are final.
        refs: Dataset -> its reference as JSON values; one that was not produced has no ``uri``.
        store: Where they are.
    """
    found: dict[str, Any] = {}
    for dataset in plan.datasets:
        given = refs.get(dataset.name)
        if not dataset.final or given is None or given.get("uri") is None:
            continue
        ref, node = DatasetRef.from_dict(dict(given)), pipeline.dag.steps[dataset.producer_step]
        if dataset.representation == "value":
            found[dataset.name] = store.read_value(ref, node.returns)
            continue
        streamed = node.output_kind is OutputKind.STREAM
        kind = Delivery.LIST if streamed else Delivery(node.output_kind.value)
        found[dataset.name] = build(store.read(ref, node.element), kind)
    return found
