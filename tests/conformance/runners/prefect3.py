"""Prefect 3: the flow runs in this process against a real server in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.observed import Counts, Observed
from tests.conformance.runners import Runner
from tests.scenarios.catalogue import Scenario
from tests.targets.prefect.running import FlowFolder
from tests.targets.prefect.server import prefect_home


class Prefect3(Runner):
    """Every macro-task as a Prefect task."""

    def run(self, scenario: Scenario, folder: Path) -> Observed:
        prefect_home()
        flows = FlowFolder(folder)
        exported = flows.export_file(f"{scenario.file}:p")
        outcome = flows.run(exported, scenario.params_for(folder))
        counts: dict[str, Counts] = {}
        for key, data in outcome.artifacts.items():
            if not key.endswith(("-progress", "-datasets")):
                counts |= {
                    row["step"]: (row["status"], row["ok"], row["errors"])
                    for row in json.loads(data)
                }
        if not outcome.state.startswith("Completed"):
            return Observed(counts=counts, error=outcome.message)
        return Observed(flows.outputs(exported, outcome), counts)
