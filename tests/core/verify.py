"""What is true of every Dag that the compiler hands out, whatever the pipeline."""

from __future__ import annotations

from synaflow_core.dag import Dag, Delivery, Edge, Node, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.naming import name_trouble


def verify(dag: Dag) -> None:
    """Assert the promises of :mod:`synaflow_core.dag`."""
    earlier: set[str] = set()
    for name, node in dag.steps.items():
        assert node.name == name
        assert node.hidden or "__" in name or name_trouble(name) is None
        for edge in node.edges:
            verify_edge(dag, node, edge, earlier)
        verify_node(node)
        earlier.add(name)
    for name in dag.steps:
        for consumer in dag.consumers_of(name):
            assert any(e.producer == name for e in dag.steps[consumer].edges)
    levels = dag.get_execution_levels()
    assert sorted(name for level in levels for name in level) == sorted(dag.steps)
    assert sum(node.exported for node in dag.steps.values()) <= 1
    assert set(dag.resources) == set(dag.resource_types)


def verify_node(node: Node) -> None:
    """Mode, output and edges agree with each other."""
    assert node.mode in (StepMode.EACH, StepMode.ALL)
    assert (node.mode is StepMode.EACH) == bool(node.item_edges)
    assert len({edge.producer for edge in node.edges}) == len(node.edges)
    assert len({edge.parameter for edge in node.edges}) == len(node.edges)
    if node.mode is StepMode.EACH:
        assert node.output_kind in (OutputKind.STREAM, OutputKind.NONE)
        assert all(edge.delivery is not Delivery.STREAM for edge in node.edges)
    assert node.lazy == (node.output_kind is OutputKind.STREAM and not node.collected)


def verify_edge(dag: Dag, node: Node, edge: Edge, earlier: set[str]) -> None:
    """The producer is there already, and can deliver what was promised."""
    if edge.source is Source.RESOURCE:
        assert edge.producer in dag.resources
        assert edge.delivery is Delivery.RESOURCE
        assert not edge.streaming
        return
    if edge.source is Source.PARAM:
        assert edge.producer in dag.params
        assert edge.delivery not in (Delivery.VALUE, Delivery.RESOURCE)
        assert not edge.streaming
        return
    assert edge.producer in earlier
    producer = dag.steps[edge.producer]
    forced = node.collected and edge.delivery is Delivery.STREAM
    assert edge.streaming == (producer.lazy and edge.delivery.is_lazy and not forced)
    assert edge.delivery not in (Delivery.PARAM, Delivery.RESOURCE)
    assert producer.output_kind is not OutputKind.NONE or producer.hidden
    assert (producer.output_kind is OutputKind.VALUE) == (edge.delivery is Delivery.VALUE)
