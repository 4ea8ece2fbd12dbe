"""Exports a pipeline from source text into a real Airflow's DAG folder and runs it there."""

from __future__ import annotations

import asyncio
import logging
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synaflow_core import async_run, run
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_export.generated import GeneratedFile
from synaflow_export.load import Loaded, load
from synaflow_export.plan.model import Plan, PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.target import Export, get_target
from synaflow_export.write import write_files


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
    def text(self) -> str:
        """The DAG file."""
        return self.dag_file.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Outcome:
    """One run of a DAG.

    Attributes:
        state: Of the run: ``success`` or ``failed``.
        run_id: Airflow's.
        tasks: Task id -> (state, number of the last try).
        xcoms: (task id, key) -> value.
        log: Messages of our loggers, one per line.
    """

    state: str
    run_id: str
    tasks: dict[str, tuple[str, int]]
    xcoms: dict[tuple[str, str], Any]
    log: str

    def reported(self, task_id: str) -> dict[str, dict[str, Any]]:
        """Step -> its report, as the task's XCom tells."""
        report = self.xcoms[task_id, "synaflow_report"]
        return {step["name"]: step for step in report["steps"]}


class DagFolder:
    """The DAG folder of a real Airflow, emptied for every test."""

    def __init__(self, home: Path, work: Path) -> None:
        self.home = home
        self.folder = home / "dags"
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
        chosen = {"store": str(self.store), "retries": 0, "retry_delay": 0, **options}
        files = target.view(
            Export(made, loaded.contract, target.make_options(chosen), loaded.sources)
        )
        write_files(files, self.folder)
        return Exported(loaded, made, files, self.folder / files[-1].path)

    def parse(self) -> Any:
        """The folder as Airflow sees it; fails when a file cannot be imported."""
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(str(self.folder))
        assert bag.import_errors == {}
        return bag

    def run(self, dag_id: str, conf: Mapping[str, Any] | None = None, **how: Any) -> Outcome:
        """Run a DAG to its end in this process, with Airflow's own machinery."""
        dag = self.parse().dags[dag_id]
        with _messages() as messages:
            done = dag.test(run_conf=dict(conf or {}), **how)
        tasks = {ti.task_id: (str(ti.state), ti.try_number) for ti in done.get_task_instances()}
        return Outcome(
            str(done.state.value),
            done.run_id,
            tasks,
            _xcoms(dag_id, done.run_id),
            "\n".join(messages),
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
            ref = self.reference(outcome, dataset.producer_task, dataset.name)
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


def _xcoms(dag_id: str, run_id: str) -> dict[tuple[str, str], Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.query(XComModel).filter_by(dag_id=dag_id, run_id=run_id).all()
        return {(row.task_id, row.key): XComModel.deserialize_value(row) for row in rows}


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Collect what reaches Airflow's root logger from our own loggers."""
    found: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.startswith("synaflow"):
                found.append(f"{record.levelname} {record.getMessage()}")

    handler = Collect()
    logging.getLogger().addHandler(handler)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(handler)
