"""Joins by source item, and the datasets that have to say which item each of theirs came from.

An EACH step fed by several branches of *one* source is called with the values of one source item;
an item dropped in one branch is dropped for the join. Within one macro-task the engine runs such
branches as one loop (``synaflow_core.engine.lower`` has the rules). Where a branch crosses to
another macro-task and an item may be dropped, its dataset stores the positions of its items in the
source: the dataset is *aligned*.
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


def aligned_links(graph: StepGraph) -> frozenset[int]:
    """Find the links that carry items to a join by source item, where items may be dropped.

    A generator that is the source itself needs no positions: all branches read it whole. An EACH
    step that zips several sources is the source of what follows, and may drop items of its own.
    Linear in the number of links: each is marked once, whatever the number of joins.

    Returns:
        Indices of links.
    """
    flow = _flow(graph)
    found: set[int] = set()
    for links, inputs in zip(flow.item_links, flow.inputs, strict=True):
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
            if index in found or not _hands_on_each(graph, producer):
                continue
            found.add(index)
            if flow.outputs[producer].source != producer:
                open_links += flow.item_links[producer]
    return frozenset(found)


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
    if not _hands_on_each(graph, position) or len({branch.source for branch in inputs}) != 1:
        # A generator, a collection, or a zip of independent streams: a source of its own.
        return _Branch(position, may_drop=False)
    drops = step.on_error == "continue" or any(branch.may_drop for branch in inputs)
    return _Branch(inputs[0].source, drops)


def _hands_on_each(graph: StepGraph, position: int) -> bool:
    """What the step is called with item by item it hands on item by item."""
    return graph.steps[position].mode == "each" and graph.steps[position].lazy
