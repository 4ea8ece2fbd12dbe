"""Source positions: which items of several branches come from one source item. PURE.

Within one run, branches of a source meet in the body of one loop, so nothing has to be counted.
Where a branch is read from a dataset of another macro-task, the dataset says for each item at which
position of the source it came; the branches are put side by side again by :func:`side_by_side`.
What a *source* is, :func:`sources` says, for steps of this run and of others alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synaflow_core.dag import Dag, Edge, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.engine.loops import MISSING
from synaflow_core.engine.program import Origin

Located = Iterator[tuple[int, Any]]
"""Items with their positions in their source, which grow."""


@dataclass(frozen=True)
class Items:
    """An external input of a run that is read item by item; each call opens it anew.

    Attributes:
        open: All items.
        kind: What its producer made, for consumers that take it as it is.
        each: What EACH steps get one by one, where this run is to see only a part.
        first: Place of the first item of that part in the whole.
        positions: The position of each item that EACH steps get in the source that it stems from.
    """

    open: Callable[[], Iterator[Any]]
    kind: OutputKind
    each: Callable[[], Iterator[Any]] | None = None
    first: int = 0
    positions: Callable[[], Iterator[int]] | None = None

    def one_by_one(self) -> Iterator[Any]:
        """What EACH steps get."""
        return (self.each or self.open)()

    def located(self) -> Located:
        """The same with positions; an input without any is a source itself."""
        if self.positions is None:
            return enumerate(self.one_by_one(), self.first)
        return zip(self.positions(), self.one_by_one(), strict=True)


def aligned_inputs(inputs: Mapping[str, Any]) -> frozenset[str]:
    """The external inputs that come with positions."""
    return frozenset(
        name
        for name, found in inputs.items()
        if isinstance(found, Items) and found.positions is not None
    )


def sources(dag: Dag) -> dict[str, Origin]:
    """Step that hands on a stream -> the source whose items, one for one, it hands on.

    That of an EACH step is that of its items; a generator, and an EACH step that zips several
    sources, is one itself.
    """
    found: dict[str, Origin] = {}
    for name, node in dag.steps.items():
        feeds = {_source(edge, found) for edge in node.item_edges}
        own = node.mode is not StepMode.EACH or len(feeds) != 1
        found[name] = Origin(name, Source.STEP) if own else feeds.pop()
    return found


def _source(edge: Edge, found: dict[str, Origin]) -> Origin:
    if edge.streaming:
        return found[edge.producer]
    return Origin(edge.producer, edge.source)  # what is complete is a source, whatever made it


def side_by_side(branches: list[Located], at: Callable[[int], object]) -> Iterator[Any]:
    """The branches of one source, source item by source item.

    Args:
        branches: The items of each branch with their positions.
        at: Told the position before its items are handed out.

    Yields:
        The item of a single branch; of several, a tuple with MISSING where a branch has dropped
        the item. What all of them dropped is left out.
    """
    if len(branches) == 1:
        for position, item in branches[0]:
            at(position)
            yield item
        return
    heads = [next(branch, None) for branch in branches]
    while True:
        waiting = [head[0] for head in heads if head is not None]
        if not waiting:
            return
        position = min(waiting)
        row = []
        for index, head in enumerate(heads):
            if head is not None and head[0] == position:
                row.append(head[1])
                heads[index] = next(branches[index], None)
            else:
                row.append(MISSING)
        at(position)
        yield tuple(row)
