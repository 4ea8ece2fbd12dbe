"""Prefect 3: one flow file, a folder with what its tasks read, and a deployment.

    <id>_flow.py     one ``@flow``; every macro-task is one ``@task`` function
    <id>/            contract.json, plan.json, src/ (the user's loose modules), export.json
    prefect.yaml     the deployment: schedule, work pool, runs at a time; shared by a folder's flows

This module decides *what* the flow file says; ``templates/prefect/flow.py.jinja`` says where it
stands. It imports no Prefect. The worker side is :mod:`synaflow_export.runtime.prefect`, which the
flow file imports. Facts about Prefect that shape the file:

* a failed task that nobody waits for leaves the flow green: ``finish_run`` waits for all;
* ``.map`` iterates whatever it is given, dicts too: all but the shards is ``unmapped``;
* descriptions of parameters are read from ``Args:`` of the docstring, not from ``Field``;
* a params class as one parameter makes a bad form: the parameters are flat, and enums literals,
  so that the file does not need the user's module;
* hooks run before the tasks of a flow that raised have ended, so a flow raises when all have:
  ``plan_shards`` does not, and subflows return their state;
* ``.serve()`` without a ``__main__`` guard serves again in every child process.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from synaflow_core.contract import Contract
from synaflow_export.documentation.header import header
from synaflow_export.documentation.steps import module_doc
from synaflow_export.files.generated import Editable, GeneratedFile, manifest_file
from synaflow_export.plan.model import Plan
from synaflow_export.target import Export, Target
from synaflow_export.targets.prefect.deployment import deployment_file
from synaflow_export.targets.prefect.imports import import_lines
from synaflow_export.targets.prefect.options import PrefectOptions
from synaflow_export.targets.prefect.params import FlowParams, flow_params, unusable_params
from synaflow_export.targets.prefect.policies import (
    has_rollback,
    policies,
    runner_import,
    task_runner,
)
from synaflow_export.targets.prefect.subflows import FlowPart, flow_of
from synaflow_export.targets.prefect.wiring import SubflowView, TaskView, Wiring
from synaflow_export.text.prose import code, docstring_of, plain, sentence, wrapped
from synaflow_export.text.pylayout import Group, call, lay_out, value
from synaflow_export.text.pyname import PyComment, PyLiteral, PyName, TaskId, module_safe
from synaflow_export.text.render import render
from synaflow_export.text.wires import Wires
from synaflow_export.windows.calendar import Window

_TEMPLATE = "prefect/flow.py.jinja"
_OBJECTS = "prefect.client.schemas.objects"
_RUNTIME = "synaflow_export.runtime.prefect"

_POLICIES = Editable(
    begin="# --- policies: meant to be edited, kept by the next export " + "-" * 28,
    end="# --- end of policies " + "-" * 66,
)

_IMPORTED = frozenset(
    {"Any", "Annotated", "BaseModel", "Decimal", "Field", "Literal", "Part"}
    | {"Path", "Refs", "Run", "Shard", "UUID"}
    | {"DaskTaskRunner", "ProcessPoolTaskRunner", "RayTaskRunner", "ThreadPoolTaskRunner"}
    | {"date", "datetime", "flow", "task", "time", "timedelta", "unmapped"}
    | {
        "Flow",
        "FlowRun",
        "State",
        "finish_run",
        "gather_refs",
        "join_shards",
        "may_pass",
        "once_per_run",
        "plan_shards",
    }
    | {"run_macro_task", "run_macro_task_async", "start_run", "undo_run", "until_undone"}
)
_DEFINED = frozenset(
    {"FOLDER", "STORE", "TASK", "TASK_RUNNER", "flow_run", "parts", "run", "shard", "state", "undo"}
)


class PrefectTarget(Target[PrefectOptions]):
    """Exports to Prefect 3."""

    name: ClassVar[str] = "prefect"
    title: ClassVar[str] = "Prefect"
    options_type: ClassVar[type[PrefectOptions]] = PrefectOptions
    default_out: ClassVar[str] = "flows"
    runs_async_pipelines: ClassVar[bool] = True
    maps_shards: ClassVar[bool] = True
    runs_rollbacks: ClassVar[bool] = True
    binds_windows: ClassVar[bool] = True
    groups_includes: ClassVar[bool] = True  # subflows
    limits_concurrency: ClassVar[bool] = True  # tags, which the operator limits

    def backfill_commands(
        self,
        plan: Plan,
        options: PrefectOptions,
        windows: Sequence[Window],
        values: Sequence[Mapping[str, Any]],
    ) -> Iterator[str]:
        """A run of the deployment for each window: Prefect makes up for nothing by itself."""
        name = _flow_id(plan, options)
        for given in values:
            params = " ".join(f"-p {shlex.quote(f'{key}={told}')}" for key, told in given.items())
            yield f"prefect deployment run {shlex.quote(f'{name}/{name}')} {params}"

    def view(self, export: Export[PrefectOptions]) -> tuple[GeneratedFile, ...]:
        """Make the flow file, the folder beside it and the deployment; see :meth:`Target.view`."""
        pipeline = export.plan.pipeline
        flow_id = _flow_id(export.plan, export.options)
        folder = PyName.of(flow_id, "pipeline")
        module = module_safe(flow_id, "_flow")
        self.refuse(export, module=module, more=unusable_params(export.contract))

        flow = _FlowView.of(export, flow_id, folder)
        flow_file = GeneratedFile(
            f"{module}.py",
            render(_TEMPLATE, {"flow": flow}, export.templates),
            editable=_POLICIES,
        )
        deployment = deployment_file(
            flow_id,
            f"{module}.py:{flow.function}",
            export,
        )
        in_folder = export.folder_files(folder)
        ours = (*in_folder, flow_file, deployment)
        return (*in_folder, manifest_file(folder, self.name, pipeline, flow_id, ours), *ours[-2:])


def _flow_id(plan: Plan, options: PrefectOptions) -> str:
    return options.id or TaskId.of(plan.pipeline, "pipeline")


@dataclass(frozen=True)
class _FlowView:
    """All that the template pastes; everything in it is safe, and laid out where it may be long."""

    header: tuple[PyComment, ...]
    doc: PyLiteral
    imports: tuple[PyLiteral, ...]
    policies_begin: str
    policies_end: str
    task_policies: PyLiteral
    task_runner: PyLiteral
    store: PyLiteral
    folder: PyLiteral
    before: tuple[PyLiteral, ...]
    tasks: tuple[TaskView, ...]
    subflows: tuple[SubflowView, ...]
    undoes: bool
    function: PyName
    name: PyLiteral
    signature: PyLiteral
    flow_doc: PyLiteral
    start: PyLiteral
    body: tuple[PyLiteral, ...]

    @classmethod
    def of(cls, export: Export[PrefectOptions], flow_id: str, folder: str) -> _FlowView:
        plan, contract, options = export.plan, export.contract, export.options
        is_async = contract.engine == "async"
        function = _free(PyName.of(flow_id, "pipeline"), {*_IMPORTED, *_DEFINED})
        own = {*_IMPORTED, *_DEFINED, function}
        wires = Wires(plan, {*own, *contract.params})
        params = flow_params(export.params_schema, {*own, *wires.functions.values()})
        run = _free(PyName("run"), contract.params)
        wiring = Wiring(wires, contract, options)
        part = flow_of(plan, contract, inline=options.inline_subflows)
        return cls(
            header=header("prefect", "FLOWS_FOLDER", export),
            doc=module_doc(
                plan,
                contract,
                wires.task_ids,
                column="Prefect task",
                between="results hold references and counts, never data.",
            ),
            imports=import_lines(
                {*_names(part, contract), runner_import(options), *params.imported}
            ),
            policies_begin=_POLICIES.begin,
            policies_end=_POLICIES.end,
            task_policies=lay_out("TASK: dict[str, Any] = ", policies(options)),
            task_runner=lay_out("TASK_RUNNER = ", task_runner(options)),
            store=lay_out("STORE = ", value(options.store)),
            folder=lay_out("FOLDER = ", call("Path(__file__).with_name", [value(folder)])),
            before=params.before,
            tasks=tuple(view for task in plan.macro_tasks for view in wiring.tasks(task)),
            subflows=tuple(wiring.subflow(inner, flow_id) for inner in part.subflows()),
            undoes=any(has_rollback(task, contract) for task in plan.macro_tasks),
            function=function,
            name=lay_out("name=", value(flow_id), ",", depth=1),
            signature=_signature(function, params, is_async),
            flow_doc=_flow_doc(contract.name, contract.description, params),
            start=_start(run, params),
            body=tuple(wiring.body(part, run)),
        )


def _names(part: FlowPart, contract: Contract) -> set[tuple[str, str]]:
    run = "run_macro_task_async" if contract.engine == "async" else "run_macro_task"
    ours = {"Refs", "Run", "finish_run", "may_pass", "once_per_run", run, "start_run"}
    of_prefect = {"flow", "task"}
    if any(task.shards is not None for task in part.tasks()):
        ours |= {"Part", "Shard", "join_shards", "plan_shards"}
        of_prefect.add("unmapped")
    if any(True for _ in part.subflows()):
        ours.add("gather_refs")
    further = set()
    if any(has_rollback(task, contract) for task in part.tasks()):
        ours |= {"undo_run", "until_undone"}
        of_prefect.add("Flow")
        further = {(_OBJECTS, "FlowRun"), (_OBJECTS, "State")}
    return {
        *further,
        ("pathlib", "Path"),
        ("typing", "Any"),
        *(("prefect", name) for name in of_prefect),
        *((_RUNTIME, name) for name in ours),
    }


def _signature(function: str, params: FlowParams, is_async: bool) -> PyLiteral:
    prefix = "async def" if is_async else "def"
    return lay_out("", call(f"{prefix} {function}", params.parameters), " -> Refs:")


def _flow_doc(name: str, description: str, params: FlowParams) -> PyLiteral:
    text = sentence(description) if plain(description) else f"Runs the pipeline {code(name, 60)}."
    lines = wrapped(text, depth=1, first=3)
    if params.docs:
        lines += ["", "Args:", *params.docs]
    return docstring_of(lines, depth=1)


def _start(run: str, params: FlowParams) -> PyLiteral:
    rows = tuple((f"{PyLiteral.of(name)}: ", p) for name, p in params.names.items())
    values = Group("{", "}", rows)
    return lay_out(f"{run} = ", call("start_run", ["FOLDER", values], {"store": "STORE"}), depth=1)


def _free(name: PyName, taken: Iterable[str]) -> PyName:
    used = set(taken)
    while name in used:
        name = PyName.of(f"{name}_")
    return name
