"""Groups that would wait for each other: merge them, or give up a stream where that is enough.

Fusing A with C while A -> B -> C leaves B outside gives {A, C} -> B -> {A, C}: no orchestrator
accepts that. The groups of a cycle are exactly a strongly connected component of the quotient.

* *Merging* a component into one group leaves the condensation, which has no cycle: one pass is
  enough, it needs no storage and is always legal.
* *Spilling* gives up soft streams of the component's steps. Each step gets a stage: one more
  than any producer it reads from the store, the same as a producer it streams from. A stream is
  kept only between equal stages, so every link between groups leads to a later stage and no
  cycle is left. Hard demands that are themselves cyclic are merged first.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import pairwise

from synaflow_export.plan.fuse import Fusion, Groups
from synaflow_export.plan.graph import Link, StepGraph
from synaflow_export.plan.model import OnCycle, Reason
from synaflow_export.plan.order import cycles, topological_order
from synaflow_export.plan.words import Wording


@dataclass
class Resolution:
    """What it took to get rid of all cycles.

    Attributes:
        fusions: All demands that hold in the end, those of merging included.
        joined: Reasons why steps joined a group, with a step of that group.
        spilled: Positions of producer and consumer of each stream that was given up.
    """

    fusions: list[Fusion]
    joined: list[tuple[int, Reason]] = field(default_factory=list)
    spilled: list[tuple[int, int]] = field(default_factory=list)


def resolve(
    graph: StepGraph,
    fusions: list[Fusion],
    on_cycle: OnCycle,
    alone: frozenset[int] = frozenset(),
) -> Resolution:
    """Change the demands so that the groups they make can be ordered.

    Args:
        graph: The pipeline.
        fusions: The demands.
        on_cycle: What to do about groups that would wait for each other.
        alone: Steps whose groups nothing may join: there streams are given up whatever
            ``on_cycle`` says. Where that is not enough they are joined all the same, which the
            caller can see.
    """
    groups = Groups(len(graph.steps), fusions)
    components = cycles(graph.links, groups)
    resolution = Resolution(fusions)
    apart = {groups.of[step] for step in alone}
    spilling = [c for c in components if on_cycle == "spill" or not apart.isdisjoint(c)]
    if spilling:
        resolution = _spill(graph, fusions, groups, spilling)
        groups = Groups(len(graph.steps), resolution.fusions)
        components = cycles(graph.links, groups)
    _merge(graph, graph.links, groups, components, resolution)
    return resolution


def _spill(
    graph: StepGraph, fusions: list[Fusion], groups: Groups, components: list[list[int]]
) -> Resolution:
    cyclic = {step for c in components for group in c for step in groups.members[group]}
    links = [ln for ln in graph.links if ln.producer in cyclic and ln.consumer in cyclic]
    hard = [fusion for fusion in fusions if not fusion.soft]
    resolution = Resolution(hard)
    pieces = Groups(len(graph.steps), hard)
    _merge(graph, links, pieces, cycles(links, pieces), resolution)
    pieces = Groups(len(graph.steps), resolution.fusions)
    streams = {(fusion.first, fusion.second) for fusion in fusions if fusion.soft}
    stage = _stages(links, pieces, streams)
    kept = list(resolution.fusions)
    for fusion in fusions:
        if not fusion.soft:
            continue
        first, second = pieces.of[fusion.first], pieces.of[fusion.second]
        if fusion.first not in cyclic or stage[first] == stage[second]:
            kept.append(fusion)
        else:
            resolution.spilled.append((fusion.first, fusion.second))
    resolution.fusions = kept
    return resolution


def _stages(links: list[Link], pieces: Groups, streams: set[tuple[int, int]]) -> dict[int, int]:
    """Longest path to each piece, where only what does not stream counts as a step forward."""
    incoming: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for link in links:
        producer, consumer = pieces.of[link.producer], pieces.of[link.consumer]
        if producer != consumer:
            forward = 0 if (link.producer, link.consumer) in streams else 1
            incoming[consumer].append((producer, forward))
    stage: dict[int, int] = {}
    order, _ = topological_order(links, pieces)
    for piece in order:
        stage[piece] = max((stage[p] + forward for p, forward in incoming[piece]), default=0)
    return stage


def _merge(
    graph: StepGraph,
    links: list[Link] | tuple[Link, ...],
    groups: Groups,
    components: list[list[int]],
    resolution: Resolution,
) -> None:
    """Add the demands that make each component one group, and the reasons for them."""
    if not components:
        return
    component_of = {group: i for i, members in enumerate(components) for group in members}
    inner: list[list[Link]] = [[] for _ in components]
    for link in links:
        producer, consumer = groups.of[link.producer], groups.of[link.consumer]
        component = component_of.get(producer, -1)
        if producer != consumer and component == component_of.get(consumer):
            inner[component].append(link)
    merged = [Fusion("cycle", c[0], group) for c in components for group in c[1:]]
    resolution.fusions = [*resolution.fusions, *merged]
    for members, inside in zip(components, inner, strict=True):
        for reason in _Merging(graph, groups, members, inside).reasons():
            resolution.joined.append((members[0], reason))


class _Merging:
    """Explains the merge of one component, in time linear in its links.

    The largest group is taken as the one that the others join. Then ear by ear: from a group
    that has not joined yet, back to the nearest that has and forward to the nearest that has;
    everything on that way joins for the reason that both its ends are already together.
    """

    def __init__(
        self, graph: StepGraph, groups: Groups, members: list[int], links: list[Link]
    ) -> None:
        self._wording = Wording(graph)
        self._groups = groups
        self._members = members
        self._anchor = max(members, key=lambda group: (len(groups.members[group]), -group))
        self._backward = self._search(links, forward=True)
        self._forward = self._search(links, forward=False)
        self._joined = {self._anchor}
        self._cluster = list(groups.members[self._anchor])
        self._causes: list[str] = []

    def _search(self, links: list[Link], *, forward: bool) -> dict[int, Link]:
        """Breadth first from the anchor: group -> the link through which it was reached."""
        neighbours: dict[int, list[Link]] = defaultdict(list)
        of = self._groups.of
        for link in links:
            neighbours[of[link.producer if forward else link.consumer]].append(link)
        reached: dict[int, Link] = {}
        queue = deque([self._anchor])
        while queue:
            for link in neighbours[queue.popleft()]:
                other = of[link.consumer if forward else link.producer]
                if other not in reached and other != self._anchor:
                    reached[other] = link
                    queue.append(other)
        return reached

    def reasons(self) -> list[Reason]:
        return [self._ear(group) for group in self._members if group not in self._joined]

    def _ear(self, start: int) -> Reason:
        of = self._groups.of
        new: dict[int, None] = {start: None}  # a set that keeps its order
        path: list[Link] = []
        group = start
        while group not in self._joined:
            link = self._backward[group]
            path.append(link)
            group = of[link.producer]
            if group not in self._joined:
                new[group] = None
        path.reverse()
        group = start
        while group not in self._joined:
            link = self._forward[group]
            path.append(link)
            group = of[link.consumer]
            if group not in self._joined:
                new[group] = None
        reason = self._reason(new, path)
        self._joined.update(new)
        return reason

    def _reason(self, new: dict[int, None], path: list[Link]) -> Reason:
        steps = [step for group in new for step in self._groups.members[group]]
        causes = self._why(path)
        self._causes = self._causes or causes
        reason = self._wording.cycle(
            steps,
            self._cluster,
            self._stations(path),
            [(link.producer, link.consumer) for link in path],
            causes or self._causes,
        )
        self._cluster += steps
        return reason

    def _stations(self, path: list[Link]) -> list[tuple[int, ...]]:
        """The steps along a path; two at one station where it goes on from another step."""
        start, end = path[0].producer, path[-1].consumer
        stations: list[tuple[int, ...]] = [(start,)]
        if self._groups.of[start] == self._groups.of[end]:
            # Begin at the step that both ends depend on, if the demands lead up to one.
            for tie in self._groups.chain(start, end):
                if not tie.is_link or tie.second != stations[0][0]:
                    break
                stations.insert(0, (tie.first,))
        for link, following in zip(path, [*path[1:], None], strict=True):
            goes_on_from = link.consumer if following is None else following.producer
            stations.append(tuple(dict.fromkeys((link.consumer, goes_on_from))))
        return stations

    def _why(self, path: list[Link]) -> list[str]:
        """Why the ends of a path, and the steps at each of its stations, are together."""
        jumps = [(path[0].producer, path[-1].consumer)]
        jumps += [(a.consumer, b.producer) for a, b in pairwise(path)]
        ties = [
            tie
            for first, second in jumps
            if first != second and self._groups.of[first] == self._groups.of[second]
            for tie in self._groups.chain(first, second)
        ]
        return list(dict.fromkeys(map(self._wording.cause, ties)))
