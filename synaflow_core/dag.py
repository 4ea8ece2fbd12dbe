"""The compiled pipeline: frozen, complete, and all that an engine or an exporter needs.

Built by :mod:`synaflow_core.compiler`; nothing in here is ever filled in later. A ``Node`` is one
step, an ``Edge`` one bound parameter of it. Whoever runs a Dag never looks at type hints again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from synaflow_core.definition import Observer, OnError, Shards, StepMode


class Source(Enum):
    """Who produces the value of an edge."""

    STEP = "step"
    PARAM = "param"
    RESOURCE = "resource"


class Delivery(Enum):
    """In which form a parameter receives what its producer made."""

    ITEM = "item"
    """One item per call; makes the step EACH."""
    STREAM = "stream"
    """A lazy iterator."""
    LIST = "list"
    SET = "set"
    FROZENSET = "frozenset"
    TUPLE = "tuple"
    DICT = "dict"
    VALUE = "value"
    """What the producing step returned, as it is."""
    PARAM = "param"
    """The value of a params field, as it is."""
    RESOURCE = "resource"

    @property
    def is_lazy(self) -> bool:
        """Items are handed over one by one."""
        return self in (Delivery.ITEM, Delivery.STREAM)

    @property
    def is_collection(self) -> bool:
        """The consumer asks for a whole container."""
        return self in _COLLECTIONS


_COLLECTIONS = frozenset(
    {Delivery.LIST, Delivery.SET, Delivery.FROZENSET, Delivery.TUPLE, Delivery.DICT}
)


class OutputKind(Enum):
    """What a step hands on."""

    VALUE = "value"
    STREAM = "stream"
    """A generator's items, or the results of an EACH step."""
    LIST = "list"
    SET = "set"
    FROZENSET = "frozenset"
    TUPLE = "tuple"
    DICT = "dict"
    NONE = "none"
    """Nothing: annotated ``-> None``, so a sink (an EACH sink included)."""

    @property
    def is_collection(self) -> bool:
        """A whole container of elements."""
        return self in (
            OutputKind.LIST,
            OutputKind.SET,
            OutputKind.FROZENSET,
            OutputKind.TUPLE,
            OutputKind.DICT,
        )


@dataclass(frozen=True)
class Edge:
    """One parameter of a step, bound to its producer.

    Attributes:
        parameter: Name of the function's parameter.
        producer: Name of the step, params field or resource that feeds it.
        source: Which of the three that is.
        delivery: In which form the value arrives.
        annotation: The parameter's resolved type; ``Any`` where it has none.
        streaming: The producer is lazy (not collected) and the delivery is ``item`` or ``stream``:
            items flow one by one and never exist all at once. Not so for a ``stream`` whose
            consumer is forced to collect: it iterates a finished collection.
    """

    parameter: str
    producer: str
    source: Source
    delivery: Delivery
    annotation: Any
    streaming: bool = False


@dataclass(frozen=True, eq=False)
class Rollback:
    """How a step that has completed is undone.

    Attributes:
        fn: The function.
        edges: Its bound parameters. The step itself is the producer of those that take its output;
            every other producer is a params field, a resource, or a step that this step reads.
        told: Those of its parameters that the engine fills in: ``error`` (what ended the run) and
            ``repeated`` (an earlier call for the same step may have done part of the work).
    """

    fn: Callable[..., Any]
    edges: tuple[Edge, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Node:
    """One compiled step.

    Attributes:
        edges: The bound parameters, in the order of the function's signature. Parameters that
            keep their Python default have no edge.
        returns: The function's resolved return annotation; ``Any`` where it has none.
        element: Type of one element of the output (the return type itself for a value; ``Any``
            where unknown).
        output_kind: What the step hands on, as declared; a stream stays a stream here even when
            ``collected`` is true.
        collected: The output is collected once for all consumers (``force_materialize``); and what
            the step itself iterates is collected for it.
        mode: EACH or ALL, never AUTO.
        is_async: The function is a coroutine function or an async generator function.
        exported: The step is the pipeline's ``exports``: its output is a result even if a stream.
        scope: Names of the includes that the step lies in, outermost first; ``()`` at the top.
        pipeline: Name of the pipeline that declared it.
        parent_pipeline: Name of the pipeline that includes that one, or None.
        where: ``file.py:12`` of the function (base name only), for messages.
        hidden: Made by the compiler (an include's adapter), not declared by the user.
        silent: It runs no function of the user's (it reads one field of an include's params), so
            neither observers nor reports mention it.
        stop_on: Exceptions of the function that end the run whatever ``on_error`` says.
    """

    name: str
    fn: Callable[..., Any]
    edges: tuple[Edge, ...]
    returns: Any
    element: Any
    output_kind: OutputKind
    mode: StepMode
    collected: bool = False
    on_error: OnError = OnError.CONTINUE
    max_in_flight: int = 1
    materializer: Callable[..., Any] | None = None
    error_materializer: Callable[..., Any] | None = None
    error_threshold_absolute: int | None = None
    error_threshold_pct: float | None = None
    observers: tuple[Observer, ...] = ()
    is_async: bool = False
    exported: bool = False
    pipeline: str = ""
    parent_pipeline: str | None = None
    scope: tuple[str, ...] = ()
    where: str = ""
    description: str = ""
    rollback: Rollback | None = None
    progress_weight: float | None = None
    macro_task: str | None = None
    shards: Shards | None = None
    hidden: bool = False
    silent: bool = False
    stop_on: tuple[type[BaseException], ...] = ()

    @property
    def deps(self) -> dict[str, Any]:
        """Producer name -> annotation of the parameter that it feeds."""
        return {edge.producer: edge.annotation for edge in self.edges}

    @property
    def lazy(self) -> bool:
        """The output flows item by item: a stream that is not collected for all."""
        return self.output_kind is OutputKind.STREAM and not self.collected

    @property
    def item_edges(self) -> tuple[Edge, ...]:
        """The edges that are iterated item by item; not empty exactly for EACH steps."""
        return tuple(e for e in self.edges if e.delivery is Delivery.ITEM)


@dataclass(frozen=True, eq=False)
class Dag:
    """A compiled pipeline.

    Attributes:
        name: The pipeline's name.
        params: Field name -> type of the params class, in field order.
        params_type: The params class (NamedTuple or dataclass), or None.
        steps: Step name -> node, in declaration order, which is also a topological order.
        resources: Resource name -> factory.
        resource_types: Resource name -> declared type of what the factory makes.
        observers: The pipeline's own observers.
    """

    name: str
    params: Mapping[str, Any]
    params_type: type[Any] | None
    steps: Mapping[str, Node]
    resources: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    resource_types: Mapping[str, Any] = field(default_factory=dict)
    observers: tuple[Observer, ...] = ()
    error_materializer: Callable[..., Any] | None = None
    description: str = ""

    @cached_property
    def is_async(self) -> bool:
        """The pipeline needs ``async_run``."""
        return any(node.is_async for node in self.steps.values())

    @cached_property
    def _consumers(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {name: [] for name in self.steps}
        for name, node in self.steps.items():
            for edge in node.edges:
                if edge.source is Source.STEP:
                    found[edge.producer].append(name)
        return {name: tuple(names) for name, names in found.items()}

    def consumers_of(self, step_name: str) -> tuple[str, ...]:
        """Names of the steps that a step feeds, in declaration order."""
        return self._consumers[step_name]

    def get_execution_levels(self) -> list[list[str]]:
        """Steps by depth: each level needs only the levels before it; declaration order within."""
        position = {name: index for index, name in enumerate(self.steps)}
        sorter = TopologicalSorter(
            {
                name: [e.producer for e in node.edges if e.source is Source.STEP]
                for name, node in self.steps.items()
            }
        )
        sorter.prepare()
        levels = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=position.__getitem__)
            levels.append(ready)
            sorter.done(*ready)
        return levels
