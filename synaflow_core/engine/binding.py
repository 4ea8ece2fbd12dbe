"""How a step's function is called: which parameters by position, and with items of which type."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from synaflow_core.dag import Dag, Edge, Node, Source
from synaflow_core.hints import shape_of


@dataclass(frozen=True)
class Binding:
    """Which edges are passed by position and which by keyword."""

    positional: tuple[Edge, ...]
    keywords: tuple[Edge, ...]


_bindings: WeakKeyDictionary[Node, Binding] = WeakKeyDictionary()


def binding_of(node: Node) -> Binding:
    """How a step's function takes its parameters; positional calls are the faster ones."""
    found = _bindings.get(node)
    if found is None:
        by_name = {edge.parameter: edge for edge in node.edges}
        positional: list[Edge] = []
        for parameter in inspect.signature(node.fn).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY or parameter.name not in by_name:
                break  # from here on a default may have been skipped
            positional.append(by_name.pop(parameter.name))
        found = _bindings[node] = Binding(tuple(positional), tuple(by_name.values()))
    return found


def item_type(dag: Dag, node: Node) -> Any:
    """Type of the item that a step is called with; a tuple type where it takes several."""
    found = []
    for edge in node.item_edges:
        if edge.source is Source.STEP:
            made = dag.steps[edge.producer].element
        else:
            made = shape_of(dag.params[edge.producer]).item
        found.append(edge.annotation if made is Any else made)
    if not found:
        return Any
    return found[0] if len(found) == 1 else tuple[tuple(found)]  # type: ignore[misc]  # made here
