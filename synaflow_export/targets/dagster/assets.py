"""The assets of a Dagster file: one function per macro-task, wired by references.

A macro-task with one dataset is an ``@dg.asset``, one with several a ``@dg.multi_asset`` that
cannot be subset, because its steps run as a whole. One without datasets, which is there for its
side effects, is an asset without a value. A step that gave nothing makes no materialisation, and
Dagster skips who needs it; where that would skip too much, the output is required and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from synaflow_core.contract import StepContract
from synaflow_export.documentation.steps import task_doc
from synaflow_export.plan.model import MacroTask
from synaflow_export.targets.dagster.functions import FunctionView, Wiring
from synaflow_export.targets.dagster.names import Key
from synaflow_export.targets.dagster.shard_steps import shard_steps
from synaflow_export.text.prose import plain, sentence
from synaflow_export.text.pylayout import Group, Node, Prose, call, lay_out, value

_IMPORTED = "Annotated Any DatasetRef Export Field Iterator Literal Path dg run_macro_task"
_LOWERED = "DecimalText IsoDate IsoDateTime IsoDuration IsoTime UuidText matching one_of"
_POLICIES = "CRON EXECUTOR OWNERS PARTITIONS POOL RETRY_POLICY RUN_TAGS STORE TAGS TIMEZONE"
_CONSTANTS = f"{_POLICIES} EXPORT IO SHARED"
_ROLLBACK = "roll_back rollback_job rollback_on_cancel rollback_on_failure rollback_request undo"
_SHARDS = "join_shards joined parts plan_shards run_shard shard"
_OTHERS = f"{_ROLLBACK} {_SHARDS} context defs job"
NAMES_OF_THE_FILE = frozenset(f"{_IMPORTED} {_LOWERED} {_CONSTANTS} {_OTHERS}".split())


def asset(task: MacroTask, wiring: Wiring) -> Iterator[FunctionView]:
    """Yield the function of one macro-task, last, and before it what it is made of."""
    if wiring.in_steps(task):
        yield from shard_steps(task, wiring)
        return
    if len(task.outputs) > 1:
        decorator = call("dg.multi_asset", named=_several(task, wiring))
    else:
        decorator = wiring.shared(task, call("dg.asset", named=_one(task, wiring)))
    datasets = [entry.dataset for entry in task.inputs]
    run = call(
        "run_macro_task",
        ["context", "EXPORT", value(task.name)],
        {**({"inputs": wiring.inputs(datasets)} if datasets else {}), **wiring.params()},
    )
    arguments = ["context: dg.AssetExecutionContext", *map(wiring.typed, datasets)]
    function = call(
        f"def {wiring.wires.functions[task.name]}", [*arguments, *wiring.typed_params()]
    )
    yield FunctionView(
        decorator=lay_out("@", decorator),
        signature=lay_out("", function, " -> Iterator[dg.MaterializeResult]:"),
        doc=task_doc(task, wiring.contract, depth=1),
        body=(lay_out("yield from ", run, depth=1),),
    )


def _one(task: MacroTask, wiring: Wiring) -> dict[str, Node | str]:
    """Arguments of ``@dg.asset``."""
    (key,) = wiring.names.keys(task)
    out = task.outputs[0] if task.outputs else None
    named: dict[str, Node | str] = {"key": value(list(key)), **wiring.ins(task)}
    if others := wiring.awaited(task):
        named["deps"] = value(others)
    named["group_name"] = value(wiring.names.group(out.step if out else _namesake(task)))
    named["code_version"] = wiring.version(task)
    named["metadata"] = call("EXPORT.metadata", [value(out.dataset if out else task.name)])
    if out:
        named["io_manager_key"] = "IO"
    else:
        named["dagster_type"] = "dg.Nothing"
    if out is None or out.dataset in wiring.skippable:
        named["output_required"] = value(False)
    return named | _checks(task, wiring) | wiring.policies(task)


def _several(task: MacroTask, wiring: Wiring) -> dict[str, Node | str]:
    """Arguments of ``@dg.multi_asset``."""
    made_from = wiring.lineage.made_from(task)
    specs = []
    for position, out in enumerate(task.outputs):
        deps = [list(wiring.names.key(name)) for name in made_from[out.dataset]]
        deps += wiring.awaited(task) if position == 0 else []
        named: dict[str, Node | str] = {"deps": value(deps)} if deps else {}
        named["group_name"] = value(wiring.names.group(out.step))
        if doc := sentence(wiring.contract.steps[out.step].doc):
            named["description"] = Prose(doc)
        named["code_version"] = wiring.version(task)
        named["metadata"] = call("EXPORT.metadata", [value(out.dataset)])
        if out.dataset in wiring.skippable:
            named["skippable"] = value(True)
        key = value(list(wiring.names.key(out.dataset)))
        spec = wiring.shared(task, call("dg.AssetSpec", [key], named))
        specs.append(Group(spec.opening, ").with_io_manager_key(IO)", spec.items))
    return {
        "name": value(wiring.names.ops[task.name]),
        "specs": Group("[", "]", tuple(("", spec) for spec in specs)),
        **wiring.ins(task),
        "can_subset": value(False),
        **_checks(task, wiring),
        **wiring.policies(task),
    }


def _checks(task: MacroTask, wiring: Wiring) -> dict[str, Node | str]:
    """Error thresholds as checks of the asset that the failing items are missing from."""
    steps = wiring.contract.steps
    hosts = [(name, _host(name, task, wiring)) for name in task.steps if _limits(steps[name])]
    if not hosts:
        return {}
    named = wiring.names.checks(hosts)
    specs = (
        call(
            "dg.AssetCheckSpec",
            [value(named[step])],
            {
                "asset": value(list(key)),
                "description": Prose(_check_doc(step, steps[step])),
                "blocking": value(True),
                "metadata": value({"synaflow/step": step}),
            },
        )
        for step, key in hosts
    )
    return {"check_specs": Group("[", "]", tuple(("", spec) for spec in specs))}


def _host(step: str, task: MacroTask, wiring: Wiring) -> Key:
    """The asset of a step, or the first that is made from what it gives."""
    for out in task.outputs:
        if out.step == step:
            return wiring.names.key(out.dataset)
    position = task.steps.index(step)
    behind = [out for out in task.outputs if task.steps.index(out.step) > position]
    return wiring.names.key(behind[0].dataset) if behind else wiring.names.keys(task)[0]


def _namesake(task: MacroTask) -> str:
    """The step that gives a macro-task without datasets its place among the groups."""
    return task.name if task.name in task.steps else task.steps[-1]


def _limits(step: StepContract) -> tuple[str, ...]:
    limits: list[str] = []
    if step.error_threshold_absolute is not None:
        limits.append(f"at {step.error_threshold_absolute:,}")
    if step.error_threshold_pct is not None:
        limits.append(f"at {step.error_threshold_pct * 100:.4g}% of the calls")
    return tuple(limits)


def _check_doc(step: str, contract: StepContract) -> str:
    limits = " or ".join(_limits(contract))
    return plain(f"Errors of step {step}: warns at the first, fails {limits}.")
