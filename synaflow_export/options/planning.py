"""The options of the plan: how steps become macro-tasks. The same for every target."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from synaflow_export.options import checks
from synaflow_export.options.model import TargetOptions, option
from synaflow_export.plan.model import (
    GRANULARITIES,
    ON_CYCLE,
    Granularity,
    OnCycle,
    Plan,
    PlanOptions,
    ShardCount,
)

if TYPE_CHECKING:
    from synaflow_export.windows.binding import WindowSpec


def shard_counts(given: Iterable[str]) -> dict[str, ShardCount]:
    """Read ``normalize=8``, ``parse=auto`` and the like.

    Raises:
        ValueError: One of them is no such pair, or its step was there before.
    """
    counts: dict[str, ShardCount] = {}
    for pair in given:
        name, _, count = pair.rpartition("=")
        number = count.isascii() and count.isdecimal() and int(count) > 0
        if not name or not (number or count == "auto"):
            raise ValueError(f"{pair!r} is not like STEP=8 or STEP=auto")
        if name in counts:
            raise ValueError(f"step {name!r} is there twice")
        counts[name] = int(count) if number else "auto"
    return counts


@dataclasses.dataclass(frozen=True)
class PlanningOptions(TargetOptions):
    """What a settings file, or flags, may say about the plan.

    Attributes:
        granularity: What runs in one task: steps that stream to each other, each step alone, each
            included pipeline, or everything.
        on_cycle: Groups of steps that would wait for each other: merge them, or spill a stream to
            the store.
        allow_pickle: Store values of types without a codec as pickles; read only stores that you
            trust.
        shards: STEP=N or STEP=auto: the EACH steps around STEP run as so many parallel instances.
        rows_per_shard: Rows of an instance where the number of shards is auto; None: 100,000.
        max_shards: At most so many instances of one macro-task; None: 1,000.
    """

    granularity: str = option("stream", checks.one_of(GRANULARITIES))
    allow_pickle: bool = option(False, checks.flag)
    on_cycle: str = option("merge", checks.one_of(ON_CYCLE))
    shards: tuple[str, ...] = option((), checks.pairs(shard_counts))
    rows_per_shard: int | None = option(None, checks.count(1))
    max_shards: int | None = option(None, checks.count(1))

    @classmethod
    def of(cls, plan: Plan) -> PlanningOptions:
        """The options that a plan was made with, as far as it tells: shards, it does not."""
        return cls(
            granularity=plan.granularity, allow_pickle=plan.allow_pickle, on_cycle=plan.on_cycle
        )

    def plan_options(
        self, store_url: str | None, window: WindowSpec | None, *, distributed: bool = False
    ) -> PlanOptions:
        """What the planner takes; the target and its own options give the arguments."""
        return PlanOptions(
            granularity=cast("Granularity", self.granularity),
            on_cycle=cast("OnCycle", self.on_cycle),
            allow_pickle=self.allow_pickle,
            shards=tuple(shard_counts(self.shards).items()),
            rows_per_shard=self.rows_per_shard,
            max_shards=self.max_shards,
            store_url=store_url,
            window=window,
            distributed=distributed,
        )
