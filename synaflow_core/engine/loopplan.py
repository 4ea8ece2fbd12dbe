"""One region as loops: who calls whom in which loop's body, and through which branches. PURE.

See :mod:`synaflow_core.engine.program` for the vocabulary and :mod:`synaflow_core.engine.lower` for
the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from synaflow_core.dag import Dag, Delivery, Edge, Node, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.engine.program import (
    AlignedSource,
    Branch,
    BranchInput,
    Call,
    CollectKey,
    JoinSource,
    Loop,
    LoopSource,
    Origin,
    Pull,
    RegionStage,
    Sink,
    StepSource,
    ValueSource,
)

# A loop is identified by what feeds it: ("step", producer), ("value", producer, source, region),
# ("join", EACH step) or ("ahead", EACH step whose output is windowed).
LoopKey = tuple[object, ...]


def runs_lazily(edge: Edge, nodes: Mapping[str, Node]) -> bool:
    """The edge carries a stream that one of these steps makes while the consumer runs."""
    return edge.streaming and edge.producer in nodes


def slot_name(producer: str, source: Source) -> str:
    """Name of a value in a loop's body; a step and a params field of one name stay apart."""
    return producer if source is Source.STEP else f"{source.value}:{producer}"


def slot_of(edge: Edge) -> str:
    """The slot that an edge reads."""
    return slot_name(edge.producer, edge.source)


@dataclass(frozen=True)
class Outside:
    """What the rest of the run wants of a region, and gives it; see ``lower``.

    Attributes:
        roots: Aligned external input -> the source that its positions are of.
    """

    taps: frozenset[str]
    keep: frozenset[str]
    readers: frozenset[str]
    roots: Mapping[str, Origin]
    placed: frozenset[str]


@dataclass
class RegionBuilder:
    """Builds one region; thrown away afterwards."""

    dag: Dag
    nodes: Mapping[str, Node]
    members: list[str]
    order: Mapping[str, int]
    outside: Outside
    groups: dict[str, LoopKey] = field(default_factory=dict)
    index: dict[LoopKey, int] = field(default_factory=dict)
    branches: dict[LoopKey, list[Branch]] = field(default_factory=dict)

    def build(self) -> RegionStage:
        """The region."""
        self._align()
        self._split_ahead()
        for name in self.members:
            if self._is_source(name):
                self._key(("step", name))
            elif name in self.groups:
                self._key(self.groups[name])
        # Two passes: inputs add branches to loops, and loops, so all inputs exist before loops are
        # frozen.
        sources: dict[LoopKey, LoopSource] = {}
        while missing := [key for key in self.index if key not in sources]:
            sources |= {key: self._source(key) for key in missing}
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
            root = self.outside.roots.get(edge.producer) if edge.streaming else None
            return ("value", *(root or Origin(edge.producer, edge.source)))
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
                if (
                    not inputs <= moved
                    or not (at_home or inputs == {name} or name not in inputs)
                    or other in self.outside.placed
                ):
                    moved = {name}  # a join, here or elsewhere, needs both sides in one tick
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

    def _source(self, key: LoopKey) -> LoopSource:
        match key:
            case ("step", str(name)):
                return StepSource(name)
            case ("value", str(name), Source() as source):
                origins = self._origins(key)
                alone = origins == (Origin(name, source),) and name not in self.outside.roots
                return ValueSource(origins[0]) if alone else AlignedSource(origins)
            case ("ahead", str(name)):
                consumer = next(s for s in self.members if self.groups.get(s) == key)
                home = self.groups[name]
                return JoinSource((self._branch(home, (name,), consumer, self._bound(name)),))
        name = str(key[1])
        inputs: list[BranchInput | Origin] = []
        for feed, edges in self._bundles(name).items():
            slots = tuple(slot_of(edge) for edge in edges)
            if self._is_read_alone(edges):
                inputs.append(Origin(edges[0].producer, edges[0].source))
            else:
                bound = max(self._bound_of(edge) for edge in edges)
                inputs.append(self._branch(feed, slots, name, bound))
        return JoinSource(tuple(inputs))

    def _bundles(self, name: str) -> dict[LoopKey, list[Edge]]:
        """The item edges of a step by the loop that they come from."""
        bundles: dict[LoopKey, list[Edge]] = {}
        for edge in self.nodes[name].item_edges:
            bundles.setdefault(self._feed(edge), []).append(edge)
        return bundles

    def _is_read_alone(self, edges: list[Edge]) -> bool:
        """What a zip takes from one loop is a finished value, and no branch joins it there."""
        return len(edges) == 1 and not runs_lazily(edges[0], self.nodes)

    def _origins(self, key: LoopKey) -> tuple[Origin, ...]:
        """The external inputs and values whose items a loop binds side by side."""
        found: dict[Origin, None] = {}
        for name in self.members:
            bundle = self._bundles(name).get(key, [])
            if name in self.groups and (
                self.groups[name] == key or not self._is_read_alone(bundle)
            ):
                for edge in bundle:
                    if not runs_lazily(edge, self.nodes):
                        found[Origin(edge.producer, edge.source)] = None
        return tuple(found)

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

    def _loop(self, key: LoopKey, source: LoopSource) -> Loop:
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
        order = min(self.order[name] for name in made) if made else self.branches[key][0].order
        return Loop(
            source,
            slots,
            window,
            calls,
            tuple(self.branches[key]),
            sinks,
            terminals,
            order,
        )

    def _slots(self, key: LoopKey, source: LoopSource) -> tuple[tuple[str, ...], int]:
        if isinstance(source, StepSource):
            return (source.step,), self.nodes[source.step].max_in_flight
        if isinstance(source, ValueSource):
            return (slot_name(*source.origin),), 1
        if isinstance(source, AlignedSource):
            return tuple(slot_name(*origin) for origin in source.origins), 1
        if key[0] == "ahead":
            return (str(key[1]),), 1  # the window is the branch's bound
        bundles = self._bundles(str(key[1])).values()
        return tuple(slot_of(edge) for edges in bundles for edge in edges), 1

    def _sinks(self, name: str) -> list[Sink]:
        node = self.nodes[name]
        sinks = []
        readers = [c for c in self.dag.consumers_of(name) if c in self.outside.readers]
        if name in self.outside.keep or (
            node.collected and (readers or name not in self.outside.taps)
        ):
            sinks.append(Sink(name, CollectKey(name, "", Delivery.LIST)))
        if name in self.outside.taps:
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
