"""Dagster: one folder per pipeline, with the definitions and what they read.

    <name>/definitions.py   imports Dagster and one module of ours; a function per macro-task
    <name>/defs.yaml        tells a dg project that this file is all that it reads here
    <name>/                 contract.json, plan.json, src/ (the user's loose modules), export.json

The folder works by itself (``dagster dev -f <name>/definitions.py``) and inside the ``defs`` folder
of a ``dg`` project, which would import every file below it, ``src/`` too, but for ``defs.yaml``.
This module decides *what* the file says; ``templates/dagster/definitions.py.jinja``
says where it stands. It imports no Dagster. The worker side is
:mod:`synaflow_export.runtime.dagster`. Facts about Dagster that shape the file:

* ``from __future__ import annotations`` breaks ``context: dg.AssetExecutionContext``: the file has
  none;
* keys of resources and names of ops are shared by a whole code location: they begin with the
  pipeline's name;
* a resource with a required field must be configured at launch, or nothing loads;
* a failing blocking check fails its step without another try, also when no dataset was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from synaflow_core.errors import Problem
from synaflow_export.documentation.header import header
from synaflow_export.documentation.steps import module_doc
from synaflow_export.generated import Editable, GeneratedFile, manifest_file
from synaflow_export.options.duration import seconds
from synaflow_export.prose import plain
from synaflow_export.pylayout import Group, Node, Prose, call, lay_out, value
from synaflow_export.pyname import PyComment, PyLiteral
from synaflow_export.render import render
from synaflow_export.target import Export, Target
from synaflow_export.targets.dagster.assets import (
    NAMES_OF_THE_FILE,
    Assets,
    AssetView,
    retry_policy,
)
from synaflow_export.targets.dagster.names import AssetNames, is_pipeline_name, pipeline_name
from synaflow_export.targets.dagster.options import DagsterOptions, owner_of, tags_of
from synaflow_export.targets.dagster.params import ParamsCode, params_code
from synaflow_export.wires import Wires

_TEMPLATE = "dagster/definitions.py.jinja"
_MODULE = "definitions"

_DEFS_YAML = """\
# In a dg project this is all that Dagster reads in this folder: src/ is the pipeline's own code.
type: dagster.DefinitionsComponent
attributes:
  path: definitions.py
"""

_POLICIES = Editable(
    begin="# --- policies: meant to be edited, kept by the next export " + "-" * 28,
    end="# --- end of policies " + "-" * 66,
)


class DagsterTarget(Target[DagsterOptions]):
    """Exports to Dagster."""

    name: ClassVar[str] = "dagster"
    title: ClassVar[str] = "Dagster"
    options_type: ClassVar[type[DagsterOptions]] = DagsterOptions
    default_out: ClassVar[str] = "defs"
    maps_shards: ClassVar[bool] = True  # as processes of one step
    runs_rollbacks: ClassVar[bool] = True
    runs_async_pipelines: ClassVar[bool] = True  # in a sync asset; the runner starts the event loop
    limits_concurrency: ClassVar[bool] = True
    groups_includes: ClassVar[bool] = True
    publishes_lineage: ClassVar[bool] = True

    def view(self, export: Export[DagsterOptions]) -> tuple[GeneratedFile, ...]:
        """Make the folder of one pipeline; see :meth:`Target.view`."""
        pipeline = export.plan.pipeline
        name = export.options.id or pipeline_name(pipeline)
        self.refuse(export, module=_MODULE, more=_bad_name(export.options))

        text = render(_TEMPLATE, {"file": _FileView.of(export, name)}, export.templates)
        in_folder = (
            *export.folder_files(name),
            GeneratedFile(f"{name}/defs.yaml", _DEFS_YAML),
        )
        definitions = GeneratedFile(f"{name}/{_MODULE}.py", text, editable=_POLICIES)
        manifest = manifest_file(name, self.name, pipeline, name, (*in_folder, definitions))
        # The definitions come last: Dagster must not see them before all that they refer to.
        return (*in_folder, manifest, definitions)


def _bad_name(options: DagsterOptions) -> Iterator[Problem]:
    if options.id is not None and not is_pipeline_name(options.id):
        yield Problem(
            options.place("id"),
            "option 'id'",
            "bad-option",
            f"it must be a word of at most 48 letters, digits and '_', got {options.id!r}",
            f"for example --id {pipeline_name(options.id)}",
        )


@dataclass(frozen=True)
class _Rollback:
    """Names of what rolls back a failed run, as literals."""

    pipeline: PyLiteral
    op: PyLiteral
    job: PyLiteral
    on_failure: PyLiteral
    on_cancel: PyLiteral

    @classmethod
    def of(cls, name: str) -> _Rollback:
        ends = ("", "_undo", "_rollback", "_rollback_on_failure", "_rollback_on_cancel")
        return cls(*(PyLiteral.of(f"{name}{end}") for end in ends))


@dataclass(frozen=True)
class _FileView:
    """All that the template pastes; everything in it is safe, and laid out where it may be long."""

    header: tuple[PyComment, ...]
    doc: PyLiteral
    typing: PyLiteral | None
    pydantic: bool
    ours: PyLiteral
    policies_begin: str
    policies_end: str
    cron: PyLiteral
    timezone: PyLiteral
    owners: PyLiteral
    tags: PyLiteral
    run_tags: PyLiteral
    retry_policy: PyLiteral
    pool: PyLiteral | None
    executor: PyLiteral
    store: PyLiteral
    io: PyLiteral
    params: ParamsCode | None
    assets: tuple[AssetView, ...]
    job: PyLiteral
    rollback: _Rollback | None
    resources: tuple[PyLiteral, ...]
    listed: PyLiteral

    @classmethod
    def of(cls, export: Export[DagsterOptions], name: str) -> _FileView:
        plan, contract, options = export.plan, export.contract, export.options
        resource, io = f"{name}_params", f"{name}_io"
        wires = Wires(plan, {*NAMES_OF_THE_FILE, resource})
        params = params_code(contract.params_schema, resource, wires) if contract.params else None
        names = AssetNames(name, plan, contract, wires)
        given = (resource, params.name) if params else None
        assets = Assets(plan, contract, options, wires, names, given)
        ours = {"Export", "run_macro_task", *(params.ours if params else ())}
        if any(task.inputs for task in plan.macro_tasks):
            ours.add("DatasetRef")
        undoable = any(step.rollback for step in contract.steps.values())
        if undoable:
            ours |= {"roll_back", "rollback_request"}
        functions = [wires.functions[task.name] for task in plan.macro_tasks]
        columns = {task.name: "/".join(names.keys(task)[0][1:]) for task in plan.macro_tasks}
        return cls(
            header=header("dagster", "DEFS_FOLDER", export),
            doc=module_doc(
                plan,
                contract,
                columns,
                column="Dagster asset",
                between="assets pass on references and counts, never data.",
            ),
            typing=_import("typing", params.typing) if params and params.typing else None,
            pydantic=bool(params and params.pydantic),
            ours=_import("synaflow_export.runtime.dagster", ours),
            policies_begin=_POLICIES.begin,
            policies_end=_POLICIES.end,
            cron=PyLiteral.of(options.schedule),
            timezone=PyLiteral.of(options.timezone),
            owners=lay_out("OWNERS = ", value(_owners(options))),
            tags=lay_out("TAGS = ", value(tags_of(options.tags))),
            run_tags=lay_out("RUN_TAGS = ", _run_tags(options)),
            retry_policy=lay_out("RETRY_POLICY = ", retry_policy(options)),
            pool=lay_out("POOL = ", value(options.pool)) if options.pool else None,
            executor=lay_out("EXECUTOR = ", _executor(options)),
            store=lay_out("STORE = ", value(options.store)),
            io=lay_out("IO = ", value(io)),
            params=params,
            assets=tuple(assets.view(task) for task in plan.macro_tasks),
            job=lay_out("job = ", _job(name, contract.description)),
            rollback=_Rollback.of(name) if undoable else None,
            resources=tuple(_resources(resource, params)),
            listed=lay_out("assets=", _listed("[", functions, "]"), ",", depth=1),
        )


def _owners(options: DagsterOptions) -> list[str]:
    return [owner_of(options.owner)] if options.owner else []


def _run_tags(options: DagsterOptions) -> Node:
    if options.max_runtime is None:
        return PyLiteral("TAGS")
    longest = str(max(1, round(seconds(options.max_runtime))))
    rows = (("**", PyLiteral("TAGS")), ('"dagster/max_runtime": ', value(longest)))
    return Group("{", "}", rows)


def _executor(options: DagsterOptions) -> Node:
    if options.executor == "in_process":
        return PyLiteral("dg.in_process_executor")
    if options.executor is None and options.concurrency is None:
        return PyLiteral.of(None)
    config: dict[str, object] = {}
    if options.concurrency is not None:
        config["max_concurrent"] = options.concurrency
    # Every step is a new process; one that is forked has Dagster imported already.
    config["start_method"] = {"forkserver": {"preload_modules": ["dagster"]}}
    return call("dg.multiprocess_executor.configured", [value(config)])


def _job(name: str, description: str) -> Node:
    named: dict[str, Node | str] = {
        "selection": value(f'key:"{name}/*"'),
        "tags": "RUN_TAGS",
        "executor_def": "EXECUTOR",
    }
    if plain(description):
        named["description"] = Prose(plain(description))
    return call("dg.define_asset_job", [value(name)], named)


def _resources(resource: str, params: ParamsCode | None) -> Iterator[PyLiteral]:
    if params:
        made = call(f"{params.name}.configure_at_launch" if params.required else params.name)
        yield lay_out(f"{value(resource)}: ", made, ",", depth=2)
    yield lay_out("IO: ", call("EXPORT.io_manager"), ",", depth=2)


def _import(module: str, names: set[str]) -> PyLiteral:
    ordered = sorted(names, key=lambda name: (not name.isupper(), name[:1].islower(), name))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= 88:
        return PyLiteral(line)
    return lay_out(f"from {module} import ", _listed("(", ordered, ")"))


def _listed(opening: str, names: Iterable[str], closing: str) -> Group:
    return Group(opening, closing, tuple(("", PyLiteral(name)) for name in names))
