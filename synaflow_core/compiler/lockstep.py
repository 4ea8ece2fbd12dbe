"""Pass 14: lockstep. A pipeline that could only deadlock (or buffer a whole stream) is refused.

Theory. Steps joined by streaming edges advance together, item by item: one *group*. Every other
edge hands over something whole, so its consumer starts after its producer has ended, and with it
the producer's whole group. Contract each group to one node: if what remains has a cycle, some
group must end before it can start. That is *asymmetric lockstep*: one stream reaches a join both
item by item and through a step that waits for all of it.

Groups come from a union-find over the streaming edges, the cycle from the standard library's
topological sorter: near-linear in the number of edges. Only a pipeline that is refused pays for
finding the words: the fan-out, the collecting steps, the join, and a fix that was tried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from synaflow_core.compiler.draft import Draft, listed
from synaflow_core.compiler.subrun import AsyncSubRun, ParamsField, SubRun
from synaflow_core.dag import Delivery, Edge, Node, Source
from synaflow_core.definition import StepMode
from synaflow_core.errors import Problem
from synaflow_core.hints import type_name

Nodes = Mapping[str, Node]

_MOST_FIXES = 10
"""How many steps may be collected one after another while looking for a fix."""


@dataclass(frozen=True)
class _Clash:
    """A group that must end before it can start, in the user's words."""

    fan_out: str
    collecting: tuple[str, ...]
    join: str


def check_lockstep(draft: Draft) -> Draft:
    """Refuse asymmetric lockstep."""
    clash = _find_clash(draft.nodes)
    if clash is None:
        return draft
    return draft.with_problems([_problem(draft, clash, _fix(draft.nodes, clash))])


def _step_edges(nodes: Nodes) -> Iterator[tuple[str, str, Edge]]:
    for name, node in nodes.items():
        for edge in node.edges:
            if edge.source is Source.STEP:
                yield edge.producer, name, edge


def _groups(nodes: Nodes) -> dict[str, str]:
    """Step -> representative of the steps that advance with it (union-find, path halving)."""
    parent = {name: name for name in nodes}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for producer, consumer, edge in _step_edges(nodes):
        if edge.streaming:
            parent[find(consumer)] = find(producer)
    return {name: find(name) for name in nodes}


def _find_clash(nodes: Nodes) -> _Clash | None:
    group = _groups(nodes)
    crossing: dict[tuple[str, str], tuple[str, str]] = {}
    needs: dict[str, dict[str, None]] = {}
    for producer, consumer, edge in _step_edges(nodes):
        if not edge.streaming:
            ends = group[producer], group[consumer]
            crossing.setdefault(ends, (producer, consumer))
            needs.setdefault(ends[1], {})[ends[0]] = None
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]  # each group is needed by the next; first == last
        edges = [crossing[pair] for pair in pairwise(circle)]
        return _describe(nodes, edges)
    return None


def _describe(nodes: Nodes, edges: list[tuple[str, str]]) -> _Clash:
    """Put a cycle of whole hand-overs into words.

    ``edges[i]`` leaves one group, ``edges[i + 1]`` the group that it enters. Where the step that
    leaves is not fed by the step that enters, both hang on the same stream from further up: that
    is the clash. There is one, because the steps themselves form no cycle.
    """
    position = {name: index for index, name in enumerate(nodes)}
    clashes = []
    for index, (_, entered) in enumerate(edges):
        onward = [*edges[index + 1 :], *edges[: index + 1]]
        left = onward[0][0]
        path = _streaming_path(nodes, left, entered)
        if left != entered and not _always_up(nodes, path):
            turn, join = _turning_points(nodes, path)
            waits = [left] if turn != left else []
            waits.extend(consumer for _, consumer in onward[:-1])
            collecting = dict.fromkeys(step for step in waits if step != join)
            clashes.append(_Clash(turn, tuple(collecting) or (join,), join))
    return min(clashes, key=lambda clash: (position[clash.fan_out], position[clash.join]))


def _streaming_path(nodes: Nodes, start: str, goal: str) -> list[str]:
    """The shortest chain of streaming edges, walked in either direction."""
    near: dict[str, list[str]] = {name: [] for name in nodes}
    for producer, consumer, edge in _step_edges(nodes):
        if edge.streaming:
            near[producer].append(consumer)
            near[consumer].append(producer)
    came_from = {start: ""}
    queue = [start]
    for step in queue:  # grows while it is walked
        for neighbour in near[step]:
            if neighbour not in came_from:
                came_from[neighbour] = step
                queue.append(neighbour)
    path = [goal]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]


def _flows_down(nodes: Nodes, producer: str, consumer: str) -> bool:
    return any(
        edge.producer == producer and edge.source is Source.STEP and edge.streaming
        for edge in nodes[consumer].edges
    )


def _always_up(nodes: Nodes, path: list[str]) -> bool:
    """The first step of the path is fed by the last one."""
    return all(_flows_down(nodes, b, a) for a, b in pairwise(path))


def _turning_points(nodes: Nodes, path: list[str]) -> tuple[str, str]:
    """Where a path from the step that leaves turns down (the fan-out) and up again (the join)."""
    top = 0
    while top + 1 < len(path) and _flows_down(nodes, path[top + 1], path[top]):
        top += 1
    bottom = top
    while bottom + 1 < len(path) and _flows_down(nodes, path[bottom], path[bottom + 1]):
        bottom += 1
    return path[top], path[bottom]


def _fix(nodes: Nodes, clash: _Clash) -> list[str]:
    """Steps that, collected, make the pipeline compile; empty when none was found."""
    fixed: list[str] = []
    found: _Clash | None = clash
    while found is not None:
        if len(fixed) == _MOST_FIXES or found.fan_out in fixed:
            return []
        fixed.append(found.fan_out)
        nodes = _collected(nodes, found.fan_out)
        found = _find_clash(nodes)
    return fixed


def _collected(nodes: Nodes, name: str) -> Nodes:
    changed = dict(nodes)
    edges = tuple(
        replace(e, streaming=e.streaming and e.delivery is not Delivery.STREAM)
        for e in nodes[name].edges
    )
    changed[name] = replace(nodes[name], collected=True, edges=edges)
    for consumer, node in nodes.items():
        if any(e.producer == name and e.streaming for e in node.edges):
            edges = tuple(
                replace(e, streaming=False) if e.producer == name else e for e in node.edges
            )
            changed[consumer] = replace(changed[consumer], edges=edges)
    return changed


def _remedy(node: Node) -> str:
    """How a user has the stream of this step collected."""
    if isinstance(node.fn, ParamsField):
        return f"make the params field '{node.fn.field}' of pipeline '{node.pipeline}' a list"
    if isinstance(node.fn, SubRun | AsyncSubRun):
        item = type_name(node.element)
        return f"let a step take '{node.name}' as list[{item}] and return it, and read that step"
    inside = f" (it is a step of pipeline '{node.pipeline}')" if node.scope else ""
    return f"set force_materialize=True on '{node.name}'{inside}"


def _problem(draft: Draft, clash: _Clash, fix: list[str]) -> Problem:
    nodes = draft.nodes
    join, fan_out = clash.join, clash.fan_out
    one_by_one = "item by item" if nodes[join].mode is StepMode.EACH else "as a lazy stream"
    way = f"through {listed(clash.collecting)}, which needs all of it first"
    if clash.collecting == (join,):
        way = "as a whole collection"
    remedies = [_remedy(nodes[name]) for name in fix or [fan_out]]
    return Problem(
        nodes[join].where or draft.pipeline_place,
        f"step '{join}'",
        "asymmetric-lockstep",
        f"the stream of '{fan_out}' reaches it both {one_by_one} and {way}: it could only deadlock",
        f"{', and '.join(remedies)}, so that it is collected once for all",
    )
