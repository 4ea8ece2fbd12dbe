"""A dataset in the form that the annotation of an argument asks for.

============================================  ====================================================
annotation                                    what is given
============================================  ====================================================
``DatasetRef``, ``DatasetRef | None``         the reference; None if the run did not produce it
none, ``Any``                                 all elements, in the container that the step gave
``list``, ``list[T]``, ``Sequence``           all elements; a dataset that is one value: the value
``Iterator``, ``Iterable``, ``Generator``     the elements one by one, in constant memory
``tuple``, ``set``, ``frozenset``, ``dict``   all elements; a dict of pairs
data frame of pandas or polars, arrow table   a row per element
============================================  ====================================================

Elements have the types that the pipeline's code gives them, so its module is imported to read them.
"""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.running import is_absent

if TYPE_CHECKING:
    from synaflow_core.handoff import HandoffStore

_CONTAINERS: dict[Any, Any] = {
    list: list,
    collections.abc.Sequence: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    dict: dict,
    collections.abc.Mapping: dict,
}
_BUILDERS = {"set": set, "frozenset": frozenset, "tuple": tuple, "dict": dict}
_LAZY = frozenset({collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator})


def load(reference: Mapping[str, Any], wanted: Any, folder: Path, store: HandoffStore) -> Any:
    """Load a dataset.

    Args:
        reference: What the IO manager wrote: the reference, and the name of the dataset.
        wanted: The annotation.
        folder: Of the export that the dataset is from.
        store: Where datasets are.

    Raises:
        HandoffError: It was not produced, cannot be read, or not in that form.
    """
    absent = is_absent(reference)
    if wanted is DatasetRef or DatasetRef in typing.get_args(wanted):
        return None if absent else DatasetRef.from_dict(reference)
    dataset = reference["dataset"]
    if absent:
        raise HandoffError(
            f"dataset '{dataset}' was not produced by this run: {reference['reason']}\n"
            "    -> annotate the argument with DatasetRef | None to be told instead"
        )
    ref = DatasetRef.from_dict(reference)
    exported = Exported(folder)
    form = typing.get_origin(wanted) or wanted
    if ref.kind == "value":
        with exported.pipeline() as pipeline:
            return store.read_value(ref, pipeline.dag.steps[dataset].returns)
    items = _elements(exported, ref, dataset, store)
    if form in _LAZY:
        return items
    if form in _CONTAINERS:
        return _CONTAINERS[form](items)
    if wanted in (Any, None):
        own = exported.contract.steps[dataset].output_kind
        return _BUILDERS.get(own, list)(items)
    if _package(form) in _FRAMES:
        return _frame(form, items, dataset)
    raise HandoffError(
        f"dataset '{dataset}' cannot be loaded as {wanted}\n"
        "    -> annotate the argument with list, Iterator, dict, a data frame, or DatasetRef"
    )


def _elements(
    exported: Exported, ref: DatasetRef, dataset: str, store: HandoffStore
) -> Iterator[Any]:
    """The elements, one by one; the pipeline's module stays importable until the last one."""
    with exported.pipeline() as pipeline:
        yield from store.read(ref, pipeline.dag.steps[dataset].element)


_FRAMES = frozenset({"pandas", "polars", "pyarrow"})


def _package(form: Any) -> str:
    return str(getattr(form, "__module__", "")).partition(".")[0]


def _frame(form: Any, items: Iterator[Any], dataset: str) -> Any:
    """A table with a row per element; elements that are tables themselves are put together."""
    rows = list(items)
    library = __import__(_package(form))
    if rows and isinstance(rows[0], form):
        together = library.concat_tables if _package(form) == "pyarrow" else library.concat
        return together(rows)
    records = [_record(row, dataset) for row in rows]
    if _package(form) == "pyarrow":
        return library.Table.from_pylist(records)
    return library.DataFrame(records)


def _record(row: Any, dataset: str) -> dict[str, Any]:
    """An element as named columns; nothing below the first level is touched."""
    if isinstance(row, Mapping):
        return {str(name): value for name, value in row.items()}
    names = (
        getattr(row, "__dataclass_fields__", None)
        or getattr(row, "__struct_fields__", None)
        or getattr(row, "_fields", None)
        or getattr(type(row), "model_fields", None)
        or [field.name for field in getattr(row, "__attrs_attrs__", ())]
    )
    if names:
        return {name: getattr(row, name) for name in names}
    if isinstance(row, tuple | list):
        return {str(position): value for position, value in enumerate(row)}
    return {dataset: row}
