"""Plans with as many shards as the rules allow for."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from typing import Any

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError
from synaflow_export.plan import Granularity, Plan, PlanOptions, ShardCount, make_plan


def sharded_plan(
    contract: Contract, granularity: Granularity, counts: Sequence[ShardCount]
) -> Plan:
    """Shard one EACH step after the other, where it is not refused.

    Args:
        contract: The pipeline.
        granularity: Of the plan; with ``pipeline`` nothing is sharded.
        counts: Numbers of shards, taken in turn.
    """
    chosen: dict[str, ShardCount] = {}
    number = itertools.cycle(counts)
    plan = make_plan(contract, PlanOptions(granularity=granularity))
    if granularity == "pipeline":
        return plan
    for name, declared in contract.steps.items():
        inside = {step for t in plan.macro_tasks if t.shards is not None for step in t.steps}
        if declared.mode != "each" or name in inside:
            continue
        wanted = {**chosen, name: next(number)}
        asked: dict[str, Any] = {"granularity": granularity, "shards": tuple(wanted.items())}
        if "auto" in wanted.values():
            asked["rows_per_shard"] = 2
        with contextlib.suppress(ExportError):
            plan = make_plan(contract, PlanOptions(**asked, max_shards=4))
            chosen = wanted
    return plan
