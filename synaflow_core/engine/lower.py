"""Dag -> Program: which steps run together, and as which loops. PURE.

See :mod:`synaflow_core.engine.program` for the vocabulary. Rules:

* A streaming edge joins two steps into one region (union-find).
* EACH steps whose item inputs all stem from one source are calls of that source's loop, so a join
  of such branches is aligned by source item. Inputs from different sources are zipped.
* So are, across macro-tasks, steps whose inputs are datasets with source positions (``aligned``).
* An EACH step with ``max_in_flight`` > 1 gets its consumers a loop of their own, behind a window,
  unless a later join needs them aligned with its siblings.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from synaflow_core.dag import Dag, Node, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.engine.loopplan import Outside, RegionBuilder, runs_lazily
from synaflow_core.engine.positions import sources
from synaflow_core.engine.program import (
    CallStage,
    Program,
    Stage,
)


def lower(
    dag: Dag,
    only: Iterable[str],
    *,
    taps: frozenset[str] = frozenset(),
    keep: frozenset[str] = frozenset(),
    readers: frozenset[str] = frozenset(),
    aligned: frozenset[str] = frozenset(),
    placed: frozenset[str] = frozenset(),
) -> Program:
    """Plan the execution of some steps of a Dag.

    Args:
        dag: The compiled pipeline.
        only: Steps to run; producers outside are external inputs of the run.
        taps: Streams whose items also go to an external sink.
        keep: Streams that are also collected into a list, as results.
        readers: Other steps of the same run, planned elsewhere, which read what these collect.
        aligned: External inputs that come with the positions of their items in their source.
        placed: Streams of ``taps`` whose sinks need such positions.
    """
    chosen = set(only)
    nodes = {name: node for name, node in dag.steps.items() if name in chosen}
    order = {name: index for index, name in enumerate(dag.steps)}
    regions = _regions(nodes)
    source_of = sources(dag) if aligned else {}
    roots = {name: source_of[name] for name in aligned}
    outside = Outside(taps, keep, frozenset(chosen | readers), roots, placed)
    stages: list[Stage] = []
    for members in regions:
        if len(members) == 1 and not _streams(nodes[members[0]], nodes):
            stages.append(CallStage(members[0]))
        else:
            stages.append(RegionBuilder(dag, nodes, members, order, outside).build())
    return Program(_sorted(stages, nodes, order))


def _streams(node: Node, nodes: Mapping[str, Node]) -> bool:
    return (
        node.output_kind is OutputKind.STREAM
        or node.mode is StepMode.EACH
        or any(runs_lazily(edge, nodes) for edge in node.edges)
    )


def _regions(nodes: Mapping[str, Node]) -> list[list[str]]:
    parent = {name: name for name in nodes}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for name, node in nodes.items():
        for edge in node.edges:
            if runs_lazily(edge, nodes):
                parent[root(name)] = root(edge.producer)
    groups: dict[str, list[str]] = {}
    for name in nodes:
        groups.setdefault(root(name), []).append(name)
    return list(groups.values())


def _sorted(
    stages: list[Stage], nodes: Mapping[str, Node], order: Mapping[str, int]
) -> tuple[Stage, ...]:
    """Topological order; among ready stages the one with the earliest declared step first."""
    home = {step: index for index, stage in enumerate(stages) for step in stage.steps}
    after: list[set[int]] = [set() for _ in stages]
    waits = [0] * len(stages)
    for name, node in nodes.items():
        for edge in node.edges:
            if edge.source is Source.STEP and edge.producer in home:
                before, here = home[edge.producer], home[name]
                if before != here and here not in after[before]:
                    after[before].add(here)
                    waits[here] += 1
    ready = [(order[s.steps[0]], i) for i, s in enumerate(stages) if not waits[i]]
    heapq.heapify(ready)
    result = []
    while ready:
        _, index = heapq.heappop(ready)
        result.append(stages[index])
        for later in after[index]:
            waits[later] -= 1
            if not waits[later]:
                heapq.heappush(ready, (order[stages[later].steps[0]], later))
    if len(result) != len(stages):  # the compiler's lockstep pass refuses such pipelines
        raise AssertionError("streaming regions depend on each other in a circle")
    return tuple(result)
