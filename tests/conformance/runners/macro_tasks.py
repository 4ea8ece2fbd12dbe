"""The plan's macro-tasks one after the other, through a real store, whole or in shards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from synaflow_core.contract import Contract
from synaflow_core.errors import SynaflowError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.task import MacroSpec
from synaflow_export.loading.load import load
from synaflow_export.plan import Granularity, Plan, PlanOptions, make_plan
from synaflow_export.rehearse import rehearsal, results
from tests.conformance.observed import Counts, Observed, counts_of
from tests.conformance.runners import Runner
from tests.engine.rehearsing import run_task
from tests.engine.sharding import sharded_plan
from tests.scenarios.catalogue import Scenario


class Stream(Runner):
    """What streams runs together."""

    granularity: Granularity = "stream"

    def run(self, scenario: Scenario, folder: Path) -> Observed:
        loaded = load(f"{scenario.file}:p")
        assert loaded.pipeline is not None
        plan = self.plan_of(loaded.contract)
        store = HandoffStore(str(folder / "store"))
        refs: dict[str, Any] = {}
        counts: dict[str, Counts] = {}
        with loaded.importable():
            for task in plan.macro_tasks:
                spec = msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)
                inputs = {entry.dataset: _ref(refs[entry.dataset]) for entry in spec.inputs}
                try:
                    result = run_task(
                        loaded.pipeline, spec, inputs, store, scenario.params_for(folder)
                    )
                except SynaflowError as error:
                    return Observed(error=str(error))
                refs |= {name: ref and ref.to_dict() for name, ref in result.refs.items()}
                counts |= {
                    step.name: (step.status, step.ok, step.errors) for step in result.report.steps
                }
            return Observed(results(loaded.pipeline, plan, refs, store), counts)

    def plan_of(self, contract: Contract) -> Plan:
        """The plan to run."""
        return make_plan(contract, PlanOptions(granularity=self.granularity))


class Step(Stream):
    """Every step alone where that is possible."""

    granularity = "step"


class Scope(Stream):
    """One macro-task per included pipeline."""

    granularity = "scope"


class Whole(Stream):
    """One macro-task."""

    granularity = "pipeline"


_PER_SHARD = "resources are made, and step events told, once per shard"
_NO_SLICES = "no step of it is called once per item of one stream that can be stored"


class Shards(Stream):
    """Every step that can be in three shards, and at granularity `step`, so that joins cross."""

    gaps: ClassVar[Mapping[str, str]] = {
        "resources": _PER_SHARD,
        "observed": _PER_SHARD,
        **dict.fromkeys(
            [
                "linear",
                "mixed",
                "zipped",
                "in_flight",
                "skipped",
                "included",
                "unserialisable",
                "hostile_names",
                "disk",
                "sinks",
                "phases",
            ],
            _NO_SLICES,
        ),
    }
    granularity = "step"

    def plan_of(self, contract: Contract) -> Plan:
        """The plan to run."""
        plan = sharded_plan(contract, self.granularity, [3])
        assert any(task.shards is not None for task in plan.macro_tasks)
        return plan


class Rehearsed(Runner):
    """As ``synaflow-export rehearse``: every macro-task, and every shard, in a fresh process."""

    gaps: ClassVar[Mapping[str, str]] = {"resources": _PER_SHARD, "observed": _PER_SHARD}

    def run(self, scenario: Scenario, folder: Path) -> Observed:
        loaded = load(f"{scenario.file}:p")
        assert loaded.pipeline is not None
        plan = sharded_plan(loaded.contract, "stream", [2])
        done = []
        with rehearsal(loaded, plan, scenario.params_for(folder)) as prepared:
            try:
                done += prepared.run()
            except SynaflowError as error:
                return Observed(error=str(error))
            with loaded.importable():
                passed = {name: ref for each in done for name, ref in each.returned.items()}
                outputs = results(loaded.pipeline, plan, passed, prepared.datasets)
        steps = [step for each in done for step in each.steps]
        return Observed(outputs, counts_of({"steps": steps}))


def _ref(given: dict[str, Any] | None) -> DatasetRef | None:
    return None if given is None else DatasetRef.from_dict(given)
