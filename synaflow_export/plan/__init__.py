"""Planning: contract -> macro-tasks and boundary datasets. Pure: no I/O, no user code.

Read in this order: :mod:`.model` (what comes out), :mod:`.planner` (the way through),
:mod:`.graph`, :mod:`.fuse`, :mod:`.alignment`, :mod:`.shards`, :mod:`.cycle`, :mod:`.order`,
:mod:`.partition`, :mod:`.boundaries`, and for people :mod:`.words` and :mod:`.explain`.
"""

from __future__ import annotations

from synaflow_export.plan.explain import DatasetRow, PlanRow, plan_rows, to_json, to_mermaid
from synaflow_export.plan.model import (
    GRANULARITIES,
    ON_CYCLE,
    Dataset,
    Granularity,
    MacroTask,
    OnCycle,
    Plan,
    PlanOptions,
    Reason,
    Representation,
    ShardCount,
    Shards,
    TaskInput,
    TaskOutput,
)
from synaflow_export.plan.planner import make_plan

__all__ = [
    "GRANULARITIES",
    "ON_CYCLE",
    "Dataset",
    "DatasetRow",
    "Granularity",
    "MacroTask",
    "OnCycle",
    "Plan",
    "PlanOptions",
    "PlanRow",
    "Reason",
    "Representation",
    "ShardCount",
    "Shards",
    "TaskInput",
    "TaskOutput",
    "make_plan",
    "plan_rows",
    "to_json",
    "to_mermaid",
]
