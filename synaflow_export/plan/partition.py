"""Partition: every step in exactly one macro-task, in an order, under a name, with the reasons.

The way is that of the design: demands (:mod:`.fuse`), groups by union-find, cycles resolved
(:mod:`.cycle`), topological order (:mod:`.order`), names. Which datasets cross is
:mod:`.boundaries`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from synaflow_core.errors import Problem
from synaflow_export.plan.cycle import Resolution, resolve
from synaflow_export.plan.fuse import Fusion, Groups, include_of, must_fuse
from synaflow_export.plan.graph import StepGraph
from synaflow_export.plan.model import PlanOptions, Reason, Shards
from synaflow_export.plan.order import topological_order
from synaflow_export.plan.shards import Sharding, apart, joined_problems, sharding
from synaflow_export.plan.words import Wording


@dataclass(frozen=True)
class Group:
    """The steps of one macro-task.

    Attributes:
        name: Unique: the label, else the name of the last step.
        named_after: Position of the step that gave the name or carries the label.
        steps: Positions in declaration order.
        reasons: Why they run together.
        shards: How they are sharded, if they are.
    """

    name: str
    named_after: int
    steps: tuple[int, ...]
    reasons: tuple[Reason, ...]
    shards: Shards | None = None


@dataclass(frozen=True)
class Partition:
    """All groups of a plan.

    Attributes:
        groups: In topological order, ties by declaration.
        group_of: Position of a step -> index of its group.
        reasons: Streams that were cut, labels that could not stay apart.
        problems: Why steps cannot be sharded as asked.
    """

    groups: tuple[Group, ...]
    group_of: tuple[int, ...]
    reasons: tuple[Reason, ...]
    problems: tuple[Problem, ...]


def partition(graph: StepGraph, options: PlanOptions) -> Partition:
    """Decide which steps run together."""
    demands = must_fuse(graph, options)
    sharded = sharding(graph, demands, options)
    alone = frozenset(sharded.region_of)
    resolution = resolve(graph, apart(graph, demands, sharded.regions), options.on_cycle, alone)
    problems = [*sharded.problems, *joined_problems(graph, sharded.regions, resolution)]
    resolution.fusions = resolution.fusions + _absorbed(graph, resolution.fusions, alone)
    groups, order = _ordered(graph, resolution.fusions)
    wording = Wording(graph)
    reasons = _reasons(graph, groups, resolution, wording)
    shards = {groups.of[region.named[0]]: region.shards for region in sharded.regions}
    members = [tuple(groups.members[group]) for group in order]
    index = {group: i for i, group in enumerate(order)}
    group_of = tuple(index[group] for group in groups.of)
    return Partition(
        groups=tuple(
            Group(name, after, steps, tuple(reasons[group]), shards.get(group))
            for (name, after), steps, group in zip(
                _names(graph, members), members, order, strict=True
            )
        ),
        group_of=group_of,
        reasons=(
            *_shared_labels(graph, groups, members, options, wording),
            *_cuts(graph, group_of, resolution, options, sharded, wording),
            *(wording.unsharded(step, options.granularity) for step in sharded.unused),
        ),
        problems=tuple(problems),
    )


def _ordered(graph: StepGraph, fusions: list[Fusion]) -> tuple[Groups, list[int]]:
    groups = Groups(len(graph.steps), fusions)
    order, stuck = topological_order(graph.links, groups)
    if stuck:  # a defect of ours: `resolve` promises an order
        raise AssertionError(f"groups cannot be ordered: {sorted(stuck)}")
    return groups, order


def _absorbed(graph: StepGraph, fusions: list[Fusion], alone: frozenset[int]) -> list[Fusion]:
    """Let groups that only make the params of an include join the one group that reads them.

    But not one that is sharded: what is made once would be made by every shard.

    Never makes a cycle: whatever such a group leads to, it leads to through that reader.
    """
    if not any(step.hidden for step in graph.steps):
        return []
    groups, order = _ordered(graph, fusions)
    reader: dict[int, dict[int, int]] = defaultdict(dict)  # group -> group that reads -> its step
    for link in graph.links:
        producer, consumer = groups.of[link.producer], groups.of[link.consumer]
        if producer != consumer:
            reader[producer].setdefault(consumer, link.consumer)
    now_in = {group: group for group in order}
    closed = {groups.of[step] for step in alone}
    absorbed = []
    for group in reversed(order):
        members = groups.members[group]
        readers = {now_in[other]: step for other, step in reader[group].items()}
        if (
            len(readers) == 1
            and closed.isdisjoint(readers)
            and all(graph.steps[member].hidden for member in members)
        ):
            ((now_in[group], step),) = readers.items()
            about = include_of(graph, members[0]) or ""
            absorbed.append(Fusion("include", members[-1], step, about=about))
    return absorbed


def _names(graph: StepGraph, members: list[tuple[int, ...]]) -> list[tuple[str, int]]:
    """Name each group: by label, else by the last step of the user's; a taken name is numbered.

    A number never makes the name of another step or label, so no group is ever renamed by a
    group that merely comes earlier.
    """
    labels = {step.macro_task for step in graph.steps if step.macro_task is not None}
    chosen: list[tuple[str, int]] = []
    for steps in members:
        labelled = [s for s in steps if graph.steps[s].macro_task is not None]
        label = graph.steps[labelled[-1]].macro_task if labelled else None
        if label is not None:
            chosen.append((label, labelled[-1]))
            continue
        visible = [s for s in steps if not graph.steps[s].hidden] or [steps[0]]
        name = graph.names[visible[-1]]
        if name in labels:
            name = _numbered(name, labels.union(graph.names))
        chosen.append((name, visible[-1]))
    return chosen


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _reasons(
    graph: StepGraph, groups: Groups, resolution: Resolution, wording: Wording
) -> dict[int, list[Reason]]:
    """Say for each group why its steps are together: one sentence per producer, label or join."""
    found: dict[int, list[Reason]] = defaultdict(list)
    gathered: dict[tuple[str, int | str], list[Fusion]] = {}
    for fusion in resolution.fusions:
        about: int | str = fusion.first
        if fusion.kind == "include":
            about = groups.of[fusion.first]
        elif not fusion.is_link:
            about = fusion.about
        gathered.setdefault((fusion.kind, about), []).append(fusion)
    for (kind, _), fusions in gathered.items():
        if kind != "cycle":  # those are told path by path in `joined`
            found[groups.of[fusions[0].first]].append(_reason(fusions, wording))
    for step, reason in resolution.joined:
        found[groups.of[step]].append(reason)
    return found


def _reason(fusions: list[Fusion], wording: Wording) -> Reason:
    """One reason for demands of one kind that have the producer, label or join in common."""
    first = fusions[0]
    consumers = [fusion.second for fusion in fusions]
    match first.kind:
        case "streaming":
            return wording.streaming(first.first, consumers)
        case "unserialisable":
            return wording.unserialisable(first.first, consumers)
        case "shards":
            return wording.sharded(first, [step for f in fusions for step in (f.first, f.second)])
    return wording.declared(first, [step for f in fusions for step in (f.first, f.second)])


def _shared_labels(
    graph: StepGraph,
    groups: Groups,
    members: list[tuple[int, ...]],
    options: PlanOptions,
    wording: Wording,
) -> list[Reason]:
    """Two labels in one macro-task: legal, but the user should hear of it."""
    if options.granularity == "pipeline":
        return []
    reasons = []
    for steps in members:
        labelled: dict[str, int] = {}
        for step in steps:
            label = graph.steps[step].macro_task
            if label is not None:
                labelled.setdefault(label, step)
        if len(labelled) > 1:
            reasons.append(wording.shared_labels(labelled))
    return reasons


def _cuts(
    graph: StepGraph,
    group_of: tuple[int, ...],
    resolution: Resolution,
    options: PlanOptions,
    sharded: Sharding,
    wording: Wording,
) -> list[Reason]:
    """Streams that cross, and so are written to the store."""
    spilled = set(resolution.spilled)
    region_of = sharded.region_of
    cut: dict[tuple[int, str], list[int]] = {}
    for link in graph.links:
        if not link.streaming or group_of[link.producer] == group_of[link.consumer]:
            continue
        region = region_of.get(link.producer) or region_of.get(link.consumer)
        if region is not None:
            because = f"{graph.names[region.named[0]]} runs in shards"
        elif (link.producer, link.consumer) in spilled:
            because = "their macro-tasks would wait for each other"
            because += " (on_cycle='spill')" if options.on_cycle == "spill" else ""
        elif graph.names[link.producer] in options.spill:
            because = f"spill names {graph.names[link.producer]!r}"
        else:
            because = f"granularity {options.granularity!r}"
        cut.setdefault((link.producer, because), []).append(link.consumer)
    return [wording.cut(producer, consumers, why) for (producer, why), consumers in cut.items()]
