"""Apache Airflow: one DAG file in TaskFlow style, and a folder with what its tasks read.

    <id>_dag.py      imports Airflow and nothing else; every macro-task is one ``@task`` function
    <id>/            contract.json, plan.json, src/ (the user's loose modules), export.json
    .airflowignore   keeps Airflow from looking for DAGs in that folder

This module decides *what* the file says; ``templates/airflow/dag.py.jinja`` says where it stands.
It imports no Airflow, and everything that differs between versions of Airflow is in
:mod:`.versions`. The worker side is :mod:`synaflow_export.runtime.airflow`. Facts about Airflow
that shape the file:

* a return annotation ``-> dict`` would silently switch ``multiple_outputs`` on: there is none;
* an argument named like a context key (``params``, ``run_id``) is refused when the task runs:
  arguments carry references, and are called ``<dataset>_ref``;
* a required param in a scheduled DAG is an import error: refused here, by name;
* a cron string gives empty data intervals on Airflow 3: ``CronDataIntervalTimetable`` does not.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from synaflow_core.errors import Problem
from synaflow_export.documentation.header import header
from synaflow_export.documentation.steps import module_doc
from synaflow_export.files.generated import Editable, GeneratedFile, Role, manifest_file
from synaflow_export.plan.model import Plan
from synaflow_export.target import Export, Target
from synaflow_export.targets.airflow.groups import Places
from synaflow_export.targets.airflow.options import AirflowOptions
from synaflow_export.targets.airflow.outlets import announced, misplaced_uris, outlets_expression
from synaflow_export.targets.airflow.params import ParamsCode
from synaflow_export.targets.airflow.policies import default_args
from synaflow_export.targets.airflow.tasks import Tasks, TaskView
from synaflow_export.targets.airflow.wiring import NAMES_OF_THE_FILE, wiring
from synaflow_export.targets.airflow.xcom import xcom_keys
from synaflow_export.text.prose import plain
from synaflow_export.text.pylayout import Node, Prose, call, lay_out, value
from synaflow_export.text.pyname import (
    PyComment,
    PyLiteral,
    PyName,
    TaskId,
    module_safe,
)
from synaflow_export.text.render import render
from synaflow_export.text.wires import Wires
from synaflow_export.windows.calendar import Window

_TEMPLATE = "airflow/dag.py.jinja"

_MAX_MAP_LENGTH = 1024

_POLICIES = Editable(
    begin="# --- policies: meant to be edited, kept by the next export " + "-" * 28,
    end="# --- end of policies " + "-" * 66,
)

_AIRFLOWIGNORE = "# code and documents of exported pipelines: read by tasks, no DAG files\n"


class AirflowTarget(Target[AirflowOptions]):
    """Exports to Apache Airflow 3 and to Airflow 2.10 and 2.11."""

    name: ClassVar[str] = "airflow"
    title: ClassVar[str] = "Apache Airflow"
    options_type: ClassVar[type[AirflowOptions]] = AirflowOptions
    default_out: ClassVar[str] = "dags"
    runs_async_pipelines: ClassVar[bool] = True  # in a sync task; the runner starts the event loop
    catches_up: ClassVar[bool] = True
    binds_windows: ClassVar[bool] = True
    limits_concurrency: ClassVar[bool] = True
    groups_includes: ClassVar[bool] = True
    publishes_lineage: ClassVar[bool] = True
    maps_shards: ClassVar[bool] = True
    runs_rollbacks: ClassVar[bool] = True

    def backfill_commands(
        self,
        plan: Plan,
        options: AirflowOptions,
        windows: Sequence[Window],
        values: Sequence[Mapping[str, Any]],
    ) -> Iterator[str]:
        """The one command for a span; its dates are those at which intervals begin."""
        first, last = (windows[index].start.isoformat() for index in (0, -1))
        dag_id = shlex.quote(_dag_id(plan, options))
        yield (
            f"airflow backfill create --dag-id {dag_id} --from-date {first} --to-date {last} "
            f"--reprocess-behavior completed --max-active-runs {options.max_active_runs}"
        )
        yield f"airflow dags backfill {dag_id} -s {first} -e {last} --reset-dagruns -y  # Airflow 2"

    def view(self, export: Export[AirflowOptions]) -> tuple[GeneratedFile, ...]:
        """Make the DAG file and the folder beside it; see :meth:`Target.view`."""
        pipeline = export.plan.pipeline
        dag_id = _dag_id(export.plan, export.options)
        folder = PyName.of(dag_id, "pipeline")
        module = module_safe(dag_id, "_dag")
        wrong = [*misplaced_uris(export.plan, export.options), *_too_many_shards(export.plan)]
        self.refuse(export, module=module, more=wrong)

        text = render(_TEMPLATE, {"dag": _DagView.of(export, dag_id, folder)}, export.templates)
        in_folder = export.folder_files(folder)
        dag_file = GeneratedFile(f"{module}.py", text, editable=_POLICIES)
        manifest = manifest_file(folder, self.name, pipeline, dag_id, (*in_folder, dag_file))
        ignored = GeneratedFile(".airflowignore", f"{_AIRFLOWIGNORE}/{folder}/\n", Role.SHARED)
        # The DAG file comes last: Airflow must not see it before all that it refers to is there.
        return (ignored, *in_folder, manifest, dag_file)


@dataclass(frozen=True)
class _DagView:
    """All that the template pastes; everything in it is safe, and laid out where it may be long."""

    header: tuple[PyComment, ...]
    doc: PyLiteral
    imports: PyLiteral
    policies_begin: str
    policies_end: str
    cron: PyLiteral
    timezone: PyLiteral
    start_date: PyLiteral
    catchup: PyLiteral
    max_active_runs: PyLiteral
    max_active_tasks: PyLiteral | None
    tags: PyLiteral
    default_args: PyLiteral
    store: PyLiteral
    folder: PyLiteral
    outlets: PyLiteral | None
    unchecked: PyLiteral | None
    params: PyLiteral | None
    identity: tuple[PyLiteral, ...]
    tasks: tuple[TaskView, ...]
    wiring: tuple[PyLiteral, ...]

    @classmethod
    def of(cls, export: Export[AirflowOptions], dag_id: str, folder: str) -> _DagView:
        plan, contract, options = export.plan, export.contract, export.options
        wires = Wires(plan, NAMES_OF_THE_FILE, xcom_keys)
        places = Places.find(plan, contract)
        outlets = announced(plan, options, dag_id)
        dialect = options.dialect
        assets = outlets_expression(outlets, dialect.asset) if outlets else None
        params = ParamsCode.of(export.params_schema, contract.params) if contract.params else None
        imported = {
            "DAG": True,
            "task": True,
            "CronDataIntervalTimetable": True,
            "Param": params is not None,
            dialect.asset: assets is not None,
            "TaskGroup": bool(places.groups),
        }
        tasks = Tasks(contract, options, wires, places, outlets)
        return cls(
            header=header("airflow", "DAGS_FOLDER", export),
            doc=module_doc(
                plan,
                contract,
                places.task_ids(),
                column="Airflow task",
                between="XCom holds references and counts, never data.",
            ),
            imports=dialect.imports(name for name, wanted in imported.items() if wanted),
            policies_begin=_POLICIES.begin,
            policies_end=_POLICIES.end,
            cron=PyLiteral.of(export.schedule),
            timezone=PyLiteral.of(options.timezone),
            start_date=_start_date(options.start),
            catchup=PyLiteral.of(options.catchup),
            max_active_runs=PyLiteral.of(options.max_active_runs),
            max_active_tasks=PyLiteral.of(options.concurrency) if options.concurrency else None,
            tags=lay_out("TAGS = ", value(list(options.tags))),
            default_args=lay_out("DEFAULT_ARGS = ", default_args(options)),
            store=lay_out("STORE = ", value(options.store)),
            folder=lay_out("FOLDER = ", call("Path(__file__).with_name", [value(folder)])),
            outlets=_constant("OUTLETS", assets),
            unchecked=_constant("UNCHECKED", params.unchecked if params else None),
            params=_constant("PARAMS", params.params if params else None),
            identity=tuple(_identity(plan.pipeline, contract.description, dag_id)),
            tasks=(
                *(view for task in plan.macro_tasks for view in tasks.of(task)),
                *tasks.of_run(),
            ),
            wiring=tuple(wiring(plan, contract, wires, places)),
        )


def _dag_id(plan: Plan, options: AirflowOptions) -> str:
    return options.id or TaskId.of(plan.pipeline, "pipeline")


def _too_many_shards(plan: Plan) -> Iterator[Problem]:
    """Yield macro-tasks that Airflow would refuse to map, when the DAG runs."""
    for task in plan.macro_tasks:
        most = task.shards and (task.shards.count or task.shards.max_shards)
        if most and most > _MAX_MAP_LENGTH:
            yield Problem(
                where="options",
                subject=f"macro-task '{task.name}'",
                code="too-many-shards",
                message=f"it may be mapped {most:,} times, and Airflow maps a task at most "
                f"{_MAX_MAP_LENGTH:,} times ([core] max_map_length)",
                hint="take fewer shards, or a smaller --max-shards",
            )


def _constant(name: str, node: Node | None) -> PyLiteral | None:
    return None if node is None else lay_out(f"{name} = ", node)


def _identity(pipeline: str, description: str, dag_id: str) -> Iterator[PyLiteral]:
    yield lay_out("dag_id=", value(dag_id), ",", depth=1)
    if dag_id != pipeline:
        yield lay_out("dag_display_name=", Prose(plain(pipeline)), ",", depth=1)
    if plain(description):
        yield lay_out("description=", Prose(plain(description)), ",", depth=1)


def _start_date(start: datetime) -> PyLiteral:
    parts = [start.year, start.month, start.day]
    if (start.hour, start.minute, start.second) != (0, 0, 0):
        parts += [start.hour, start.minute, start.second]
    return PyLiteral(f"pendulum.datetime({', '.join(map(str, parts))}, tz=TIMEZONE)")
