"""The plan's macro-tasks one after the other in this process, through a real store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from synaflow_core.errors import SynaflowError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro import MacroSpec, run_macro_task
from synaflow_export.load import load
from synaflow_export.plan import Granularity, PlanOptions, make_plan
from tests.conformance.observed import Counts, Observed, read_outputs
from tests.conformance.runners import Runner
from tests.scenarios.catalogue import Scenario


class Stream(Runner):
    """What streams runs together."""

    granularity: Granularity = "stream"

    def run(self, scenario: Scenario, folder: Path) -> Observed:
        loaded = load(f"{scenario.file}:p")
        assert loaded.pipeline is not None
        plan = make_plan(loaded.contract, PlanOptions(granularity=self.granularity))
        store = HandoffStore(str(folder / "store"))
        refs: dict[str, Any] = {}
        counts: dict[str, Counts] = {}
        with loaded.importable():
            for task in plan.macro_tasks:
                spec = msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)
                try:
                    result = run_macro_task(
                        loaded.pipeline,
                        spec,
                        params=scenario.params_for(folder),
                        inputs={entry.dataset: _ref(refs[entry.dataset]) for entry in spec.inputs},
                        store=store,
                        run_key="r",
                        exported=loaded.contract,
                    )
                except SynaflowError as error:
                    return Observed(error=str(error))
                refs |= {name: ref and ref.to_dict() for name, ref in result.refs.items()}
                counts |= {
                    step.name: (step.status, step.ok, step.errors) for step in result.report.steps
                }
            return Observed(read_outputs(loaded.pipeline, plan, refs, store), counts)


class Step(Stream):
    """Every step alone where that is possible."""

    granularity = "step"


class Scope(Stream):
    """One macro-task per included pipeline."""

    granularity = "scope"


class Whole(Stream):
    """One macro-task."""

    granularity = "pipeline"


def _ref(given: dict[str, Any] | None) -> DatasetRef | None:
    return None if given is None else DatasetRef.from_dict(given)
