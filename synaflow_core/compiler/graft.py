"""Grafting: the steps of an included pipeline, spelled as steps of the including one.

The adapter of include ``inc`` becomes the hidden value step ``inc__params``, each params field
that is used the hidden value step ``inc__params__<field>``, each step ``inc__<step>``, except the
exported one, which is ``inc``. So all edges are ordinary step edges; the pass ``expand`` decides
when to graft.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from synaflow_core.compiler.draft import WHOLE, Draft, Output
from synaflow_core.compiler.subrun import ParamsField
from synaflow_core.dag import Dag, Delivery, Edge, Node, OutputKind, Rollback, Source
from synaflow_core.definition import Include, StepMode
from synaflow_core.hints import Function, shape_of
from synaflow_core.naming import Scope

PARAMS = "params"
"""Name of the adapter's result inside an include."""


@dataclass(frozen=True)
class Graft:
    """Spells the steps of one included pipeline as steps of the including one."""

    draft: Draft
    include: Include
    exported: str

    def nodes(self, function: Function, edges: tuple[Edge, ...]) -> Iterator[Node]:
        """The adapter, the fields that are used, then the steps, in topological order."""
        dag = self.include.pipeline.dag
        used = {
            edge.producer
            for node in dag.steps.values()
            for edge in (*node.edges, *(node.rollback.edges if node.rollback else ()))
            if edge.source is Source.PARAM
        }
        yield self._adapter(function, edges, bool(used))
        for field, annotation in dag.params.items():
            if field in used:
                yield self._field(field, annotation, function.where)
        for node in dag.steps.values():
            yield self._step(dag, node)

    def _adapter(self, function: Function, edges: tuple[Edge, ...], used: bool) -> Node:
        kind = self.include.pipeline.dag.params_type or type(None)
        return self._hidden(
            Node(
                name=self._spell(PARAMS),
                fn=self.include.fn,
                edges=edges,
                returns=kind,
                element=kind,
                # Params that no step reads are no result of the run either.
                output_kind=OutputKind.VALUE if used else OutputKind.NONE,
                mode=StepMode.ALL,
                is_async=function.is_async,
                where=function.where,
            )
        )

    def _field(self, field: str, annotation: Any, where: str) -> Node:
        output = Output.of(annotation, shape_of(annotation))
        params = self._spell(PARAMS)
        kind = self.include.pipeline.dag.params_type
        return self._hidden(
            Node(
                name=f"{params}__{field}",
                fn=ParamsField(field),
                edges=(Edge(PARAMS, params, Source.STEP, Delivery.VALUE, kind),),
                silent=True,
                returns=annotation,
                element=output.element,
                output_kind=output.kind,
                mode=StepMode.ALL,
                where=where,
            )
        )

    def _hidden(self, node: Node) -> Node:
        return replace(
            node,
            hidden=True,
            pipeline=self.include.pipeline.dag.name,
            parent_pipeline=self.draft.definition.name,
            scope=(self.include.name,),
        )

    def _step(self, dag: Dag, node: Node) -> Node:
        name = self.include.name
        exported = node.name == self.exported
        return replace(
            node,
            name=name if exported else self._spell(node.name),
            edges=tuple(self._edge(dag, edge) for edge in node.edges),
            rollback=self._rollback(dag, node.rollback),
            exported=exported and self.draft.definition.exports == name,
            scope=(name, *node.scope),
            parent_pipeline=node.parent_pipeline or self.draft.definition.name,
            observers=() if node.hidden else (*dag.observers, *node.observers),
        )

    def _rollback(self, dag: Dag, rollback: Rollback | None) -> Rollback | None:
        if rollback is None:
            return None
        return replace(rollback, edges=tuple(self._edge(dag, edge) for edge in rollback.edges))

    def _edge(self, dag: Dag, edge: Edge) -> Edge:
        if edge.source is Source.RESOURCE:
            return replace(edge, producer=self._spell(edge.producer))
        if edge.source is Source.STEP:
            name = edge.producer
            return replace(
                edge, producer=self.include.name if name == self.exported else self._spell(name)
            )
        delivery = edge.delivery
        if delivery is Delivery.PARAM:
            field = dag.params[edge.producer]
            delivery = WHOLE.get(Output.of(field, shape_of(field)).kind, Delivery.VALUE)
        producer = f"{self._spell(PARAMS)}__{edge.producer}"
        return replace(edge, producer=producer, source=Source.STEP, delivery=delivery)

    def _spell(self, name: str) -> str:
        return Scope(self.include.name)(name)
