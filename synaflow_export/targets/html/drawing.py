"""The drawing: a box per macro-task, a row per step, and a curve per value that goes somewhere.

Curves between boxes run from step to step, those within a box bulge to the left of its rows. Only
geometry here: what boxes and rows say is decided in :mod:`.page`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from synaflow_export.plan.graph import Link
from synaflow_export.plan.model import Plan
from synaflow_export.targets.html.layout import Placed, place

WIDTH, HEAD, ROW, FOOT = 244, 50, 26, 8
_COLUMN_GAP, _MARGIN = 72, 28
_BULGE, _WIDEST_BULGE = 7, 30


@dataclass(frozen=True)
class Box:
    """Where a macro-task stands; ``rows`` are the heights of its steps, below ``y``."""

    x: float
    y: float
    height: float
    rows: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """One link: numbers of its steps, and the path of an SVG."""

    producer: int
    consumer: int
    streaming: bool
    inner: bool
    path: str


@dataclass(frozen=True)
class Drawing:
    """All of it, in pixels.

    Attributes:
        boxes: Macro-task -> its box.
        curves: One per link.
        width: Of the whole.
        height: Likewise.
    """

    boxes: Mapping[str, Box]
    curves: tuple[Curve, ...]
    width: int
    height: int


def draw(plan: Plan, names: Sequence[str], links: Sequence[Link]) -> Drawing:
    """Place everything.

    Args:
        plan: The macro-tasks.
        names: Steps by number, as in the links.
        links: Which step feeds which.
    """
    holder = {step: task for task in plan.macro_tasks for step in task.steps}
    heights = {t.name: float(HEAD + ROW * len(t.steps) + FOOT) for t in plan.macro_tasks}
    between = dict.fromkeys(
        (holder[names[link.producer]].name, holder[names[link.consumer]].name) for link in links
    )
    edges = [edge for edge in between if edge[0] != edge[1]]
    placed = place(heights, edges, box_width=WIDTH, column_gap=_COLUMN_GAP)
    boxes = {
        task.name: Box(
            x=placed.boxes[task.name][0] + _MARGIN,
            y=placed.boxes[task.name][1] + _MARGIN,
            height=heights[task.name],
            rows=tuple(HEAD + ROW * (n + 0.5) for n in range(len(task.steps))),
        )
        for task in plan.macro_tasks
    }
    at = {
        step: (task.name, boxes[task.name].y + boxes[task.name].rows[row])
        for task in plan.macro_tasks
        for row, step in enumerate(task.steps)
    }
    curves = tuple(
        _curve(link, at[names[link.producer]], at[names[link.consumer]], boxes, placed)
        for link in links
    )
    return Drawing(
        boxes, curves, round(placed.width + 2 * _MARGIN), round(placed.height + 2 * _MARGIN)
    )


def _curve(
    link: Link,
    start: tuple[str, float],
    end: tuple[str, float],
    boxes: Mapping[str, Box],
    placed: Placed,
) -> Curve:
    (first, y1), (last, y2) = start, end
    if first == last:
        x = boxes[first].x + _WIDEST_BULGE + 6
        rows = round((y2 - y1) / ROW)
        out = x - min(_BULGE + 6 * rows, _WIDEST_BULGE + 4)
        path = f"M{x:g},{y1:g} C{out:g},{y1:g} {out:g},{y2:g} {x:g},{y2:g}"
        return Curve(link.producer, link.consumer, link.streaming, True, path)
    stops = [
        (x + _MARGIN, y + _MARGIN, x + _MARGIN + WIDTH) for x, y in placed.waypoints[first, last]
    ]
    path = _through((boxes[first].x + WIDTH, y1), stops, (boxes[last].x, y2))
    return Curve(link.producer, link.consumer, link.streaming, False, path)


def _through(
    start: tuple[float, float],
    stops: Iterable[tuple[float, float, float]],
    end: tuple[float, float],
) -> str:
    """A path that leaves and enters every column horizontally; a stop is (from x, y, to x)."""
    x, y = start
    path = f"M{x:g},{y:g}"
    for left, height, right in (*stops, (*end, end[0])):
        half = (left - x) / 2
        path += f" C{x + half:g},{y:g} {left - half:g},{height:g} {left:g},{height:g}"
        x, y = right, height
        if right != left:
            path += f" L{right:g},{height:g}"
    return path
