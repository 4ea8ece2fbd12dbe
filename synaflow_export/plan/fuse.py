"""Which steps must run together, before cycles are looked at: rule (a), (b) and (c) of partition.

A :class:`Fusion` is one such demand. *Soft* ones (a stream that could as well be written to the
store) may be given up to break a cycle; hard ones never. :class:`Groups` is the union-find that
carries them out and remembers why, so that any two steps of a group can be explained.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from synaflow_export.plan.graph import Link, StepGraph
from synaflow_export.plan.model import PlanOptions

FusionKind = Literal[
    "streaming",
    "unserialisable",
    "label",
    "scope",
    "pipeline",
    "include",
    "cycle",
    "shards",
]

_EXPLAINED_LINKS = 64
"""How far a chain of reasons is followed for one sentence: keeps explaining linear."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Two steps that must run together.

    Attributes:
        kind: Why.
        first: Position of a step; the producer where the reason is a link.
        second: Position of the other step, greater than ``first``.
        soft: May be given up: the link could be written to the store.
        about: For ``label``, ``scope`` and ``include``: the label, or the include's name; for
            ``shards``: the step that asked for them.
    """

    kind: FusionKind
    first: int
    second: int
    soft: bool = False
    about: str = ""

    @property
    def is_link(self) -> bool:
        """The two steps are producer and consumer."""
        return self.kind in ("streaming", "unserialisable")


def must_fuse(graph: StepGraph, options: PlanOptions) -> list[Fusion]:
    """List what must run together under a granularity; hard demands come first."""
    if options.granularity == "pipeline":
        return [Fusion("pipeline", i, i + 1) for i in range(len(graph.steps) - 1)]
    fusions = together("label", [step.macro_task for step in graph.steps])
    if options.granularity == "scope":
        fusions += together("scope", [scope_of(graph, i) for i in range(len(graph.steps))])
    streams: list[Fusion] = []
    for link in graph.links:
        ends = (link.producer, link.consumer)
        include = include_of(graph, link.consumer)
        if include is not None and include == include_of(graph, link.producer):
            # An include's adapter and the fields of the params it makes are one piece of work.
            fusions.append(Fusion("include", *ends, about=include))
            continue
        asked_apart = _asked_apart(graph, link, options)
        if not link.storable:
            if not asked_apart:
                fusions.append(Fusion("unserialisable", *ends))
        elif link.streaming and _keeps_streaming(graph, link, options):
            streams.append(Fusion("streaming", *ends, soft=True))
    return fusions + streams


def scope_of(graph: StepGraph, position: int) -> str | None:
    """Name of the outermost include that a step lies in; None for a step of the pipeline itself."""
    scope = graph.steps[position].scope
    return scope[0] if scope else None


def include_of(graph: StepGraph, position: int) -> str | None:
    """Path of the include whose params a hidden step makes; None for a step of the user's."""
    step = graph.steps[position]
    return "/".join(step.scope) if step.hidden else None


def together(kind: FusionKind, keys: list[str | None]) -> list[Fusion]:
    """Chain the steps that share a key."""
    latest: dict[str, int] = {}
    fusions = []
    for position, key in enumerate(keys):
        if key is None:
            continue
        if key in latest:
            fusions.append(Fusion(kind, latest[key], position, about=key))
        latest[key] = position
    return fusions


def _asked_apart(graph: StepGraph, link: Link, options: PlanOptions) -> bool:
    """The user wants this link cut: by ``spill``, or by two different labels on its ends."""
    producer, consumer = graph.steps[link.producer], graph.steps[link.consumer]
    if link.streaming and graph.names[link.producer] in options.spill:
        return True
    labels = (producer.macro_task, consumer.macro_task)
    return None not in labels and labels[0] != labels[1]


def _keeps_streaming(graph: StepGraph, link: Link, options: PlanOptions) -> bool:
    if options.granularity == "step" or graph.names[link.producer] in options.spill:
        return False
    if options.granularity == "scope":
        return scope_of(graph, link.producer) == scope_of(graph, link.consumer)
    return True


class Groups:
    """Disjoint sets of steps, each known by its first step.

    Attributes:
        of: Position of a step -> position of the first step of its group.
        members: First step of a group -> all its steps in declaration order.
    """

    def __init__(self, size: int, fusions: Iterable[Fusion]) -> None:
        parent = list(range(size))

        def root(position: int) -> int:
            while parent[position] != position:
                parent[position] = parent[parent[position]]
                position = parent[position]
            return position

        self._ties: dict[int, list[Fusion]] = defaultdict(list)
        for fusion in fusions:
            first, second = root(fusion.first), root(fusion.second)
            if first != second:
                # The smaller root wins, so a group is always known by its first step.
                parent[max(first, second)] = min(first, second)
                self._ties[fusion.first].append(fusion)
                self._ties[fusion.second].append(fusion)
        self.of = [root(position) for position in range(size)]
        self.members: dict[int, list[int]] = {}
        for position, group in enumerate(self.of):
            self.members.setdefault(group, []).append(position)
        self._towards_first: dict[int, tuple[Fusion, int] | None] = {}
        self._depth: dict[int, int] = {}

    def chain(self, first: int, second: int) -> list[Fusion]:
        """The demands that tie two steps of one group together, from the first to the second.

        A chain of more than 64 is given in part: it is for explaining.
        """
        if first not in self._depth:
            self._survey(self.of[first])
        before: list[Fusion] = []
        after: list[Fusion] = []
        while first != second and len(before) + len(after) < _EXPLAINED_LINKS:
            climb_first = self._depth[first] >= self._depth[second]
            step = self._towards_first[first if climb_first else second]
            if step is None:
                break
            if climb_first:
                before.append(step[0])
                first = step[1]
            else:
                after.append(step[0])
                second = step[1]
        return before + after[::-1]

    def _survey(self, group: int) -> None:
        self._towards_first[group] = None
        self._depth[group] = 0
        queue = deque([group])
        while queue:
            position = queue.popleft()
            for tie in self._ties[position]:
                other = tie.second if tie.first == position else tie.first
                if other not in self._depth:
                    self._depth[other] = self._depth[position] + 1
                    self._towards_first[other] = (tie, position)
                    queue.append(other)
