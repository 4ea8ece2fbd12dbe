"""A plan, run here: one macro-task after the other through a real store, references as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from synaflow_core import Pipeline, StepReport
from synaflow_core.contract import Contract
from synaflow_core.dag import Delivery, OutputKind
from synaflow_core.engine.collect import build as build_container
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.joining import ShardResult, join_shards
from synaflow_core.macro.shards import shard_from_json, split
from synaflow_core.macro.task import MacroResult, MacroSpec, run_macro_task
from synaflow_export.plan import Plan, PlanOptions, make_plan

Refs = dict[str, DatasetRef | None]


def planned(made: Pipeline, granularity: str = "stream", **options: Any) -> Plan:
    """The plan as a worker gets it: through JSON."""
    contract = Contract.from_json(made.contract().to_json())
    return make_plan(contract, PlanOptions(granularity=granularity, **options))  # type: ignore[arg-type]


def rehearse(
    made: Pipeline, plan: Plan, store: HandoffStore, params: dict[str, Any] | None = None
) -> tuple[Refs, dict[str, StepReport]]:
    """Run all macro-tasks in order; references travel as JSON, as they do between tasks."""
    refs: Refs = {}
    reports: dict[str, StepReport] = {}
    for task in plan.macro_tasks:
        spec = msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)
        inputs = {entry.dataset: _travelled(refs[entry.dataset]) for entry in spec.inputs}
        result = run_task(made, spec, inputs, store, params)
        refs |= result.refs
        reports |= {report.name: report for report in result.report.steps}
    return refs, reports


def run_task(
    made: Pipeline,
    spec: MacroSpec,
    inputs: Mapping[str, DatasetRef | None],
    store: HandoffStore,
    params: dict[str, Any] | None = None,
) -> MacroResult:
    """One macro-task, all its shards included, last shard first."""
    contract = made.contract()
    common: dict[str, Any] = {"params": params or {}, "store": store, "run_key": "r"}
    common["exported"] = contract
    if spec.shards is None:
        return run_macro_task(made, spec, inputs=inputs, **common)
    sliced = inputs[spec.shards.dataset]
    shards = split(spec.shards, 0 if sliced is None else sliced.count)
    parts = []
    for shard in reversed(shards):
        travelled = shard_from_json(msgspec.json.decode(msgspec.json.encode(shard)))
        part = run_macro_task(made, spec, inputs=inputs, shard=travelled, **common)
        sent = msgspec.json.encode(ShardResult(shard, part.refs, part.report).to_json())
        parts.append(ShardResult.from_json(msgspec.json.decode(sent)))
    return join_shards(spec, parts, contract=contract, store=store, run_key="r")


def _travelled(ref: DatasetRef | None) -> DatasetRef | None:
    if ref is None:
        return None
    return DatasetRef.from_dict(msgspec.json.decode(msgspec.json.encode(ref.to_dict())))


def read(made: Pipeline, store: HandoffStore, name: str, ref: DatasetRef) -> Any:
    """A final dataset in the form in which `run` returns it."""
    node = made.dag.steps[name]
    if ref.kind == "value":
        return store.read_value(ref, node.returns)
    items = store.read(ref, node.element)
    kind = (
        Delivery.LIST if node.output_kind is OutputKind.STREAM else Delivery(node.output_kind.value)
    )
    return build_container(items, kind)
