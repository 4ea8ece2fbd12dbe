"""Apache Airflow 3: one DAG file in TaskFlow style, and a folder with what its tasks read.

    <id>_dag.py      imports Airflow and nothing else; every macro-task is one ``@task`` function
    <id>/            contract.json, plan.json, src/ (the user's loose modules), export.json
    .airflowignore   keeps Airflow from looking for DAGs in that folder

This module decides *what* the file says; ``templates/airflow/dag.py.jinja`` says where it stands.
It imports no Airflow, and everything that differs between versions of Airflow is in ``_IMPORTS``.
The worker side is :mod:`synaflow_export.runtime.airflow`. Facts about Airflow that shape the file:

* a return annotation ``-> dict`` would silently switch ``multiple_outputs`` on: there is none;
* an argument named like a context key (``params``, ``run_id``) is refused when the task runs:
  arguments carry references, and are called ``<dataset>_ref``;
* a required param in a scheduled DAG is an import error: refused here, by name;
* a cron string gives empty data intervals on Airflow 3: ``CronDataIntervalTimetable`` does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError, Problem
from synaflow_export.generated import Editable, GeneratedFile, Role, manifest_file
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.prose import plain
from synaflow_export.pylayout import Group, Node, Prose, call, lay_out, value
from synaflow_export.pyname import (
    BUILTIN_NAMES,
    NameAllocator,
    PyComment,
    PyLiteral,
    PyName,
    TaskId,
    module_safe,
)
from synaflow_export.render import render
from synaflow_export.target import Sources, Target
from synaflow_export.targets import airflow_doc
from synaflow_export.targets.airflow_options import AirflowOptions, duration
from synaflow_export.targets.airflow_params import params_expression, required_params
from synaflow_export.targets.airflow_xcom import xcom_keys

_TEMPLATE = "airflow/dag.py.jinja"

_IMPORTS = PyLiteral(
    "from airflow.sdk import DAG, Param, task\n"
    "from airflow.timetables.interval import CronDataIntervalTimetable"
)
_IMPORTS_WITHOUT_PARAMS = PyLiteral(_IMPORTS.replace("DAG, Param, task", "DAG, task"))

_POLICIES = Editable(
    begin="# --- policies: meant to be edited, kept by the next export " + "-" * 28,
    end="# --- end of policies " + "-" * 66,
)

_IMPORTED = ("DAG", "Param", "task", "timedelta", "Path", "pendulum", "CronDataIntervalTimetable")
_CONSTANTS = ("CRON", "TIMEZONE", "START_DATE", "CATCHUP", "MAX_ACTIVE_RUNS", "TAGS", "PARAMS")
_FURTHER = ("DEFAULT_ARGS", "STORE", "FOLDER", "dag", "context", "run_macro_task")
_NAMES_OF_THE_FILE = frozenset({*_IMPORTED, *_CONSTANTS, *_FURTHER})

_AIRFLOWIGNORE = "# code and documents of exported pipelines: read by tasks, no DAG files\n"


class AirflowTarget(Target[AirflowOptions]):
    """Exports to Apache Airflow 3."""

    name: ClassVar[str] = "airflow"
    options_type: ClassVar[type[AirflowOptions]] = AirflowOptions

    def view(
        self,
        plan: Plan,
        contract: Contract,
        options: AirflowOptions,
        sources: Sources,
        templates: Path | None = None,
    ) -> tuple[GeneratedFile, ...]:
        """Make the DAG file and the folder beside it; see :meth:`Target.view`."""
        dag_id = options.dag_id or TaskId.of(plan.pipeline, "pipeline")
        folder = PyName.of(dag_id, "pipeline")
        module = module_safe(dag_id, "_dag")
        found = [*self.unsupported(contract), *_problems(plan, contract, options, sources, module)]
        if found:
            raise ExportError(f"'{plan.pipeline}' cannot be exported to Airflow as asked", found)

        dag = _DagView.of(plan, contract, options, sources, dag_id, folder)
        text = render(_TEMPLATE, {"dag": dag}, templates)
        in_folder = (
            GeneratedFile(f"{folder}/contract.json", contract.to_json().decode()),
            GeneratedFile(f"{folder}/plan.json", plan.to_json().decode()),
            *(GeneratedFile(f"{folder}/src/{file.path}", file.text) for file in sources.files),
        )
        dag_file = GeneratedFile(f"{module}.py", text, editable=_POLICIES)
        manifest = manifest_file(folder, self.name, plan.pipeline, dag_id, (*in_folder, dag_file))
        ignored = GeneratedFile(".airflowignore", f"{_AIRFLOWIGNORE}{folder}/\n", Role.SHARED)
        # The DAG file comes last: Airflow must not see it before all that it refers to is there.
        return (ignored, *in_folder, manifest, dag_file)


def _problems(
    plan: Plan, contract: Contract, options: AirflowOptions, sources: Sources, module: str
) -> Iterator[Problem]:
    yield from options.problems()
    if options.schedule is not None:
        for name in required_params(contract.params_schema):
            yield Problem(
                where=contract.name,
                subject=f"param '{name}'",
                code="required-param-with-schedule",
                message="it has no default, and nobody is there to give a scheduled run its value",
                hint="give the field of the params class a default, or export without --schedule",
            )
    if contract.source is None:
        yield Problem(
            where=contract.name,
            subject="source",
            code="no-source",
            message="the contract does not say which module the pipeline is in, so no worker "
            "could import it",
            hint="export from the code (pipe.py), or make the contract with "
            "synaflow-export contract pipe.py",
        )
    if not sources.files and contract.source and contract.source.module.split(".")[0] == module:
        yield Problem(
            where=contract.name,
            subject=f"module '{contract.source.module}'",
            code="shadowed-module",
            message=f"the DAG file {module}.py would hide it from the workers",
            hint="give the DAG another id with --id, or rename the module",
        )
    if not plan.macro_tasks:
        yield Problem(
            where=contract.name,
            subject=f"pipeline '{contract.name}'",
            code="no-steps",
            message="there is nothing to run: the pipeline has no steps",
            hint="add a step",
        )


@dataclass(frozen=True)
class _TaskView:
    """One ``@task`` function, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    call: PyLiteral


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
    tags: PyLiteral
    default_args: PyLiteral
    store: PyLiteral
    folder: PyLiteral
    params: PyLiteral | None
    identity: tuple[PyLiteral, ...]
    tasks: tuple[_TaskView, ...]
    wiring: tuple[PyLiteral, ...]

    @classmethod
    def of(
        cls,
        plan: Plan,
        contract: Contract,
        options: AirflowOptions,
        sources: Sources,
        dag_id: str,
        folder: str,
    ) -> _DagView:
        wires = _Wires(plan)
        params = params_expression(contract.params_schema) if contract.params else None
        return cls(
            header=airflow_doc.header(contract, plan, options, sources),
            doc=airflow_doc.module_doc(plan, contract, wires.task_ids),
            imports=_IMPORTS if contract.params else _IMPORTS_WITHOUT_PARAMS,
            policies_begin=_POLICIES.begin,
            policies_end=_POLICIES.end,
            cron=PyLiteral.of(options.schedule),
            timezone=PyLiteral.of(options.timezone),
            start_date=_start_date(options.start),
            catchup=PyLiteral.of(options.catchup),
            max_active_runs=PyLiteral.of(options.max_active_runs),
            tags=lay_out("TAGS = ", value(list(options.tags))),
            default_args=lay_out("DEFAULT_ARGS = ", _default_args(options)),
            store=lay_out("STORE = ", value(options.store)),
            folder=lay_out("FOLDER = ", call("Path(__file__).with_name", [value(folder)])),
            params=None if params is None else lay_out("PARAMS = ", params),
            identity=tuple(_identity(plan.pipeline, contract.description, dag_id)),
            tasks=tuple(_task(task, contract, wires) for task in plan.macro_tasks),
            wiring=tuple(_wiring(plan, wires)),
        )


class _Word(PyName):
    """An identifier of a length that leaves room for others on the same line."""

    __slots__ = ()
    max_length = 56


class _Wires:
    """The names in one file: of functions, task ids and the variables that hold references."""

    def __init__(self, plan: Plan) -> None:
        names = [task.name for task in plan.macro_tasks]
        self._words = NameAllocator(_Word, _NAMES_OF_THE_FILE | BUILTIN_NAMES, "task")
        self.functions = self._words.allocate_all(names, "function")
        self.task_ids = NameAllocator(TaskId, fallback="task").allocate_all(names)
        self._producers = {
            output.dataset: task for task in plan.macro_tasks for output in task.outputs
        }

    def parameter(self, dataset: str) -> _Word:
        """The argument that carries the reference of a dataset into a task."""
        return self._words.allocate(f"{dataset}_ref", "reference")

    def result(self, task: MacroTask) -> _Word:
        """The variable that holds what calling a task's function gives."""
        if len(task.outputs) == 1:
            return self.parameter(task.outputs[0].dataset)
        suffix = "refs" if task.outputs else "done"
        return self._words.allocate(f"{task.name}_{suffix}", "result")

    def reference(self, dataset: str) -> Node:
        """The expression for a dataset's reference where the tasks are wired."""
        producer = self._producers[dataset]
        result = self.result(producer)
        if len(producer.outputs) == 1:
            return PyLiteral(result)
        key = xcom_keys(output.dataset for output in producer.outputs)[dataset]
        return Group(f"{result}[", "]", (("", value(key)),), comma=False)


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


def _default_args(options: AirflowOptions) -> Group:
    arguments = {
        "owner": value(options.owner),
        "retries": value(options.retries),
        "retry_delay": _timedelta(duration(options.retry_delay)),
    }
    if options.execution_timeout is not None:
        arguments["execution_timeout"] = _timedelta(duration(options.execution_timeout))
    rows = tuple((f"{PyLiteral.of(name)}: ", item) for name, item in arguments.items())
    return Group("{", "}", rows, tall=True)


def _timedelta(span: timedelta) -> Node:
    """A duration in the largest unit of which it is a whole number."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        count, rest = divmod(span, timedelta(seconds=size))
        if count and not rest:
            return PyLiteral(f"timedelta({unit}={count})")
    return PyLiteral(f"timedelta(seconds={span.total_seconds():g})")


def _task(task: MacroTask, contract: Contract, wires: _Wires) -> _TaskView:
    function, task_id = wires.functions[task.name], wires.task_ids[task.name]
    given: dict[str, Node | str] = {}
    if str(task_id) != str(function):
        given["task_id"] = value(str(task_id))
    if len(task.outputs) > 1:
        given["multiple_outputs"] = value(True)
    parameters = {out.dataset: wires.parameter(out.dataset) for out in task.inputs}
    inputs = Group(
        "{", "}", tuple((f"{PyLiteral.of(name)}: ", PyLiteral(p)) for name, p in parameters.items())
    )
    run = call(
        "run_macro_task",
        ["FOLDER", value(task.name)],
        {**({"inputs": inputs} if parameters else {}), "store": "STORE", "context": "context"},
    )
    return _TaskView(
        decorator=lay_out("@", call("task", named=given) if given else PyLiteral("task"), depth=1),
        signature=lay_out(
            "", call(f"def {function}", [*parameters.values(), "**context"]), ":", depth=1
        ),
        doc=airflow_doc.task_doc(task, contract),
        call=lay_out("return " if task.outputs else "", run, depth=2),
    )


def _wiring(plan: Plan, wires: _Wires) -> Iterator[PyLiteral]:
    """Call the functions in order; whoever is only waited for, not read, is set before with >>."""
    producers = {dataset.name: dataset.producer_task for dataset in plan.datasets}
    waits = {
        task.name: [
            name
            for name in task.upstream
            if name not in {producers[out.dataset] for out in task.inputs}
        ]
        for task in plan.macro_tasks
    }
    awaited = {name for names in waits.values() for name in names}
    by_name = {task.name: task for task in plan.macro_tasks}
    read = {producers[out.dataset] for task in plan.macro_tasks for out in task.inputs}
    for task in plan.macro_tasks:
        calling = call(
            wires.functions[task.name], [wires.reference(out.dataset) for out in task.inputs]
        )
        named = task.name in read or task.name in awaited or waits[task.name]
        yield lay_out(f"{wires.result(task)} = " if named else "", calling, depth=1)
        for name in waits[task.name]:
            line = f"{wires.result(by_name[name])} >> {wires.result(task)}"
            yield lay_out("", PyLiteral(line), depth=1)
