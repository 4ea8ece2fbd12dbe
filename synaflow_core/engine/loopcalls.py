"""The calls of a loop: how each is spelled, and what is noted when it is not made. PURE.

:mod:`synaflow_core.engine.looprun` binds these to a run, :mod:`synaflow_core.engine.loops` writes
the text around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synaflow_core.dag import Edge, Node
from synaflow_core.engine.binding import binding_of
from synaflow_core.engine.ledger import LoopCount, Tally
from synaflow_core.engine.loops import Body, CallShape


def call_shape(
    node: Node, index: int, constants: Mapping[str, Any], *, per_item: frozenset[str]
) -> tuple[CallShape, dict[str, Any]]:
    """How an EACH step is called, and the constants that its text names.

    Args:
        node: The step.
        index: Its place among the calls of the loop.
        constants: Parameter -> what is the same for all calls.
        per_item: Parameters of resources that are made for every item: whoever makes them passes
            them, by keyword, so all others are passed by keyword too.
    """
    slots = {edge.parameter: i for i, edge in enumerate(node.item_edges)}
    named: dict[str, Any] = {}

    def name(edge: Edge) -> int | str:
        if edge.parameter in slots:
            return slots[edge.parameter]
        constant = f"k{index}_{len(named)}"
        named[constant] = constants[edge.parameter]
        return constant

    if per_item:
        given = [edge for edge in node.edges if edge.parameter not in per_item]
        return CallShape((), tuple((edge.parameter, name(edge)) for edge in given)), named
    binding = binding_of(node)
    positional = tuple(name(edge) for edge in binding.positional)
    keywords = tuple((edge.parameter, name(edge)) for edge in binding.keywords)
    return CallShape(positional, keywords), named


def interrupted(count: LoopCount, body: Body, line: int) -> None:
    """The run ends in the middle of an item: the call at that line did not return."""
    if count.cut is None:
        count.cut = body.made.get(line)


def missed(tally: Tally) -> None:
    """A step was not called for an item, because an input of it was dropped."""
    tally.missed += 1
