"""Real Airflows: the DAG file is parsed by their DagBag and run by ``dag.test``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from synaflow_core.handoff import HandoffStore
from synaflow_export.plan.model import Plan
from synaflow_export.rehearse import results
from synaflow_export.targets.airflow.xcom import REPORT_KEY, xcom_keys
from tests.conformance.observed import Counts, Observed, counts_of
from tests.conformance.runners import Runner
from tests.scenarios.catalogue import Scenario
from tests.targets.airflow.airflows import Airflow, airflow_2, airflow_3
from tests.targets.airflow.running import DagFolder


class OnAirflow(Runner):
    """Every macro-task as an Airflow task."""

    airflow: Airflow

    def run(self, scenario: Scenario, folder: Path) -> Observed:
        dags = DagFolder(self.airflow, folder)
        exported = dags.export_file(f"{scenario.file}:p")
        dag_id = exported.dag_file.stem.removesuffix("_dag")
        environ = {"SCENARIO_FOLDER": str(folder)}
        outcome = dags.run(dag_id, scenario.params_for(folder), environ=environ)
        counts: dict[str, Counts] = {}
        for (_, key), value in outcome.xcoms.items():
            if key == REPORT_KEY:
                counts |= counts_of(value)
        if outcome.state != "success":
            return Observed(counts=counts, error=outcome.output)
        pipeline = exported.loaded.pipeline
        assert pipeline is not None
        refs = dict(references(exported.plan, exported.task_ids, outcome.xcoms))
        with exported.loaded.importable():
            outputs = results(pipeline, exported.plan, refs, HandoffStore(str(dags.store)))
        return Observed(outputs, counts)


class Airflow3(OnAirflow):
    """In this process."""

    @contextmanager
    def started(self) -> Iterator[None]:
        self.airflow = airflow_3()
        yield


class Airflow2(OnAirflow):
    """In a process of its own environment."""

    gaps: ClassVar[Mapping[str, str]] = {
        "tables": "The environment of the tests with Airflow 2 has no pandas, polars and pyarrow."
    }

    @contextmanager
    def started(self) -> Iterator[None]:
        self.airflow = airflow_2()
        yield


def references(
    plan: Plan, task_ids: Mapping[str, str], xcoms: Mapping[tuple[str, str], Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Dataset and its reference, as the tasks of a DAG run returned them."""
    for task in plan.macro_tasks:
        names = [output.dataset for output in task.outputs]
        returned = xcoms.get((task_ids[task.name], "return_value"))
        if len(names) == 1:
            yield names[0], returned
        for dataset, key in xcom_keys(names).items() if len(names) > 1 else ():
            yield dataset, returned[key]
