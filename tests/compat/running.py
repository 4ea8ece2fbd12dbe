"""Runs one definition on the public package and on ours; tells what came of it in equal words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import synaflow
from synaflow.core.dag_builder import build_dag
from synaflow.execution.async_engine.executor import AsyncPipelineExecutor
from synaflow.execution.sync_engine.executor import PipelineExecutor

import synaflow_core
from synaflow_core.compat import from_public
from synaflow_core.pipeline import Pipeline

Build = Callable[[Any, list[Any]], tuple[Any, Any]]


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        outputs: Results of the run (there: of the steps that are results here).
        calls: What the steps wrote, in order.
        error: Name of the exception's class and the step it names; empty when it ended well.
        counts: Step -> (calls that returned, calls that failed), for steps that stream.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)
    error: str = ""
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)


def on_theirs(build: Build) -> Outcome:
    """Run a definition of the public package on the public package."""
    outcome = Outcome()
    declared, params = build(synaflow, outcome.calls)
    try:
        dag = build_dag(declared)
    except Exception as error:
        outcome.error = _told(error)
        return outcome
    outcome.counts, executor = {}, _executor(dag)
    streaming = {
        name for name, node in dag.steps.items() if node.output_contract.runtime_kind != "value"
    }
    _listen(executor, streaming, outcome)
    try:
        if dag.requires_async_runner:
            asyncio.run(executor.execute(params))
        else:
            executor.execute(params)
    except Exception as error:
        outcome.error = _told(error)
        return outcome
    outcome.outputs = {name: executor.outputs.get(name) for name in dag.steps}
    return outcome


def _executor(dag: Any) -> Any:
    if dag.requires_async_runner:
        return AsyncPipelineExecutor(dag, resource_factories=dag.resource_factories)
    return PipelineExecutor(  # polls for its threads: half a second is too long for many runs
        dag, resource_factories=dag.resource_factories, worker_shutdown_poll_seconds=0.001
    )


def _listen(executor: Any, streaming: set[str], outcome: Outcome) -> None:
    for kind in ("step_completed", "step_failed"):
        tell = getattr(executor.events, kind)

        def told(node: Any, step_name: str, *args: Any, tell: Any = tell, **counts: Any) -> Any:
            if step_name in streaming:
                outcome.counts[step_name] = counts["success_count"], counts["error_count"]
            return tell(node, step_name, *args, **counts)

        setattr(executor.events, kind, told)


def on_ours(build: Build, *, public: bool) -> Outcome:
    """Run it on ours: the public package's definition, converted, or our own."""
    outcome = Outcome()
    try:
        declared, params = build(synaflow if public else synaflow_core, outcome.calls)
        pipeline: Pipeline = from_public(declared) if public else declared
    except Exception as error:
        outcome.error = _told(error)
        return outcome
    monitor = synaflow_core.Monitor()
    try:
        if pipeline.dag.is_async:
            result = asyncio.run(synaflow_core.async_run(pipeline, params, monitor=monitor))
        else:
            result = synaflow_core.run(pipeline, params, monitor=monitor)
    except Exception as error:
        outcome.error = _told(error)
    else:
        outcome.outputs = dict(result.outputs)
    outcome.counts = {
        report.name: (report.ok, report.errors)
        for report in monitor.snapshot()
        if pipeline.dag.steps[report.name].output_kind is synaflow_core.dag.OutputKind.STREAM
        or pipeline.dag.steps[report.name].mode is synaflow_core.StepMode.EACH
    }
    return outcome


def _told(error: Exception) -> str:
    step = getattr(error, "step_name", None)
    return f"{type(error).__name__}{f' at {step}' if step else ''}"
