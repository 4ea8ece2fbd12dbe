"""From a contract and options to a plan: the one entry of this package."""

from __future__ import annotations

from collections import defaultdict
from difflib import get_close_matches
from typing import TYPE_CHECKING

from synaflow_core.errors import ExportError, Problem
from synaflow_export.plan.boundaries import Boundaries, boundaries, store_problems
from synaflow_export.plan.graph import StepGraph, step_graph
from synaflow_export.plan.model import (
    GRANULARITIES,
    ON_CYCLE,
    PLAN_VERSION,
    Dataset,
    MacroTask,
    Plan,
    PlanOptions,
    TaskInput,
    TaskOutput,
)
from synaflow_export.plan.partition import Partition, partition
from synaflow_export.plan.words import shorten
from synaflow_export.windows.binding import binding_problems

if TYPE_CHECKING:
    from synaflow_core.contract import Contract


def make_plan(contract: Contract, options: PlanOptions | None = None) -> Plan:
    """Decide which steps run together and which datasets cross.

    Pure and deterministic: an equal contract and equal options give an equal plan.

    Args:
        contract: The compiled pipeline.
        options: What the user chose; defaults if None.

    Raises:
        ExportError: An option is wrong, a dataset would have to cross that cannot be serialised,
            or the store cannot be reached by all workers; every such problem at once.
    """
    options = options or PlanOptions()
    title = f"pipeline {contract.name!r} cannot be planned"
    graph = step_graph(contract, allow_pickle=options.allow_pickle)
    problems = _option_problems(contract, graph, options)
    if problems:
        raise ExportError(title, problems)
    parts = partition(graph, options)
    crossing = boundaries(graph, parts, options)
    problems = [*parts.problems, *crossing.problems]
    if options.store_url is not None:
        problems += store_problems(
            crossing.datasets, options.store_url, distributed=options.distributed
        )
    if problems:
        raise ExportError(title, problems)
    return Plan(
        plan_version=PLAN_VERSION,
        pipeline=contract.name,
        fingerprint=contract.fingerprint,
        granularity=options.granularity,
        on_cycle=options.on_cycle,
        allow_pickle=options.allow_pickle,
        macro_tasks=_macro_tasks(graph, parts, crossing, contract.fingerprint),
        datasets=crossing.datasets,
        reasons=parts.reasons + crossing.reasons,
        window=options.window,
    )


def _macro_tasks(
    graph: StepGraph, parts: Partition, crossing: Boundaries, fingerprint: str
) -> tuple[MacroTask, ...]:
    read: dict[str, list[Dataset]] = defaultdict(list)
    written: dict[str, list[Dataset]] = defaultdict(list)
    for dataset in crossing.datasets:
        written[dataset.producer_task].append(dataset)
        for consumer in dataset.consumers:
            read[consumer].append(dataset)
    weights = _weights(graph)
    rank = {group.name: i for i, group in enumerate(parts.groups)}
    return tuple(
        MacroTask(
            name=group.name,
            steps=tuple(graph.names[step] for step in group.steps),
            inputs=tuple(
                TaskInput(d.name, d.producer_step, d.representation, d.aligned)
                for d in read[group.name]
            ),
            outputs=tuple(
                TaskOutput(d.name, d.producer_step, d.representation, d.codec, d.final, d.aligned)
                for d in written[group.name]
            ),
            fingerprint=fingerprint,
            upstream=tuple(
                sorted({d.producer_task for d in read[group.name]}, key=rank.__getitem__)
            ),
            reasons=group.reasons,
            weight=round(sum(weights[step] for step in group.steps), 6),
            doc=graph.steps[group.named_after].doc,
            shards=group.shards,
        )
        for group in parts.groups
    )


def _weights(graph: StepGraph) -> list[float]:
    """Share of each step in the progress; one without a weight counts as the mean of the others."""
    declared = [step.progress_weight for step in graph.steps if step.progress_weight is not None]
    mean = sum(declared) / len(declared) if declared else 1.0
    weights = [mean if s.progress_weight is None else s.progress_weight for s in graph.steps]
    total = sum(weights)
    # Weights that are all zero tell nothing: then every step counts alike.
    return [w / total for w in weights] if total else [1 / len(weights)] * len(weights)


def _option_problems(contract: Contract, graph: StepGraph, options: PlanOptions) -> list[Problem]:
    problems = []
    choices = (("granularity", GRANULARITIES), ("on_cycle", ON_CYCLE))
    for option, allowed in choices:
        chosen = getattr(options, option)
        if chosen not in allowed:
            message = f"{option} is {chosen!r}, expected one of {', '.join(allowed)}"
            problems.append(Problem("options", option, "unknown-choice", message))
    if not graph.steps:
        message = "the pipeline has no steps, so there is nothing to run"
        problems.append(Problem(contract.name, "", "no-steps", message, "add a step"))
    if options.window is not None:
        problems += binding_problems(options.window, contract.params_schema)
    return problems + _spill_problems(graph, options)


def _spill_problems(graph: StepGraph, options: PlanOptions) -> list[Problem]:
    """What ``spill`` names must stream to another step."""
    if not options.spill:
        return []
    streaming = {graph.names[link.producer] for link in graph.links if link.streaming}
    problems = []
    for name in options.spill:
        if name in streaming:
            continue
        near = get_close_matches(name, streaming, n=3) or sorted(streaming)
        what = "streams to no step" if name in graph.names else "is no step of the pipeline"
        code, message = "nothing-to-spill", f"it {what}, so there is nothing to write instead"
        hint = f"name a step that streams: {shorten(near)}" if near else "leave the option out"
        problems.append(Problem("options", f"spill={name!r}", code, message, hint))
    return problems
