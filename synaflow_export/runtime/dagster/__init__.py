"""The worker side of a generated Dagster file, and the little that it needs while it is loaded.

Loading a definitions file imports Dagster, this package and the errors and references of
``synaflow_core``; neither the user's code nor the engine's machinery. One file per concept:
:mod:`.export` (what the definitions say about the pipeline), :mod:`.params` (types that Dagster
cannot hold, as text), :mod:`.running` and :mod:`.place` (one macro-task), :mod:`.results` (what
Dagster is told), :mod:`.io_manager` and :mod:`.loading` (how other assets get the data),
:mod:`.rollback` (after a failed run), :mod:`.shard_steps`.
"""

from __future__ import annotations

from synaflow_core.handoff import DatasetRef
from synaflow_export.runtime.dagster.export import Export
from synaflow_export.runtime.dagster.params import (
    DecimalText,
    IsoDate,
    IsoDateTime,
    IsoDuration,
    IsoTime,
    UuidText,
    matching,
    one_of,
)
from synaflow_export.runtime.dagster.rollback import roll_back, rollback_request
from synaflow_export.runtime.dagster.running import run_macro_task
from synaflow_export.runtime.dagster.shard_steps import join_shards, plan_shards, run_shard

__all__ = [
    "DatasetRef",
    "DecimalText",
    "Export",
    "IsoDate",
    "IsoDateTime",
    "IsoDuration",
    "IsoTime",
    "UuidText",
    "join_shards",
    "matching",
    "one_of",
    "plan_shards",
    "roll_back",
    "rollback_request",
    "run_macro_task",
    "run_shard",
]
