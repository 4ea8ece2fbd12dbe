"""Which steps run as shards: the largest connected region of EACH steps around a named one.

A region is a set of EACH steps that items of *one* source pass through and that would run
together anyway. It becomes a macro-task of its own: its item input is written to the store and
sliced, its outputs are written in parts. So what enters and leaves it must be storable, and no
demand of :mod:`.fuse` may tie it to a step outside; each broken rule is a :class:`Problem`.
How many instances there are is decided when the rows have been counted:
:mod:`synaflow_core.macro.shards`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise

from synaflow_core.errors import Problem
from synaflow_export.plan.alignment import item_sources
from synaflow_export.plan.cycle import Resolution
from synaflow_export.plan.fuse import Fusion, Groups, scope_of, together
from synaflow_export.plan.graph import StepGraph
from synaflow_export.plan.model import (
    MAX_SHARDS,
    ROWS_PER_SHARD,
    PlanOptions,
    ShardCount,
    Shards,
)
from synaflow_export.plan.words import shorten


@dataclass(frozen=True)
class Region:
    """Steps that run as shards.

    Attributes:
        named: Positions of the steps that asked for it.
        steps: Positions of all its steps.
        producer: Position of the step whose dataset is sliced.
        shards: How finely.
    """

    named: tuple[int, ...]
    steps: frozenset[int]
    producer: int
    shards: Shards


@dataclass(frozen=True)
class Sharding:
    """All regions of a plan.

    Attributes:
        regions: In declaration order of their first steps.
        problems: Why a step cannot be sharded as asked.
        unused: Positions of steps that ask for shards where everything runs in one task.
    """

    regions: tuple[Region, ...] = ()
    problems: tuple[Problem, ...] = ()
    unused: tuple[int, ...] = ()

    @cached_property
    def region_of(self) -> dict[int, Region]:
        """Position of a step -> the region that it is in."""
        return {step: region for region in self.regions for step in region.steps}


def sharding(graph: StepGraph, fusions: Sequence[Fusion], options: PlanOptions) -> Sharding:
    """Find the regions that are to run as shards.

    Args:
        graph: The pipeline.
        fusions: What would run together if nothing were sharded.
        options: What the user chose.
    """
    wanted, problems = _wanted(graph, options)
    if options.granularity == "pipeline":
        return Sharding((), tuple(problems), tuple(wanted))
    sources = item_sources(graph) if wanted else []
    together_of = _neighbours(graph, fusions, sources) if wanted else {}
    regions: list[Region] = []
    done: set[int] = set()
    for position in sorted(wanted):
        if position in done:
            continue
        problem = _not_each(graph, position, sources[position])
        if problem is not None:
            problems.append(problem)
            continue
        steps = _reached(position, together_of)
        done |= steps
        named = tuple(sorted(steps.intersection(wanted)))
        found = _region(graph, named, steps, {wanted[step] for step in named}, options)
        if isinstance(found, Region):
            found_problems = _ties(graph, found, fusions)
            problems += found_problems
            if not found_problems:
                regions.append(found)
        else:
            problems.append(found)
    return Sharding(tuple(regions), tuple(problems))


def apart(graph: StepGraph, fusions: Iterable[Fusion], regions: Sequence[Region]) -> list[Fusion]:
    """Change the demands so that each region is a group of its own.

    Streams into and out of a region are given up. An included pipeline is kept together without
    the steps of it that are sharded, as far as what comes before and after them can be.
    """
    if not regions:
        return list(fusions)
    region_of = {step: index for index, region in enumerate(regions) for step in region.steps}
    kept = [
        fusion
        for fusion in fusions
        if fusion.kind != "scope" and region_of.get(fusion.first) == region_of.get(fusion.second)
    ]
    if any(fusion.kind == "scope" for fusion in fusions):
        scopes = [scope_of(graph, step) for step in range(len(graph.steps))]
        torn = {scopes[step] for step in region_of}
        for step in region_of:
            scopes[step] = None
        whole = together("scope", scopes)
        kept += [replace(fusion, soft=fusion.about in torn) for fusion in whole]
    for region in regions:
        steps = sorted(region.steps)
        kept += [
            Fusion("shards", a, b, about=graph.names[region.named[0]]) for a, b in pairwise(steps)
        ]
    return sorted(kept, key=lambda fusion: fusion.soft)


def joined_problems(
    graph: StepGraph, regions: Sequence[Region], resolution: Resolution
) -> list[Problem]:
    """Regions that could not stay alone: they lie between steps that must run together."""
    groups = Groups(len(graph.steps), resolution.fusions)
    problems = []
    for region in regions:
        group = groups.of[region.named[0]]
        if len(groups.members[group]) == len(region.steps):
            continue
        why = next(reason.text for step, reason in resolution.joined if groups.of[step] == group)
        hint = "shard other steps, or let what must run together run apart"
        problems.append(_problem(graph, region.named[0], "shards-cycle", why, hint))
    return problems


def _wanted(graph: StepGraph, options: PlanOptions) -> tuple[dict[int, ShardCount], list[Problem]]:
    """Position of a step -> the number of shards that is asked for; options before the code."""
    asked = dict(options.shards)
    wanted: dict[int, ShardCount] = {}
    problems = []
    for position, step in enumerate(graph.steps):
        count = asked.pop(graph.names[position], step.shards)
        if count is not None and count != 1:
            wanted[position] = count
        if isinstance(count, int) and not 1 <= count <= _most(options):
            message = f"{count} shards were asked for; there may be 1 to {_most(options):,}"
            hint = "ask for fewer, or raise max_shards if the orchestrator takes so many"
            problems.append(_problem(graph, position, "shard-count", message, hint))
    for name in asked:
        near = get_close_matches(name, graph.names, n=3)
        hint = f"did you mean {shorten(near, last=' or ')}?" if near else "name a step"
        message = "no step of the pipeline has this name"
        problems.append(Problem("options", f"shard {name!r}", "unknown-step", message, hint))
    if options.shards and options.granularity == "pipeline":
        message = "granularity 'pipeline' runs everything in one task, so nothing can be sharded"
        hint = "leave out the shards, or choose another granularity"
        problems.append(Problem("options", "shards", "shards-in-one-task", message, hint))
    for option in ("rows_per_shard", "max_shards"):
        value = getattr(options, option)
        if value is not None and value < 1:
            message = f"expected a whole number of at least 1, got {value}"
            problems.append(Problem("options", option, "bad-number", message))
    if options.rows_per_shard is not None and "auto" not in wanted.values():
        message = "no step is sharded by its number of rows, so this would have no effect"
        hint = "ask for 'auto' shards, or leave it out"
        problems.append(Problem("options", "rows_per_shard", "no-auto-shards", message, hint))
    return wanted, problems


def _most(options: PlanOptions) -> int:
    return MAX_SHARDS if options.max_shards is None else options.max_shards


def _neighbours(
    graph: StepGraph, fusions: Sequence[Fusion], sources: Sequence[frozenset[int | str]]
) -> dict[int, list[int]]:
    """EACH steps between which items of one source flow in one macro-task."""
    fused = {(fusion.first, fusion.second) for fusion in fusions if fusion.is_link}
    found: dict[int, list[int]] = defaultdict(list)
    for link in graph.links:
        ends = (link.producer, link.consumer)
        if (
            link.delivery == "item"
            and link.streaming
            and ends in fused
            and len(sources[link.producer]) == 1
            and sources[link.producer] == sources[link.consumer]
        ):
            found[link.producer].append(link.consumer)
            found[link.consumer].append(link.producer)
    return found


def _reached(start: int, neighbours: Mapping[int, list[int]]) -> frozenset[int]:
    reached = {start}
    stack = [start]
    while stack:
        for other in neighbours.get(stack.pop(), ()):
            if other not in reached:
                reached.add(other)
                stack.append(other)
    return frozenset(reached)


def _not_each(graph: StepGraph, position: int, sources: frozenset[int | str]) -> Problem | None:
    """A step that no slice can be given to."""
    if graph.steps[position].mode != "each":
        message = "only a step that is called once per item can be sharded; this one is called once"
        hint = "let a parameter take one item, or name a step that does"
        return _problem(graph, position, "shards-need-each", message, hint)
    if len(sources) > 1:
        named = [s if isinstance(s, str) else graph.names[s] for s in sources]
        message = (
            f"it takes items of several independent sources ({shorten(sorted(named))}) side by "
            "side, so no slice of one of them is enough"
        )
        hint = "shard the steps before or after it"
        return _problem(graph, position, "shards-several-sources", message, hint)
    return None


def _region(
    graph: StepGraph,
    named: tuple[int, ...],
    steps: frozenset[int],
    counts: set[ShardCount],
    options: PlanOptions,
) -> Region | Problem:
    first = named[0]
    if len(counts) > 1:
        asked = shorten([repr(graph.names[step]) for step in named], last=" and ")
        message = (
            f"{asked} run in the same shards, but ask for different numbers of them: "
            f"{shorten(sorted(map(str, counts)), last=' and ')}"
        )
        hint = "ask for one number"
        return _problem(graph, first, "shards-differ", message, hint)
    inputs = _item_inputs(graph, steps)
    names = [i if isinstance(i, str) else graph.names[i] for i in inputs]
    if len(inputs) > 1:
        message = (
            f"its items come from {shorten(names, last=' and ')}, which are written apart from "
            "each other; only one dataset can be sliced"
        )
        hint = "keep the steps between them together: granularity 'stream', no spill, one label"
        return _problem(graph, first, "shards-several-inputs", message, hint)
    (source,) = inputs
    if isinstance(source, str):
        message = (
            f"its items come from the param {source!r}, which is no dataset that can be sliced"
        )
        hint = "let a step yield them: def rows(...) -> Iterator[...]"
        return _problem(graph, first, "shards-of-a-param", message, hint)
    (count,) = counts
    return Region(
        named,
        steps,
        source,
        Shards(
            dataset=graph.names[source],
            count=None if count == "auto" else count,
            rows_per_shard=options.rows_per_shard or ROWS_PER_SHARD,
            max_shards=_most(options),
        ),
    )


def _item_inputs(graph: StepGraph, steps: frozenset[int]) -> list[int | str]:
    """What items come from outside: positions of steps, and names of params."""
    links = {(ln.consumer, graph.names[ln.producer]): ln.producer for ln in graph.links}
    found: dict[int | str, None] = {}  # a set that keeps its order
    for step in sorted(steps):
        for name, delivery in graph.steps[step].delivery.items():
            producer = links.get((step, name), name)
            if delivery == "item" and producer not in steps:
                found[producer] = None
    return list(found)


def _ties(graph: StepGraph, region: Region, fusions: Iterable[Fusion]) -> list[Problem]:
    """What ties a region to steps outside, and so forbids it."""
    problems: dict[str, Problem] = {}
    for fusion in fusions:
        inside = (fusion.first in region.steps) + (fusion.second in region.steps)
        if inside != 1 or fusion.soft or fusion.kind == "scope":
            continue
        a, b = graph.names[fusion.first], graph.names[fusion.second]
        outside = b if fusion.first in region.steps else a
        match fusion.kind:
            case "unserialisable":
                output = graph.steps[fusion.first].output
                what = f"{a!r} feeds {b!r}, and its output ({output}) cannot be serialised"
                hint = f"return plain data or a dataclass from {a!r}, or allow pickle"
            case "label":
                what = f"it is labelled macro_task={fusion.about!r}, as is {outside!r}, which is "
                what += "not called in shards"
                hint = "give the sharded steps a label of their own, or none"
            case _:  # "include": the others do not tie
                what = f"the params of the include {fusion.about!r} are made where they are read"
                hint = "shard a step outside the include"
        name = graph.names[region.named[0]]
        message = f"the steps around {name!r} cannot run apart from {outside!r}: {what}"
        code = f"shards-{fusion.kind}"
        problems.setdefault(code, _problem(graph, region.named[0], code, message, hint))
    return list(problems.values())


def _problem(graph: StepGraph, position: int, code: str, message: str, hint: str) -> Problem:
    step = graph.steps[position]
    subject = f"step {graph.names[position]!r}, shards"
    return Problem(step.where or "options", subject, code, message, hint)
