"""Dag -> Program: which steps run together, and as which loops. PURE.

See :mod:`synaflow_core.engine.program` for the vocabulary. Rules:

* A streaming edge joins two steps into one region (union-find).
* EACH steps whose item inputs all stem from one source are calls of that source's loop, so a join
  of such branches is aligned by source item. Inputs from different sources are zipped.
* An EACH step with ``max_in_flight`` > 1 gets its consumers a loop of their own, behind a window,
  unless a later join needs them aligned with its siblings.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from synaflow_core.dag import Dag, Delivery, Edge, Node, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.engine.program import (
    Branch,
    BranchInput,
    Call,
    CallStage,
    CollectKey,
    JoinSource,
    Loop,
    Origin,
    Program,
    Pull,
    RegionStage,
    Sink,
    Stage,
    StepSource,
    ValueSource,
)

# A loop is identified by what feeds it: ("step", producer), ("value", producer, source, region),
# ("join", EACH step) or ("ahead", EACH step whose output is windowed).
LoopKey = tuple[object, ...]


def lower(
    dag: Dag,
    only: Iterable[str],
    *,
    taps: frozenset[str] = frozenset(),
    keep: frozenset[str] = frozenset(),
    readers: frozenset[str] = frozenset(),
) -> Program:
    """Plan the execution of some steps of a Dag.

    Args:
        dag: The compiled pipeline.
        only: Steps to run; producers outside are external inputs of the run.
        taps: Streams whose items also go to an external sink.
        keep: Streams that are also collected into a list, as results.
        readers: Other steps of the same run, planned elsewhere, which read what these collect.
    """
    chosen = set(only)
    nodes = {name: node for name, node in dag.steps.items() if name in chosen}
    order = {name: index for index, name in enumerate(dag.steps)}
    regions = _regions(nodes)
    stages: list[Stage] = []
    for members in regions:
        if len(members) == 1 and not _streams(nodes[members[0]], nodes):
            stages.append(CallStage(members[0]))
        else:
            region = _Region(dag, nodes, members, order, taps, keep, chosen | readers)
            stages.append(region.build())
    return Program(_sorted(stages, nodes, order))


def runs_lazily(edge: Edge, nodes: Mapping[str, Node]) -> bool:
    """The edge carries a stream that one of these steps makes while the consumer runs."""
    return edge.streaming and edge.producer in nodes


def slot_name(producer: str, source: Source) -> str:
    """Name of a value in a loop's body; a step and a params field of one name stay apart."""
    return producer if source is Source.STEP else f"{source.value}:{producer}"


def slot_of(edge: Edge) -> str:
    """The slot that an edge reads."""
    return slot_name(edge.producer, edge.source)


def _streams(node: Node, nodes: Mapping[str, Node]) -> bool:
    return (
        node.output_kind is OutputKind.STREAM
        or node.mode is StepMode.EACH
        or any(runs_lazily(edge, nodes) for edge in node.edges)
    )


def _regions(nodes: Mapping[str, Node]) -> list[list[str]]:
    parent = {name: name for name in nodes}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for name, node in nodes.items():
        for edge in node.edges:
            if runs_lazily(edge, nodes):
                parent[root(name)] = root(edge.producer)
    groups: dict[str, list[str]] = {}
    for name in nodes:
        groups.setdefault(root(name), []).append(name)
    return list(groups.values())


def _sorted(
    stages: list[Stage], nodes: Mapping[str, Node], order: Mapping[str, int]
) -> tuple[Stage, ...]:
    """Topological order; among ready stages the one with the earliest declared step first."""
    home = {step: index for index, stage in enumerate(stages) for step in stage.steps}
    after: list[set[int]] = [set() for _ in stages]
    waits = [0] * len(stages)
    for name, node in nodes.items():
        for edge in node.edges:
            if edge.source is Source.STEP and edge.producer in home:
                before, here = home[edge.producer], home[name]
                if before != here and here not in after[before]:
                    after[before].add(here)
                    waits[here] += 1
    ready = [(order[s.steps[0]], i) for i, s in enumerate(stages) if not waits[i]]
    heapq.heapify(ready)
    result = []
    while ready:
        _, index = heapq.heappop(ready)
        result.append(stages[index])
        for later in after[index]:
            waits[later] -= 1
            if not waits[later]:
                heapq.heappush(ready, (order[stages[later].steps[0]], later))
    if len(result) != len(stages):  # the compiler's lockstep pass refuses such pipelines
        raise AssertionError("streaming regions depend on each other in a circle")
    return tuple(result)


@dataclass
class _Region:
    """Builds one RegionStage; thrown away afterwards."""

    dag: Dag
    nodes: Mapping[str, Node]
    members: list[str]
    order: Mapping[str, int]
    taps: frozenset[str]
    keep: frozenset[str]
    readers: frozenset[str] | set[str]
    groups: dict[str, LoopKey] = field(default_factory=dict)
    index: dict[LoopKey, int] = field(default_factory=dict)
    branches: dict[LoopKey, list[Branch]] = field(default_factory=dict)

    def build(self) -> RegionStage:
        self._align()
        self._split_ahead()
        for name in self.members:
            if self._is_source(name):
                self._key(("step", name))
            elif name in self.groups:
                self._key(self.groups[name])
        # Two passes: inputs add branches to loops, so all inputs exist before loops are frozen.
        sources = {key: self._source(key) for key in list(self.index)}
        pulls = {name: pull for name in self.members if (pull := self._pull(name)) is not None}
        loops = tuple(self._loop(key, sources[key]) for key in self.index)
        tasks = tuple(
            name
            for name in self.members
            if self.nodes[name].mode is StepMode.ALL and not self._is_source(name)
        )
        collects = tuple(sink.key for loop in loops for sink in loop.sinks)
        return RegionStage(tuple(self.members), loops, tasks, pulls, collects)

    def _is_source(self, name: str) -> bool:
        node = self.nodes[name]
        return node.mode is StepMode.ALL and node.output_kind is OutputKind.STREAM

    def _key(self, key: LoopKey) -> int:
        if key not in self.index:
            self.index[key] = len(self.index)
            self.branches[key] = []
        return self.index[key]

    def _feed(self, edge: Edge) -> LoopKey:
        """The loop in whose body the value of an item or stream edge appears."""
        if not runs_lazily(edge, self.nodes):
            return ("value", edge.producer, edge.source)
        if self._is_source(edge.producer):
            return ("step", edge.producer)
        return self.groups[edge.producer]

    def _align(self) -> None:
        for name in self.members:
            node = self.nodes[name]
            if node.mode is StepMode.EACH:
                feeds = {self._feed(edge) for edge in node.item_edges}
                self.groups[name] = feeds.pop() if len(feeds) == 1 else ("join", name)

    def _split_ahead(self) -> None:
        """Give the consumers of a windowed EACH step a loop of their own where that is safe."""
        for name in self.members:
            node = self.nodes[name]
            if node.max_in_flight == 1 or not node.lazy or name not in self.groups:
                continue
            home, moved = self.groups[name], {name}
            for other in self.members:
                if other == name or other not in self.groups:
                    continue
                at_home = self.groups[other] == home
                inputs = {
                    edge.producer
                    for edge in self.nodes[other].item_edges
                    if self._feed(edge) == home or (at_home and home == ("ahead", edge.producer))
                }
                if not inputs & moved:
                    continue
                if not inputs <= moved or not (at_home or inputs == {name} or name not in inputs):
                    moved = {name}  # a join needs both sides in one tick
                    break
                if at_home:
                    moved.add(other)
            for other in moved - {name}:
                self.groups[other] = ("ahead", name)

    def _branch(
        self, key: LoopKey, slots: tuple[str, ...], consumer: str, bound: int
    ) -> BranchInput:
        loop = self._key(key)
        branch = Branch(slots, bound, self.order[consumer], consumer)
        self.branches[key].append(branch)
        return BranchInput(loop, len(self.branches[key]) - 1, len(slots))

    def _bound(self, producer: str) -> int:
        """Items that may wait in a branch; a source's own window lies before its loop."""
        return 1 if self._is_source(producer) else self.nodes[producer].max_in_flight

    def _source(self, key: LoopKey) -> StepSource | ValueSource | JoinSource:
        match key:
            case ("step", str(name)):
                return StepSource(name)
            case ("value", str(name), Source() as source):
                return ValueSource(Origin(name, source))
            case ("ahead", str(name)):
                consumer = next(s for s in self.members if self.groups.get(s) == key)
                home = self.groups[name]
                return JoinSource((self._branch(home, (name,), consumer, self._bound(name)),))
        name = str(key[1])
        bundles: dict[LoopKey, list[Edge]] = {}
        for edge in self.nodes[name].item_edges:
            bundles.setdefault(self._feed(edge), []).append(edge)
        inputs: list[BranchInput | Origin] = []
        for feed, edges in bundles.items():
            slots = tuple(slot_of(edge) for edge in edges)
            if feed[0] == "value" and len(slots) == 1 and not runs_lazily(edges[0], self.nodes):
                inputs.append(Origin(edges[0].producer, edges[0].source))
            else:
                bound = max(self._bound_of(edge) for edge in edges)
                inputs.append(self._branch(feed, slots, name, bound))
        return JoinSource(tuple(inputs))

    def _bound_of(self, edge: Edge) -> int:
        return self._bound(edge.producer) if runs_lazily(edge, self.nodes) else 1

    def _pull(self, name: str) -> Pull | None:
        node = self.nodes[name]
        if node.mode is not StepMode.ALL:
            return None
        inputs = tuple(
            (
                edge.parameter,
                self._branch(self._feed(edge), (edge.producer,), name, self._bound(edge.producer)),
            )
            for edge in node.edges
            if runs_lazily(edge, self.nodes)
        )
        return Pull(name, inputs)

    def _loop(self, key: LoopKey, source: StepSource | ValueSource | JoinSource) -> Loop:
        calls = tuple(
            Call(
                name,
                tuple((edge.parameter, slot_of(edge)) for edge in self.nodes[name].item_edges),
                self.order[name],
            )
            for name in self.members
            if self.groups.get(name) == key
        )
        slots, window = self._slots(key, source)
        made = [call.step for call in calls]
        if isinstance(source, StepSource):
            made.insert(0, source.step)
        sinks = tuple(sink for name in made for sink in self._sinks(name))
        terminals = frozenset(call.step for call in calls if not self.dag.consumers_of(call.step))
        first = source.step if isinstance(source, StepSource) else calls[0].step
        return Loop(
            source,
            slots,
            window,
            calls,
            tuple(self.branches[key]),
            sinks,
            terminals,
            self.order[first],
        )

    def _slots(
        self, key: LoopKey, source: StepSource | ValueSource | JoinSource
    ) -> tuple[tuple[str, ...], int]:
        if isinstance(source, StepSource):
            return (source.step,), self.nodes[source.step].max_in_flight
        if isinstance(source, ValueSource):
            return (slot_name(source.origin.producer, source.origin.source),), 1
        if key[0] == "ahead":
            return (str(key[1]),), 1  # the window is the branch's bound
        bundles: dict[LoopKey, list[str]] = {}
        for edge in self.nodes[str(key[1])].item_edges:
            bundles.setdefault(self._feed(edge), []).append(slot_of(edge))
        return tuple(name for names in bundles.values() for name in names), 1

    def _sinks(self, name: str) -> list[Sink]:
        node = self.nodes[name]
        sinks = []
        readers = [c for c in self.dag.consumers_of(name) if c in self.readers]
        if name in self.keep or (node.collected and (readers or name not in self.taps)):
            sinks.append(Sink(name, CollectKey(name, "", Delivery.LIST)))
        if name in self.taps:
            sinks.append(Sink(name, CollectKey(name, "", Delivery.STREAM, tap=True)))
        if not node.lazy:
            return sinks
        for consumer in readers:
            edge = next(
                e
                for e in self.dag.steps[consumer].edges
                if e.producer == name and e.source is Source.STEP
            )
            if not edge.streaming:  # what is forced to be collected is iterated all the same
                form = edge.delivery if edge.delivery.is_collection else Delivery.LIST
                sinks.append(Sink(name, CollectKey(name, consumer, form)))
        return sinks
