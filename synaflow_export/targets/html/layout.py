"""Where the boxes of macro-tasks stand: columns from left to right, few crossings, the same always.

A box stands one column to the right of the last box that it needs. An edge that skips columns gets
a waypoint in each of them, so that it runs between the boxes and not behind them. Within a column
the order is improved by going to and fro and putting everything at the mean of its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 6
_GAP, _WAYPOINT = 26.0, 14.0


@dataclass(frozen=True)
class Placed:
    """Where everything stands, in pixels.

    Attributes:
        boxes: Box -> its left and upper edge.
        waypoints: (from, to) -> heights at which the edge crosses the columns between, with the
            column's left edge.
        width: Of the whole drawing.
        height: Likewise.
    """

    boxes: Mapping[str, tuple[float, float]]
    waypoints: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    width: float
    height: float


def place(
    heights: Mapping[str, float],
    edges: Sequence[tuple[str, str]],
    *,
    box_width: float,
    column_gap: float,
) -> Placed:
    """Place boxes of one width.

    Args:
        heights: Box -> its height, in topological order.
        edges: From box to box, in any order, each once.
        box_width: Width of every box.
        column_gap: Space between two columns, where edges run.
    """
    column = _columns(heights, edges)
    columns: list[list[str]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for name, number in column.items():
        columns[number].append(name)
    size = dict(heights)
    links: list[tuple[str, str]] = []
    chains: dict[tuple[str, str], list[str]] = {}
    for edge in edges:
        first, last = edge
        chain = [f"{first}\0{last}\0{n}" for n in range(column[first] + 1, column[last])]
        for number, name in enumerate(chain, column[first] + 1):
            columns[number].append(name)
            size[name] = _WAYPOINT
        chains[edge] = chain
        links += zip([first, *chain], [*chain, last], strict=True)
    _order(columns, links)
    top = _tops(columns, size, links)
    left = {name: n * (box_width + column_gap) for n, names in enumerate(columns) for name in names}
    lowest = min(top.values(), default=0.0)
    return Placed(
        boxes={name: (left[name], top[name] - lowest) for name in heights},
        waypoints={
            edge: tuple((left[name], top[name] - lowest + _WAYPOINT / 2) for name in chain)
            for edge, chain in chains.items()
        },
        width=max(len(columns) * (box_width + column_gap) - column_gap, 0.0),
        height=max((top[name] + size[name] - lowest for name in top), default=0.0),
    )


def _columns(heights: Mapping[str, float], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    before: dict[str, list[str]] = {name: [] for name in heights}
    for first, last in edges:
        before[last].append(first)
    column: dict[str, int] = {}
    for name in heights:  # in topological order
        column[name] = max((column[other] + 1 for other in before[name]), default=0)
    return column


def _order(columns: list[list[str]], links: Sequence[tuple[str, str]]) -> None:
    left, right = _neighbours(links)
    rank = {name: n for names in columns for n, name in enumerate(names)}
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        near = left if forth else right
        for names in columns if forth else reversed(columns):
            others = {name: near.get(name) or [name] for name in names}
            means = {n: sum(rank[o] for o in others[n]) / len(others[n]) for n in names}
            names.sort(key=means.__getitem__)
            rank |= {name: n for n, name in enumerate(names)}


def _tops(
    columns: list[list[str]], size: Mapping[str, float], links: Sequence[tuple[str, str]]
) -> dict[str, float]:
    """Heights: stacked first, then drawn towards the neighbours as far as there is room."""
    left, right = _neighbours(links)
    top: dict[str, float] = {}
    for names in columns:
        total = sum(size[name] + _GAP for name in names) - _GAP
        at = -total / 2
        for name in names:
            top[name] = at
            at += size[name] + _GAP
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        near = left if forth else right
        for names in columns if forth else reversed(columns):
            wanted = []
            for name in names:
                others = near.get(name, [])
                middle = [top[o] + size[o] / 2 for o in others] or [top[name] + size[name] / 2]
                wanted.append(sum(middle) / len(middle) - size[name] / 2)
            for name, at in zip(names, _apart(wanted, [size[n] for n in names]), strict=True):
                top[name] = at
    return top


def _apart(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Positions close to those that are wanted, in order and without overlap.

    Neighbours that would overlap become one block, which stands at the mean of what they want.
    """
    blocks: list[tuple[float, float, list[float]]] = []  # sum of wishes, size, offsets
    for wish, size in zip(wanted, sizes, strict=True):
        blocks.append((wish, size, [0.0]))
        while len(blocks) > 1:
            (sum_a, size_a, offsets_a), (sum_b, size_b, offsets_b) = blocks[-2:]
            if sum_a / len(offsets_a) + size_a + _GAP <= sum_b / len(offsets_b):
                break
            shift = size_a + _GAP
            merged = [*offsets_a, *(offset + shift for offset in offsets_b)]
            blocks[-2:] = [(sum_a + sum_b - shift * len(offsets_b), shift + size_b, merged)]
    return [total / len(offsets) + offset for total, _, offsets in blocks for offset in offsets]


def _neighbours(
    links: Sequence[tuple[str, str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    left: dict[str, list[str]] = {}
    right: dict[str, list[str]] = {}
    for first, last in links:
        right.setdefault(first, []).append(last)
        left.setdefault(last, []).append(first)
    return left, right
