"""Dagster in this process: the job of the definitions file, with Dagster's own machinery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conformance.observed import Counts, Observed
from tests.conformance.runners import Runner
from tests.scenarios.catalogue import Scenario
from tests.targets.dagster.running import DefsFolder, Exported, Outcome, instance


class Dagster(Runner):
    """Every macro-task as an asset."""

    dagster: Any = None

    @contextmanager
    def started(self) -> Iterator[None]:
        with instance(self.home) as self.dagster:
            yield

    def run(self, scenario: Scenario, folder: Path) -> Observed:
        defs = DefsFolder(self.dagster, folder)
        exported = defs.export_file(f"{scenario.file}:p")
        params = scenario.params_for(folder) if exported.loaded.contract.params else None
        outcome = defs.run(exported, params)
        counts = _counts(exported, outcome)
        if not outcome.success:
            return Observed(counts=counts, error=outcome.errors())
        return Observed(defs.outputs(exported, outcome), counts)


def _counts(exported: Exported, outcome: Outcome) -> dict[str, Counts]:
    """Counts per step; where Dagster itself skipped a macro-task, its steps were skipped."""
    told = outcome.reported()
    counts = {name: (row["status"], row["ok"], row["errors"]) for name, row in told.items()}
    silent = [task for task in exported.plan.macro_tasks if counts.keys().isdisjoint(task.steps)]
    if outcome.success:
        assert len(silent) == len(outcome.of("STEP_SKIPPED"))
        counts |= {name: ("skipped", 0, 0) for task in silent for name in task.steps}
    return counts
