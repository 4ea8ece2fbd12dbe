"""Pass 11: materialisation. Which edges stream, and which handlers build what is collected.

An edge streams when its producer is lazy (a stream that is not collected for all) and its
parameter takes an item or an iterator. Whatever asks for a container collects its own branch, and
so does a step with ``force_materialize`` that asks for an iterator; lazy siblings keep streaming.
Handlers that a step does not name are the pipeline's; but its
materializer is for collections, so a single value only has one that its own step names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from synaflow_core.compiler.draft import Draft
from synaflow_core.dag import Delivery, Edge, Node, OutputKind, Source

_SINGLE = (OutputKind.VALUE, OutputKind.NONE)


def materialize(draft: Draft) -> Draft:
    """Mark the streaming edges and settle the materializers."""
    definition = draft.definition
    nodes = {
        name: replace(
            node,
            edges=tuple(_edge(edge, node, draft.nodes) for edge in node.edges),
            materializer=node.materializer
            or (None if node.silent or node.output_kind in _SINGLE else definition.materializer),
            error_materializer=node.error_materializer or definition.error_materializer,
        )
        for name, node in draft.nodes.items()
    }
    return replace(draft, nodes=nodes)


def _edge(edge: Edge, consumer: Node, nodes: Mapping[str, Node]) -> Edge:
    lazy = edge.source is Source.STEP and nodes[edge.producer].lazy
    streaming = lazy and edge.delivery.is_lazy and not forces(consumer, edge)
    return edge if edge.streaming is streaming else replace(edge, streaming=streaming)


def forces(consumer: Node, edge: Edge) -> bool:
    """The consumer has what it iterates collected first; items of an EACH step come one by one."""
    return consumer.collected and edge.delivery is Delivery.STREAM
