"""Order of groups: topological, ties by declaration; and the cycles that forbid one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from synaflow_export.plan.fuse import Groups
from synaflow_export.plan.graph import Link


def topological_order(links: Iterable[Link], groups: Groups) -> tuple[list[int], set[int]]:
    """Order the groups so that producers come first; of two possible ones the first declared.

    Returns:
        The groups that can be ordered, and those that cannot: they are on a cycle or behind one.
    """
    after: dict[int, set[int]] = {group: set() for group in groups.members}
    waiting = dict.fromkeys(groups.members, 0)
    for link in links:
        producer, consumer = groups.of[link.producer], groups.of[link.consumer]
        if producer != consumer and consumer not in after[producer]:
            after[producer].add(consumer)
            waiting[consumer] += 1
    ready = [group for group, count in waiting.items() if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        group = heapq.heappop(ready)
        order.append(group)
        for consumer in after[group]:
            waiting[consumer] -= 1
            if not waiting[consumer]:
                heapq.heappush(ready, consumer)
    return order, set(groups.members).difference(order)


def cycles(links: Iterable[Link], groups: Groups) -> list[list[int]]:
    """Find the groups that wait for each other: strongly connected components of two or more.

    networkx is imported only if there is a cycle at all: most pipelines have none, and importing
    it costs more than planning them.
    """
    links = list(links)
    _, stuck = topological_order(links, groups)
    if not stuck:
        return []
    import networkx as nx

    quotient = nx.DiGraph()
    for link in links:
        producer, consumer = groups.of[link.producer], groups.of[link.consumer]
        if producer != consumer and producer in stuck and consumer in stuck:
            quotient.add_edge(producer, consumer)
    components = (sorted(c) for c in nx.strongly_connected_components(quotient) if len(c) > 1)
    return sorted(components)
