"""Pass 10: expansion. Every entry becomes nodes; an include becomes the steps of its pipeline.

An include that is called once is grafted (:mod:`synaflow_core.compiler.graft`). One that is fed
item by item becomes one EACH step that runs the sub-pipeline once per item
(:mod:`synaflow_core.compiler.subrun`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from synaflow_core.compiler.draft import (
    Draft,
    Flow,
    ends_of,
    exported_node,
    listed,
    result_type,
    subject_of,
)
from synaflow_core.compiler.graft import PARAMS, Graft
from synaflow_core.compiler.subrun import AsyncSubRun, SubRun
from synaflow_core.dag import Dag, Edge, Node, Source
from synaflow_core.definition import Include, Step, StepMode
from synaflow_core.errors import Problem
from synaflow_core.hints import Function, place_of
from synaflow_core.naming import Scope


def expand(draft: Draft) -> Draft:
    """Turn entries into nodes, in declaration order."""
    nodes: dict[str, Node] = {}
    resources = dict(draft.definition.resources)
    resource_types = dict(draft.resource_types)
    problems: list[Problem] = []
    for entry, function in draft.entries():
        flow, edges = draft.flows[entry.name], _edges(draft, entry.name)
        if isinstance(entry, Step):
            nodes[entry.name] = _step_node(draft, entry, function, flow, edges)
            continue
        found = list(_wrong_include(draft, entry))
        if flow.mode is StepMode.EACH:
            found += [*_mixed_run(draft, entry, function), *_undone_per_item(draft, entry)]
        problems.extend(found)
        if found:
            continue
        if flow.mode is StepMode.EACH:
            nodes[entry.name] = _each_node(draft, entry, function, flow, edges)
            continue
        graft = Graft(draft, entry, _exported(entry))
        nodes.update((node.name, node) for node in graft.nodes(function, edges))
        dag, scope = entry.pipeline.dag, Scope(entry.name)
        resources.update((scope(name), factory) for name, factory in dag.resources.items())
        resource_types.update((scope(name), made) for name, made in dag.resource_types.items())
    return replace(
        draft, nodes=nodes, merged_resources=resources, resource_types=resource_types
    ).with_problems(problems)


def _exported(include: Include) -> str:
    node = exported_node(include.pipeline.dag)
    assert node is not None, "checked by _wrong_include"
    return node.name


def _edges(draft: Draft, name: str) -> tuple[Edge, ...]:
    links, deliveries = draft.links[name], draft.flows[name].deliveries
    return tuple(
        Edge(link.parameter.name, link.producer, link.source, delivery, link.parameter.annotation)
        for link, delivery in zip(links, deliveries, strict=True)
    )


def _step_node(
    draft: Draft, step: Step, function: Function, flow: Flow, edges: tuple[Edge, ...]
) -> Node:
    return Node(
        name=step.name,
        fn=step.fn,
        edges=edges,
        returns=function.returns,
        element=flow.output.element,
        output_kind=flow.output.kind,
        mode=flow.mode,
        collected=step.force_materialize,
        on_error=step.on_error,
        max_in_flight=step.max_in_flight,
        materializer=step.materializer,
        error_materializer=step.error_materializer,
        error_threshold_absolute=step.error_threshold_absolute,
        error_threshold_pct=step.error_threshold_pct,
        observers=step.observers,
        is_async=function.is_async,
        exported=draft.definition.exports == step.name,
        pipeline=draft.definition.name,
        where=function.where,
        description=step.description,
        rollback=draft.rollbacks.get(step.name),
        progress_weight=step.progress_weight,
        macro_task=step.macro_task,
        shards=step.shards,
    )


def _wrong_include(draft: Draft, include: Include) -> Iterator[Problem]:
    dag = include.pipeline.dag
    where, subject = draft.place_of(include.name), subject_of(include)
    if exported_node(dag) is None:
        outputs = [node.name for node in ends_of(dag)]
        yield Problem(
            where,
            subject,
            "nothing-exported",
            f"pipeline '{dag.name}' must hand on the output of one step, but "
            + (f"{listed(outputs)} all end it" if outputs else "no step that ends it has one"),
            f"name the step: pipeline('{dag.name}', ..., exports='...')",
        )
    for node in dag.steps.values():
        read = {edge.producer for edge in node.edges if edge.source is Source.PARAM}
        for edge in node.rollback.edges if node.rollback is not None else ():
            if edge.source is Source.PARAM and edge.producer not in read:
                yield Problem(
                    place_of(node.rollback.fn) if node.rollback else where,
                    f"step '{node.name}', rollback parameter '{edge.parameter}'",
                    "rollback-not-given",
                    f"params field '{edge.producer}' is computed inside include '{include.name}', "
                    f"and step '{node.name}' does not read it",
                    "let the step read it, too",
                )
    if PARAMS in dag.steps:
        yield Problem(
            where,
            subject,
            "illegal-name",
            f"pipeline '{dag.name}' has a step called '{PARAMS}', the name of the adapter's "
            "result inside an include",
            f"rename that step of '{dag.name}'",
        )


def _mixed_run(draft: Draft, include: Include, function: Function) -> Iterator[Problem]:
    """One run per item is of one colour; an include that is called once mixes with its pipeline."""
    dag = include.pipeline.dag
    if function.is_async and not dag.is_async:
        yield Problem(
            draft.place_of(include.name),
            subject_of(include),
            "mixed-colour",
            f"expected a sync adapter, because pipeline '{dag.name}' is sync, got an async one",
            "write it as 'def', or make the included pipeline async",
        )


def _undone_per_item(draft: Draft, include: Include) -> Iterator[Problem]:
    """A run per item has ended, and is forgotten, when a later step of the pipeline fails."""
    dag = include.pipeline.dag
    undone = [node.name for node in dag.steps.values() if node.rollback is not None]
    if undone:
        yield Problem(
            draft.place_of(include.name),
            subject_of(include),
            "rollback-per-item",
            f"pipeline '{dag.name}' is run once per item, so the rollback of {listed(undone)} "
            "could not be called when a later step fails",
            "feed the include with one value, or let the steps be steps of this pipeline",
        )


def _exporting(dag: Dag, node: Node) -> Dag:
    """The same Dag, with the output of that step among the results even if it is a stream."""
    return replace(dag, steps={**dag.steps, node.name: replace(node, exported=True)})


def _each_node(
    draft: Draft, include: Include, function: Function, flow: Flow, edges: tuple[Edge, ...]
) -> Node:
    dag = include.pipeline.dag
    exported = dag.steps[_exported(include)]
    is_async = dag.is_async or function.is_async
    runner = AsyncSubRun if is_async else SubRun
    weights = [
        weight for each in dag.steps.values() if (weight := each.progress_weight) is not None
    ]
    return Node(
        name=include.name,
        fn=runner(include.name, include.fn, _exporting(dag, exported), exported.name),
        edges=edges,
        returns=result_type(exported),
        element=flow.output.element,
        output_kind=flow.output.kind,
        mode=StepMode.EACH,
        is_async=is_async,
        exported=draft.definition.exports == include.name,
        pipeline=draft.definition.name,
        scope=(include.name,),
        where=function.where,
        description=dag.description,
        # As much as the steps weigh where they are included once.
        progress_weight=math.fsum(weights) if weights else None,
    )
