"""Shards: contiguous slices of one dataset, each worked on by one instance of a macro-task.

The planner says which dataset is sliced and how finely (:class:`ShardSpec`); when its rows have
been counted, :func:`split` says which rows each instance gets (:class:`Shard`). Both are small JSON
and travel through orchestrators. What the instances wrote is put together by
:mod:`synaflow_core.macro.joining`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from synaflow_core.errors import HandoffError


class ShardSpec(msgspec.Struct, frozen=True):
    """How a macro-task is sharded, as the plan says.

    Attributes:
        dataset: The input that is sliced; all others are given to every instance as a whole.
        count: Number of instances, fewer when there are fewer rows; None: by the number of rows.
        rows_per_shard: Rows of an instance where ``count`` is None.
        max_shards: Upper limit of the number of instances where ``count`` is None.
    """

    dataset: str
    count: int | None
    rows_per_shard: int
    max_shards: int


class Shard(msgspec.Struct, frozen=True):
    """One contiguous slice.

    Attributes:
        index: Its place among the shards, from 0.
        count: Number of shards.
        start: Its first row.
        stop: The row after its last one.
        rows: Rows of the whole dataset.
        label: ``2/8``: its place among the shards, from 1, for people.
    """

    index: int
    count: int
    start: int
    stop: int
    rows: int
    label: str


def split(spec: ShardSpec, rows: int) -> tuple[Shard, ...]:
    """Cut rows into contiguous shards whose sizes differ by one at most.

    Returns:
        At least one shard, with no rows if there are none; otherwise each has at least one.
    """
    wanted = spec.count
    if wanted is None:
        wanted = min(-(-rows // spec.rows_per_shard), spec.max_shards)
    count = max(1, min(wanted, rows))
    cuts = [rows * index // count for index in range(count + 1)]
    return tuple(
        Shard(index, count, cuts[index], cuts[index + 1], rows, f"{index + 1}/{count}")
        for index in range(count)
    )


def shard_from_json(values: Mapping[str, Any]) -> Shard:
    """Read the description of a shard back from JSON values.

    Raises:
        HandoffError: It is none.
    """
    try:
        return msgspec.convert(values, Shard)
    except msgspec.ValidationError as problem:
        raise HandoffError(
            f"this is no description of a shard: {problem}\n"
            "    -> pass on what the task that plans the shards returned, unchanged"
        ) from problem


def check_shard(shard: Shard, dataset: str, rows: int) -> None:
    """Refuse a shard that was cut from other data than is there now.

    Raises:
        HandoffError: The dataset has another number of rows than when it was cut.
    """
    if rows != shard.rows:
        raise HandoffError(
            f"shard {shard.label} was cut from {shard.rows} rows of dataset '{dataset}', which "
            f"now has {rows}\n    -> clear the task that plans the shards, so that they are "
            "planned again"
        )
