"""The value that travels through the passes, and the small frozen types it is made of.

Each pass takes a :class:`Draft` and returns a new one with its own section filled in, or with
problems. Sections are complete when set. Later passes change two of them: ``nodes`` are replaced by
nodes that know more, and ``expand`` adds the resources of included pipelines to ``resource_types``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from synaflow_core.dag import Dag, Delivery, Node, OutputKind, Rollback, Source
from synaflow_core.definition import Include, PipelineDef, Step, StepMode
from synaflow_core.errors import Problem
from synaflow_core.hints import Complaint, Function, Kind, Parameter, Shape, plain, type_name
from synaflow_core.naming import SEPARATOR

Entry = Step | Include

KIND_TO_OUTPUT: Mapping[Kind, OutputKind] = {
    Kind.UNKNOWN: OutputKind.VALUE,
    Kind.NONE: OutputKind.NONE,
    Kind.VALUE: OutputKind.VALUE,
    Kind.STREAM: OutputKind.STREAM,
    Kind.LIST: OutputKind.LIST,
    Kind.SET: OutputKind.SET,
    Kind.FROZENSET: OutputKind.FROZENSET,
    Kind.TUPLE: OutputKind.TUPLE,
    Kind.DICT: OutputKind.DICT,
}

WHOLE: Mapping[OutputKind, Delivery] = {
    OutputKind.VALUE: Delivery.VALUE,
    OutputKind.STREAM: Delivery.STREAM,
    OutputKind.LIST: Delivery.LIST,
    OutputKind.SET: Delivery.SET,
    OutputKind.FROZENSET: Delivery.FROZENSET,
    OutputKind.TUPLE: Delivery.TUPLE,
    OutputKind.DICT: Delivery.DICT,
}
"""How an output arrives when the consumer takes it as it comes."""


@dataclass(frozen=True)
class Link:
    """A parameter and the name that feeds it."""

    parameter: Parameter
    producer: str
    source: Source


@dataclass(frozen=True)
class Output:
    """What a step, params field or resource offers to its consumers.

    Attributes:
        kind: Value, stream, some collection, or nothing.
        element: Type of one element; the type itself for a value.
        type: The whole type as annotated (``T`` for an EACH step that returns ``T``).
        each: Items are the results of an EACH step.
        known: False after a problem upstream: then nothing more is checked against it.
    """

    kind: OutputKind
    element: Any
    type: Any
    each: bool = False
    known: bool = True

    @classmethod
    def of(cls, annotation: Any, shape: Shape) -> Output:
        """The output of a function that is called once."""
        return cls(KIND_TO_OUTPUT[shape.kind], shape.item, plain(annotation))

    def __str__(self) -> str:
        if self.each and self.kind is OutputKind.STREAM:
            return f"Stream[{type_name(self.type)}]"
        return type_name(self.type)


@dataclass(frozen=True)
class Flow:
    """How the data of one step moves: a delivery per link, its mode and its output."""

    deliveries: tuple[Delivery, ...]
    mode: StepMode
    output: Output


@dataclass(frozen=True)
class Draft:
    """A pipeline on its way to a Dag.

    Attributes:
        params: Field name -> type, by the pass ``params``.
        functions: Entry name -> understood function, by ``functions``.
        rollback_functions: Step name -> understood rollback, by ``functions``.
        resource_types: Resource name -> type of what the factory makes, by ``resources``.
        links: Entry name -> bound parameters, by ``bind``.
        flows: Entry name -> deliveries, mode and output, by ``types``.
        rollbacks: Step name -> bound rollback, by ``rollbacks``.
        nodes: Step name -> node, includes expanded, by ``expand``; topological order.
        merged_resources: Resource name -> factory incl. those of includes, by ``expand``.
    """

    definition: PipelineDef
    problems: tuple[Problem, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    rollback_functions: Mapping[str, Function] = field(default_factory=dict)
    resource_types: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    rollbacks: Mapping[str, Rollback] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    merged_resources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pipeline_place(self) -> str:
        """Where a problem is that has no better place."""
        return f"pipeline '{self.definition.name}'"

    def with_problems(self, problems: Iterable[Problem]) -> Draft:
        """The same draft, found faulty; the compiler stops after this pass."""
        found = tuple(dict.fromkeys(problems))  # one mistake can be met twice: tell it once
        return replace(self, problems=(*self.problems, *found)) if found else self

    def place_of(self, name: str) -> str:
        """``pipe.py:12`` of an entry's function, where known."""
        function = self.functions.get(name)
        return (function.where if function else "") or self.pipeline_place

    def entries(self) -> Iterator[tuple[Entry, Function]]:
        """Declared entries with their functions, in declaration order."""
        for entry in self.definition.steps:
            yield entry, self.functions[entry.name]


def subject_of(entry: Entry, parameter: str = "") -> str:
    """``step 'clean', parameter 'row'``."""
    kind = "include" if isinstance(entry, Include) else "step"
    subject = f"{kind} '{entry.name}'"
    return f"{subject}, parameter '{parameter}'" if parameter else subject


def rollback_subject(entry: Entry, parameter: str = "") -> str:
    """``step 'save', rollback parameter 'row'``."""
    return f"{subject_of(entry)}, rollback" + (f" parameter '{parameter}'" if parameter else "")


def problem_from(where: str, entry: Entry, complaint: Complaint) -> Problem:
    """A complaint about a callable, told about the entry that uses it."""
    subject = subject_of(entry, complaint.parameter)
    return Problem(where, subject, complaint.code, complaint.message, complaint.hint)


def exported_node(dag: Dag) -> Node | None:
    """The node whose output an include of this pipeline offers, if there is exactly one."""
    exported = [node for node in dag.steps.values() if node.exported]
    ends = exported or ends_of(dag)
    return ends[0] if len(ends) == 1 else None


def ends_of(dag: Dag) -> list[Node]:
    """The declared steps that nothing consumes although they have an output."""
    return [
        node
        for name, node in dag.steps.items()
        if SEPARATOR not in name
        and node.output_kind is not OutputKind.NONE
        and not dag.consumers_of(name)
    ]


def result_type(exported: Node) -> Any:
    """Type of ``run(...).outputs[name]``: a stream arrives as the list of its items."""
    if exported.output_kind is OutputKind.STREAM:
        return list[exported.element]  # type: ignore[name-defined]  # a type made at run time
    return exported.returns


def listed(names: Iterable[str], limit: int = 8) -> str:
    """``'a', 'b' and 3 more``."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) > limit:
        return f"{', '.join(quoted[:limit])} and {len(quoted) - limit} more"
    return ", ".join(quoted) or "none"
