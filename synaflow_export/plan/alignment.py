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
    item_links: list[list[int]] = [[] for _ in graph.steps]
    for index, link in enumerate(graph.links):
        if link.delivery == "item":
            item_links[link.consumer].append(index)
    branches: list[_Branch] = []
    found: dict[int, int] = {}
    for position, links in enumerate(item_links):
        inputs = [branches[graph.links[index].producer] for index in links]
        inputs += _param_branches(graph, position, links)
        branches.append(_output(graph, position, inputs))
        meeting = Counter(branch.source for branch in inputs)
        dropping = {b.source for b in inputs if b.may_drop and meeting[b.source] > 1}
        open_links = [
            i for i in links if dropping and branches[graph.links[i].producer].source in dropping
        ]
        while open_links:
            index = open_links.pop()
            producer = graph.links[index].producer
            if index in found or branches[producer].source == producer:
                continue  # the source itself may be read from the store: all branches read it
            found[index] = position
            open_links += item_links[producer]
    return found


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
