"""Exports a pipeline from source text into a real Airflow's DAG folder and runs it there."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from synaflow_core import async_run, run
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.files.write import write_files
from synaflow_export.loading.load import Loaded, load
from synaflow_export.plan.model import Plan, PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.target import Export, get_target
from synaflow_export.targets.airflow.groups import JOIN, Places
from tests.targets.airflow import dag_runs
from tests.targets.airflow.airflows import Airflow

on_both = pytest.mark.parametrize("dags", ["airflow3", "airflow2"], indirect=True)
"""The test runs on both Airflows."""


@dataclass(frozen=True)
class Exported:
    """A pipeline in Airflow's DAG folder.

    Attributes:
        loaded: The pipeline as the exporter saw it.
        plan: Its plan.
        files: What was generated.
        dag_file: Where the DAG file is.
    """

    loaded: Loaded
    plan: Plan
    files: tuple[GeneratedFile, ...]
    dag_file: Path

    @property
    def task_ids(self) -> dict[str, str]:
        """Macro-task -> id of the task that returns its datasets, groups included."""
        places = Places.find(self.plan, self.loaded.contract)
        return {
            task.name: places.of(task.name, JOIN if task.shards else "").task_id
            for task in self.plan.macro_tasks
        }

    @property
    def text(self) -> str:
        """The DAG file."""
        return self.dag_file.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Outcome:
    """One run of a DAG.

    Attributes:
        state: Of the run: ``success`` or ``failed``.
        run_id: Airflow's.
        tasks: Task id (``task[0]`` for the instances of a mapped one) -> (state, number of tries).
        xcoms: (task id, key) -> value.
        events: What the assets announced: (URI, extra), in order.
        log: Messages of our loggers, one per line.
        output: All that was printed, tracebacks of failed tasks included.
    """

    state: str
    run_id: str
    tasks: dict[str, tuple[str, int]]
    xcoms: dict[tuple[str, str], Any]
    events: list[tuple[str, dict[str, Any]]]
    log: str
    output: str

    def reported(self, task_id: str) -> dict[str, dict[str, Any]]:
        """Step -> its report, as the task's XCom tells."""
        report = self.xcoms[task_id, "synaflow_report"]
        return {step["name"]: step for step in report["steps"]}


class DagFolder:
    """The DAG folder of a real Airflow, emptied for every test."""

    def __init__(self, airflow: Airflow, work: Path) -> None:
        self.airflow = airflow
        self.folder = airflow.home / "dags"
        self.work = work
        self.store = work / "store"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def export(
        self,
        source: str,
        *,
        plan: PlanOptions | None = None,
        modules: Mapping[str, str] | None = None,
        name: str = "pipe.py",
        pipeline: str | None = None,
        **options: Any,
    ) -> Exported:
        """Export the pipeline in ``source``; further local modules by file name."""
        code = self.work / f"code{len(list(self.work.iterdir()))}"
        code.mkdir()
        for file, text in {name: source, **(modules or {})}.items():
            (code / file).write_text(textwrap.dedent(text), encoding="utf-8")
        return self.export_file(code / name, plan=plan, pipeline=pipeline, **options)

    def export_file(
        self,
        file: Path | str,
        *,
        plan: PlanOptions | None = None,
        pipeline: str | None = None,
        **options: Any,
    ) -> Exported:
        """Export the pipeline in a file; retries do not wait."""
        loaded = load(str(file), pipeline)
        target = get_target("airflow")
        made = make_plan(loaded.contract, plan or PlanOptions())
        chosen = {
            "store": str(self.store),
            "retries": 0,
            "retry_delay": 0,
            "airflow_version": self.airflow.version,
            **options,
        }
        files = target.view(
            Export(made, loaded.contract, target.make_options(chosen), loaded.sources)
        )
        write_files(files, self.folder)
        return Exported(loaded, made, files, self.folder / files[-1].path)

    def parse(self) -> Any:
        """The folder as the Airflow of this process sees it."""
        return dag_runs.parse(str(self.folder))

    def describe(self, dag_id: str) -> dict[str, Any]:
        """A DAG as its Airflow sees it; see :mod:`tests.targets.airflow.dag_runs`."""
        return dict(self.airflow.describe(folder=str(self.folder))[dag_id])

    def run(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Outcome:
        """Run a DAG to its end with Airflow's own machinery."""
        told = self.airflow.run(
            folder=str(self.folder),
            dag_id=dag_id,
            conf=dict(conf or {}),
            how=how,
            environ=dict(environ or {}),
        )
        return Outcome(
            told["state"],
            told["run_id"],
            {_instance(task, index): (state, tries) for task, index, state, tries in told["tasks"]},
            {(_instance(task, index), key): value for task, index, key, value in told["xcoms"]},
            [(uri, extra) for uri, extra in told["events"]],
            told["log"],
            told["output"],
        )

    def outputs(self, exported: Exported, outcome: Outcome) -> dict[str, Any]:
        """What the run produced, read from the store: the counterpart of ``RunResult.outputs``."""
        assert exported.loaded.pipeline is not None
        steps = exported.loaded.pipeline.dag.steps
        store = HandoffStore(str(self.store), allow_pickle=exported.plan.allow_pickle)
        found: dict[str, Any] = {}
        for dataset in exported.plan.datasets:
            if not dataset.final:
                continue
            task_id = exported.task_ids[dataset.producer_task]
            ref = self.reference(outcome, task_id, dataset.name)
            node = steps[dataset.producer_step]
            if dataset.representation == "value":
                found[dataset.name] = store.read_value(ref, node.returns)
            else:
                found[dataset.name] = _container(node, list(store.read(ref, node.element)))
        return found

    @staticmethod
    def reference(outcome: Outcome, task_id: str, dataset: str) -> DatasetRef:
        """The reference of a dataset that a task returned."""
        returned = outcome.xcoms[task_id, "return_value"]
        return DatasetRef.from_dict(returned if "uri" in returned else returned[dataset])


def in_process(exported: Exported, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What ``run()`` gives for the same pipeline and params."""
    assert exported.loaded.pipeline is not None
    pipeline = exported.loaded.pipeline
    given = dict(params) if params is not None else None
    with exported.loaded.importable():
        if pipeline.dag.is_async:
            return asyncio.run(async_run(pipeline, given)).outputs
        return run(pipeline, given).outputs


def _container(node: Any, items: list[Any]) -> Any:
    builders: dict[str, Any] = {
        "set": set,
        "frozenset": frozenset,
        "tuple": tuple,
        "dict": dict,
    }
    return builders.get(node.output_kind.value, list)(items)


def _instance(task_id: str, map_index: int) -> str:
    return task_id if map_index < 0 else f"{task_id}[{map_index}]"
