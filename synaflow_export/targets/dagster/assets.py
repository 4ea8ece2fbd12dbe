"""The assets of a Dagster file: one function per macro-task, wired by references.

A macro-task with one dataset is an ``@dg.asset``, one with several a ``@dg.multi_asset`` that
cannot be subset, because its steps run as a whole. One without datasets, which is there for its
side effects, is an asset without a value. A step that gave nothing makes no materialisation, and
Dagster skips who needs it; where that would skip too much, the output is required and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from synaflow_core.contract import Contract, StepContract, steps_digest
from synaflow_export.documentation.steps import task_doc
from synaflow_export.options.duration import seconds
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.prose import plain, sentence
from synaflow_export.pylayout import Group, Node, Prose, call, lay_out, value
from synaflow_export.pyname import PyLiteral
from synaflow_export.targets.dagster.lineage import Lineage
from synaflow_export.targets.dagster.names import AssetNames, Key
from synaflow_export.targets.dagster.options import DagsterOptions, owner_of
from synaflow_export.wires import Wires

_IMPORTED = "Annotated Any DatasetRef Export Field Iterator Literal Path dg run_macro_task"
_ROLLBACK = "roll_back rollback_job rollback_on_cancel rollback_on_failure rollback_request undo"
_LOWERED = "DecimalText IsoDate IsoDateTime IsoDuration IsoTime UuidText matching one_of"
_CONSTANTS = "CRON EXECUTOR EXPORT IO OWNERS POOL RETRY_POLICY RUN_TAGS SHARED STORE TAGS TIMEZONE"
NAMES_OF_THE_FILE = frozenset(
    f"{_IMPORTED} {_LOWERED} {_CONSTANTS} {_ROLLBACK} context defs job".split()
)

_VERSION_LENGTH = 16


@dataclass(frozen=True)
class AssetView:
    """One function with its decorator, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    call: PyLiteral


class Assets:
    """Writes the assets of one pipeline.

    Args:
        plan: The macro-tasks.
        contract: The steps.
        options: What was chosen.
        wires: Names in the file.
        names: Names in Dagster.
        params: Key and class of the resource of params, if the pipeline has any.
    """

    def __init__(
        self,
        plan: Plan,
        contract: Contract,
        options: DagsterOptions,
        wires: Wires,
        names: AssetNames,
        params: tuple[str, str] | None,
    ) -> None:
        self._plan = plan
        self._contract = contract
        self._options = options
        self._wires = wires
        self._names = names
        self._params = params
        self._undoable = any(step.rollback for step in contract.steps.values())
        self._lineage = Lineage(plan, contract)
        self._skippable = self._lineage.skippable()

    def view(self, task: MacroTask) -> AssetView:
        """The asset of one macro-task."""
        if len(task.outputs) > 1:
            decorator = call("dg.multi_asset", named=self._several(task))
        else:
            decorator = self._shared(task, call("dg.asset", named=self._one(task)))
        run = call(
            "run_macro_task",
            ["context", "EXPORT", value(task.name)],
            {
                **({"inputs": self._inputs(task)} if task.inputs else {}),
                **({"params": self._params[0]} if self._params else {}),
            },
        )
        return AssetView(
            decorator=lay_out("@", decorator),
            signature=self._signature(task),
            doc=task_doc(task, self._contract, depth=1),
            call=lay_out("yield from ", run, depth=1),
        )

    def _one(self, task: MacroTask) -> dict[str, Node | str]:
        """Arguments of ``@dg.asset``."""
        (key,) = self._names.keys(task)
        out = task.outputs[0] if task.outputs else None
        named: dict[str, Node | str] = {"key": value(list(key))}
        named |= self._wired(task)
        others = [other for name in self._only_awaited(task) for other in self._awaited(name)]
        if others:
            named["deps"] = value(others)
        named["group_name"] = value(self._names.group(out.step if out else _namesake(task)))
        named["code_version"] = self._version(task)
        named["metadata"] = call("EXPORT.metadata", [value(out.dataset if out else task.name)])
        if out:
            named["io_manager_key"] = "IO"
        else:
            named["dagster_type"] = "dg.Nothing"
        if out is None or out.dataset in self._skippable:
            named["output_required"] = value(False)
        return named | self._checks(task) | self._policies(task)

    def _several(self, task: MacroTask) -> dict[str, Node | str]:
        """Arguments of ``@dg.multi_asset``."""
        made_from = self._lineage.made_from(task)
        specs = []
        for position, out in enumerate(task.outputs):
            deps = [list(self._names.key(name)) for name in made_from[out.dataset]]
            if position == 0:
                deps += [key for name in self._only_awaited(task) for key in self._awaited(name)]
            named: dict[str, Node | str] = {"deps": value(deps)} if deps else {}
            named["group_name"] = value(self._names.group(out.step))
            if doc := sentence(self._contract.steps[out.step].doc):
                named["description"] = Prose(doc)
            named["code_version"] = self._version(task)
            named["metadata"] = call("EXPORT.metadata", [value(out.dataset)])
            if out.dataset in self._skippable:
                named["skippable"] = value(True)
            key = value(list(self._names.key(out.dataset)))
            spec = self._shared(task, call("dg.AssetSpec", [key], named))
            specs.append(Group(spec.opening, ").with_io_manager_key(IO)", spec.items))
        return {
            "name": value(self._names.ops[task.name]),
            "specs": Group("[", "]", tuple(("", spec) for spec in specs)),
            **self._wired(task),
            "can_subset": value(False),
            **self._checks(task),
            **self._policies(task),
        }

    def _wired(self, task: MacroTask) -> dict[str, Node | str]:
        if not task.inputs:
            return {}
        rows = tuple(
            (
                f"{PyLiteral.of(self._wires.parameter(entry.dataset))}: ",
                call("dg.AssetIn", [value(list(self._names.key(entry.dataset)))]),
            )
            for entry in task.inputs
        )
        return {"ins": Group("{", "}", rows)}

    def _checks(self, task: MacroTask) -> dict[str, Node | str]:
        """Error thresholds as checks of the asset that the failing items are missing from."""
        hosts = [
            (name, self._host(name, task))
            for name in task.steps
            if _limits(self._contract.steps[name])
        ]
        if not hosts:
            return {}
        named = self._names.checks(hosts)
        specs = tuple(
            (
                "",
                call(
                    "dg.AssetCheckSpec",
                    [value(named[step])],
                    {
                        "asset": value(list(key)),
                        "description": Prose(_check_doc(step, self._contract.steps[step])),
                        "blocking": value(True),
                        "metadata": value({"synaflow/step": step}),
                    },
                ),
            )
            for step, key in hosts
        )
        return {"check_specs": Group("[", "]", specs)}

    def _host(self, step: str, task: MacroTask) -> Key:
        """The asset of a step, or the first that is made from what it gives."""
        for out in task.outputs:
            if out.step == step:
                return self._names.key(out.dataset)
        position = task.steps.index(step)
        behind = [out for out in task.outputs if task.steps.index(out.step) > position]
        return self._names.key(behind[0].dataset) if behind else self._names.keys(task)[0]

    def _policies(self, task: MacroTask) -> dict[str, Node | str]:
        own = self._options.own_of(task.name)
        options = self._options.for_task(task.name)
        named: dict[str, Node | str] = {"retry_policy": "RETRY_POLICY"}
        if {"retries", "retry_delay", "retry_backoff"} & set(own):
            named["retry_policy"] = retry_policy(options)
        if self._undoable:
            named["op_tags"] = value({"synaflow/macro_task": task.name})
        if options.pool is not None:
            named["pool"] = value(options.pool) if "pool" in own else "POOL"
        return named

    def _shared(self, task: MacroTask, called: Group) -> Group:
        """The call with what all assets have in common as its last argument."""
        owner = self._options.own_of(task.name).get("owner")
        shared: tuple[str, Node] = ("", PyLiteral("**SHARED"))
        if owner is not None:
            shared = ("**SHARED | ", value({"owners": [owner_of(owner)]}))
        return Group(called.opening, called.closing, (*called.items, shared))

    def _version(self, task: MacroTask) -> Node:
        digest = steps_digest(self._contract, task.steps).removeprefix("sha256:")
        return value(digest[:_VERSION_LENGTH])

    def _only_awaited(self, task: MacroTask) -> list[str]:
        read = {self._wires.producer(entry.dataset) for entry in task.inputs}
        return [name for name in task.upstream if name not in read]

    def _awaited(self, task: str) -> list[list[str]]:
        return [list(self._names.keys(self._plan.task(task))[0])]

    def _inputs(self, task: MacroTask) -> Group:
        rows = (
            (f"{PyLiteral.of(entry.dataset)}: ", PyLiteral(self._wires.parameter(entry.dataset)))
            for entry in task.inputs
        )
        return Group("{", "}", tuple(rows))

    def _signature(self, task: MacroTask) -> PyLiteral:
        arguments = ["context: dg.AssetExecutionContext"]
        for entry in task.inputs:
            absent = "" if entry.dataset in self._skippable else " | None"
            arguments.append(f"{self._wires.parameter(entry.dataset)}: DatasetRef{absent}")
        if self._params:
            arguments.append(f"{self._params[0]}: {self._params[1]}")
        function = call(f"def {self._wires.functions[task.name]}", arguments)
        return lay_out("", function, " -> Iterator[dg.MaterializeResult]:")


def retry_policy(options: DagsterOptions) -> Node:
    """The retries as Dagster's policy."""
    named: dict[str, Node | str] = {
        "max_retries": value(options.retries),
        "delay": value(seconds(options.retry_delay)),
    }
    if options.retry_backoff == 2:
        named["backoff"] = "dg.Backoff.EXPONENTIAL"
    return call("dg.RetryPolicy", named=named)


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
