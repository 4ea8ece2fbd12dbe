"""Whether a plan, run macro-task by macro-task, gives what one process gives: dataset by dataset.

Both runs write the same datasets, so that every boundary can be compared, not only the results.
Elements are read from both sides at once and held against each other one by one, types included,
so it takes no more memory for more elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff.differences import first_difference
from synaflow_export.runtime.running import is_absent

if TYPE_CHECKING:
    from synaflow_core.dag import Node
    from synaflow_core.pipeline import Pipeline
    from synaflow_export.plan import Dataset, Plan
    from synaflow_export.rehearse import Steps

__all__ = ["Comparison", "Difference", "compare_datasets", "compare_steps"]

_LONGEST = 200
_NOTHING = object()


@dataclass(frozen=True)
class Difference:
    """The first place where two runs differ.

    Attributes:
        place: What differs: ``element 7.name``, ``number of elements``, ``errors`` ...
        run: What one process gave, as text.
        rehearsed: What the macro-tasks gave, as text.
    """

    place: str
    run: str
    rehearsed: str


@dataclass(frozen=True)
class Comparison:
    """One dataset, or the counts of one step, in both runs.

    Attributes:
        name: Of the dataset or step.
        what: ``boundary``, ``result`` or ``counts``.
        elements: How many elements one process gave; None for a dataset that was not produced.
        difference: None when both are equal.
    """

    name: str
    what: str
    elements: int | None
    difference: Difference | None


def compare_datasets(
    pipeline: Pipeline,
    plan: Plan,
    run: Mapping[str, Any],
    rehearsed: Mapping[str, Any],
    store: str,
) -> Iterator[Comparison]:
    """Compare every dataset of a plan.

    Args:
        pipeline: The compiled pipeline.
        plan: Its plan.
        run: Dataset -> what the run in one process passed on.
        rehearsed: The same of the macro-tasks.
        store: URL of the store that both wrote to.

    Yields:
        One comparison per dataset, in the plan's order.

    Raises:
        HandoffError: One cannot be read.
    """
    opened = HandoffStore(store, allow_pickle=plan.allow_pickle)
    for dataset in plan.datasets:
        node = pipeline.dag.steps[dataset.producer_step]
        left, right = (
            None if is_absent(side[dataset.name]) else DatasetRef.from_dict(side[dataset.name])
            for side in (run, rehearsed)
        )
        yield Comparison(
            name=dataset.name,
            what="result" if dataset.final else "boundary",
            elements=None if left is None else left.count,
            difference=_difference(opened, dataset, node, left, right),
        )


def compare_steps(run: Steps, rehearsed: Iterable[Mapping[str, Any]]) -> Iterator[Comparison]:
    """Compare what became of each step: its status, successes and errors.

    Args:
        run: Reports of the run in one process, as JSON values.
        rehearsed: Those of the macro-tasks.
    """
    found = {step["name"]: step for step in rehearsed}
    for step in run:
        other = found.get(step["name"])
        left, right = _told(step), "no report" if other is None else _told(other)
        difference = None if left == right else Difference("counts", left, right)
        yield Comparison(step["name"], "counts", None, difference)


def _told(step: Mapping[str, Any]) -> str:
    return f"{step['status']}, {step['ok']:,} ok, {step['errors']:,} errors"


def _difference(
    store: HandoffStore,
    dataset: Dataset,
    node: Node,
    left: DatasetRef | None,
    right: DatasetRef | None,
) -> Difference | None:
    if left is None or right is None:
        return None if left is right else Difference("dataset", _count(left), _count(right))
    if left.errors != right.errors:
        return Difference("errors", f"{left.errors:,}", f"{right.errors:,}")
    if left.digest == right.digest:
        return None  # of datasets in parts it may differ, all the same
    if dataset.representation == "value":
        values = store.read_value(left, node.returns), store.read_value(right, node.returns)
        return _difference_of("value", *values)
    sides = store.read(left, node.element), store.read(right, node.element)
    return _first_difference(zip_longest(*sides, fillvalue=_NOTHING), left, right)


def _first_difference(
    pairs: Iterable[tuple[Any, Any]], left: DatasetRef, right: DatasetRef
) -> Difference | None:
    for index, (ours, theirs) in enumerate(pairs):
        if ours is _NOTHING or theirs is _NOTHING:
            return Difference("number of elements", f"{left.count:,}", f"{right.count:,}")
        difference = _difference_of(f"element {index:,}", ours, theirs)
        if difference is not None:
            return difference
    return None


def _difference_of(what: str, ours: Any, theirs: Any) -> Difference | None:
    found = first_difference(ours, theirs)
    if found is None:
        return None
    path, mine, other = found
    return Difference(what + path, _shown(mine), _shown(other))


def _count(ref: DatasetRef | None) -> str:
    return "not produced" if ref is None else f"{ref.count:,} elements"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
