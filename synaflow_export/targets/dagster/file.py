"""What a Dagster definitions file says, ready to paste; the template says where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from synaflow_export.documentation.header import header
from synaflow_export.documentation.steps import module_doc
from synaflow_export.files.generated import Editable
from synaflow_export.options.duration import seconds
from synaflow_export.target import Export
from synaflow_export.targets.dagster.assets import NAMES_OF_THE_FILE, asset
from synaflow_export.targets.dagster.functions import FunctionView, Wiring, retry_policy
from synaflow_export.targets.dagster.names import AssetNames
from synaflow_export.targets.dagster.options import DagsterOptions, owner_of, tags_of
from synaflow_export.targets.dagster.params import ParamsCode, params_code
from synaflow_export.targets.dagster.partitions import partitions
from synaflow_export.text.prose import plain
from synaflow_export.text.pylayout import LINE_LENGTH, Group, Node, Prose, call, lay_out, value
from synaflow_export.text.pyname import PyComment, PyLiteral
from synaflow_export.text.wires import Wires
from synaflow_export.windows.binding import WindowSpec, unbound

POLICIES = Editable(
    begin="# --- policies: meant to be edited, kept by the next export " + "-" * 28,
    end="# --- end of policies " + "-" * 66,
)


@dataclass(frozen=True)
class _Rollback:
    """The decorator of the op that rolls back a failed run, and names of what starts it."""

    op: PyLiteral
    job: PyLiteral
    on_failure: PyLiteral
    on_cancel: PyLiteral

    @classmethod
    def of(cls, name: str) -> _Rollback:
        op = call("dg.op", named={"name": value(f"{name}_undo"), "retry_policy": "RETRY_POLICY"})
        ends = ("_rollback", "_rollback_on_failure", "_rollback_on_cancel")
        return cls(lay_out("@", op), *(PyLiteral.of(f"{name}{end}") for end in ends))


@dataclass(frozen=True)
class FileView:
    """All that the template pastes; everything in it is safe, and laid out where it may be long."""

    header: tuple[PyComment, ...]
    doc: PyLiteral
    typing: PyLiteral | None
    pydantic: bool
    ours: PyLiteral
    policies_begin: str
    policies_end: str
    cron: PyLiteral | None
    partitions: PyLiteral | None
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
    export: PyLiteral
    functions: tuple[FunctionView, ...]
    job: PyLiteral
    rollback: _Rollback | None
    resources: tuple[PyLiteral, ...]
    listed: PyLiteral

    @classmethod
    def of(cls, export: Export[DagsterOptions], name: str) -> FileView:
        """Make the view of a pipeline that Dagster knows by ``name``."""
        plan, contract, options = export.plan, export.contract, export.options
        resource, io = f"{name}_params", f"{name}_io"
        wires = Wires(plan, {*NAMES_OF_THE_FILE, resource})
        schema = unbound(plan.window, contract.params_schema)
        params = params_code(schema, resource, wires) if schema["properties"] else None
        names = AssetNames(name, plan, contract, wires)
        given = (resource, params.name) if params else None
        wiring = Wiring(plan, contract, options, wires, names, given)
        in_steps = any(wiring.in_steps(task) for task in plan.macro_tasks)
        ours = {"Export", "run_macro_task", *(params.ours if params else ())}
        if any(task.inputs for task in plan.macro_tasks):
            ours.add("DatasetRef")
        if contract.undoable:
            ours |= {"roll_back", "rollback_request"}
        if in_steps:
            ours |= {"plan_shards", "run_shard", "join_shards"}
        if all(wiring.in_steps(task) for task in plan.macro_tasks):
            ours.discard("run_macro_task")
        functions = [wires.functions[task.name] for task in plan.macro_tasks]
        columns = {task.name: "/".join(names.keys(task)[0][1:]) for task in plan.macro_tasks}
        return cls(
            export=lay_out("EXPORT = ", _export(name)),
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
            policies_begin=POLICIES.begin,
            policies_end=POLICIES.end,
            cron=None if plan.window else PyLiteral.of(options.schedule),
            partitions=_partitions(plan.window, options),
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
            functions=tuple(view for task in plan.macro_tasks for view in asset(task, wiring)),
            job=lay_out("job = ", _job(name, contract.description)),
            rollback=_Rollback.of(name) if contract.undoable else None,
            resources=tuple(_resources(resource, params)),
            listed=lay_out("assets=", _listed("[", functions, "]"), ",", depth=1),
        )


def _partitions(spec: WindowSpec | None, options: DagsterOptions) -> PyLiteral | None:
    if spec is None:
        return None
    return lay_out("PARTITIONS = ", partitions(spec, options.start.strftime("%Y-%m-%d")))


def _export(name: str) -> Node:
    return call("Export", ["Path(__file__).parent", value(name)], {"store": "STORE"})


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
    if len(line) <= LINE_LENGTH:
        return PyLiteral(line)
    return lay_out(f"from {module} import ", _listed("(", ordered, ")"))


def _listed(opening: str, names: Iterable[str], closing: str) -> Group:
    return Group(opening, closing, tuple(("", PyLiteral(name)) for name in names))
