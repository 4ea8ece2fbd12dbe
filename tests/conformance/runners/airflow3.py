"""Airflow 3 in this process: the DAG file is parsed by its DagBag and run by ``dag.test``."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synaflow_core.handoff import HandoffStore
from synaflow_export.plan.model import Plan
from synaflow_export.targets.airflow.xcom import REPORT_KEY, xcom_keys
from synaflow_export.wires import Wires
from tests.conformance.observed import Counts, Observed, counts_of, read_outputs
from tests.conformance.runners import Runner
from tests.scenarios.catalogue import Scenario
from tests.targets.airflow.conftest import migrated_home
from tests.targets.airflow.running import DagFolder


class Airflow3(Runner):
    """Every macro-task as an Airflow task."""

    def run(self, scenario: Scenario, folder: Path) -> Observed:
        dags = DagFolder(migrated_home(), folder)
        exported = dags.export_file(f"{scenario.file}:p")
        (dag_id,) = dags.parse().dags
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):  # where Airflow tells why a task failed
            outcome = dags.run(dag_id, scenario.params_for(folder))
        counts: dict[str, Counts] = {}
        for (_, key), value in outcome.xcoms.items():
            if key == REPORT_KEY:
                counts |= counts_of(value)
        if outcome.state != "success":
            return Observed(counts=counts, error=printed.getvalue())
        pipeline = exported.loaded.pipeline
        assert pipeline is not None
        refs = dict(references(exported.plan, outcome.xcoms))
        with exported.loaded.importable():
            outputs = read_outputs(pipeline, exported.plan, refs, HandoffStore(str(dags.store)))
        return Observed(outputs, counts)


def references(
    plan: Plan, xcoms: Mapping[tuple[str, str], Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Dataset and its reference, as the tasks of a DAG run returned them."""
    task_ids = Wires(plan, ()).task_ids
    for task in plan.macro_tasks:
        names = [output.dataset for output in task.outputs]
        returned = xcoms.get((task_ids[task.name], "return_value"))
        if len(names) == 1:
            yield names[0], returned
        for dataset, key in xcom_keys(names).items() if len(names) > 1 else ():
            yield dataset, returned[key]
