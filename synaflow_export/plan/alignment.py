"""Joins by source item, and the links that keep them aligned.

An EACH step fed by several branches of *one* source is called with the values of one source item;
an item dropped in one branch is dropped for the join. The engine runs such branches as one loop
(``synaflow_core.engine.lower`` has the rules); the handoff store does not keep source positions.
So where an item may be dropped, all links from below the source down to the join stay within one
macro-task, whatever the granularity.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from synaflow_export.plan.graph import StepGraph


@dataclass(frozen=True, slots=True)
class _Branch:
    """Whose items, one for one, a step hands on: those of a step, or of a param by name."""

    source: int | str
    may_drop: bool


def aligned_links(graph: StepGraph) -> dict[int, int]:
    """Find the links that carry items to a join by source item, where items may be dropped.

    Linear in the number of links: each is marked once, whatever the number of joins.

    Returns:
        Index of a link -> position of the first join that needs it.
    """
    flow = _flow(graph)
    found: dict[int, int] = {}
    for position, (links, inputs) in enumerate(zip(flow.item_links, flow.inputs, strict=True)):
        meeting = Counter(branch.source for branch in inputs)
        dropping = {b.source for b in inputs if b.may_drop and meeting[b.source] > 1}
        open_links = [
            i
            for i in links
            if dropping and flow.outputs[graph.links[i].producer].source in dropping
        ]
        while open_links:
            index = open_links.pop()
            producer = graph.links[index].producer
            if index in found or flow.outputs[producer].source == producer:
                continue  # the source itself may be read from the store: all branches read it
            found[index] = position
            open_links += flow.item_links[producer]
    return found


def item_sources(graph: StepGraph) -> list[frozenset[int | str]]:
    """For each step, whose items, one for one, it is called with: of steps, or params by name."""
    return [frozenset(branch.source for branch in inputs) for inputs in _flow(graph).inputs]


@dataclass(frozen=True)
class _Flow:
    """How items flow. By position of a step: its item links, what they bring, what it hands on."""

    item_links: list[list[int]]
    inputs: list[list[_Branch]]
    outputs: list[_Branch]


def _flow(graph: StepGraph) -> _Flow:
    item_links: list[list[int]] = [[] for _ in graph.steps]
    for index, link in enumerate(graph.links):
        if link.delivery == "item":
            item_links[link.consumer].append(index)
    flow = _Flow(item_links, [], [])
    for position, links in enumerate(item_links):
        inputs = [flow.outputs[graph.links[index].producer] for index in links]
        inputs += _param_branches(graph, position, links)
        flow.inputs.append(inputs)
        flow.outputs.append(_output(graph, position, inputs))
    return flow


def _param_branches(graph: StepGraph, position: int, links: list[int]) -> list[_Branch]:
    """Iterated params: sources like any other, only that nothing in the plan produces them."""
    from_steps = {graph.names[graph.links[index].producer] for index in links}
    return [
        _Branch(name, may_drop=False)
        for name, delivery in graph.steps[position].delivery.items()
        if delivery == "item" and name not in from_steps
    ]


def _output(graph: StepGraph, position: int, inputs: list[_Branch]) -> _Branch:
    step = graph.steps[position]
    if not (step.mode == "each" and step.lazy) or len({branch.source for branch in inputs}) != 1:
        # A generator, a collection, or a zip of independent streams: a source of its own.
        return _Branch(position, may_drop=False)
    drops = step.on_error == "continue" or any(branch.may_drop for branch in inputs)
    return _Branch(inputs[0].source, drops)
