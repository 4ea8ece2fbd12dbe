"""What the functions of a Dagster file have in common: arguments, policies, versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from synaflow_core.contract import Contract, steps_digest
from synaflow_export.options.duration import seconds
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.targets.dagster.lineage import Lineage
from synaflow_export.targets.dagster.names import AssetNames
from synaflow_export.targets.dagster.options import DagsterOptions, owner_of
from synaflow_export.text.pylayout import Group, Node, call, value
from synaflow_export.text.pyname import PyLiteral
from synaflow_export.text.wires import Wires

_VERSION_LENGTH = 16


@dataclass(frozen=True)
class FunctionView:
    """One function with its decorator, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    body: tuple[PyLiteral, ...]


class Wiring:
    """What the functions of one file refer to.

    Args:
        plan: The macro-tasks.
        contract: The steps.
        options: What was chosen.
        wires: Names in the file.
        names: Names in Dagster.
        resource: Key and class of the resource of params, if the pipeline has any.
    """

    def __init__(
        self,
        plan: Plan,
        contract: Contract,
        options: DagsterOptions,
        wires: Wires,
        names: AssetNames,
        resource: tuple[str, str] | None,
    ) -> None:
        self.plan = plan
        self.contract = contract
        self.wires = wires
        self.names = names
        self._options = options
        self._resource = resource
        self.lineage = Lineage(plan, contract)
        in_steps = {
            out.dataset for task in plan.macro_tasks if self.in_steps(task) for out in task.outputs
        }
        self.skippable = self.lineage.skippable() - in_steps

    def in_steps(self, task: MacroTask) -> bool:
        """The shards of a macro-task are steps of Dagster's own."""
        return task.shards is not None and self._options.shard_steps

    def step(self, task: MacroTask, step: str) -> str:
        """Name of the function of one of the ops of a sharded macro-task."""
        return self.wires.name(f"{self.wires.functions[task.name]}_{step}", "shard step")

    def inputs(self, datasets: Iterable[str]) -> Group:
        """The argument ``inputs``."""
        rows = (
            (f"{PyLiteral.of(dataset)}: ", PyLiteral(self.wires.parameter(dataset)))
            for dataset in datasets
        )
        return Group("{", "}", tuple(rows))

    def params(self) -> dict[str, Node | str]:
        """The argument ``params``, where there are any."""
        return {"params": self._resource[0]} if self._resource else {}

    def typed(self, dataset: str) -> str:
        """A parameter with its annotation."""
        absent = "" if dataset in self.skippable else " | None"
        return f"{self.wires.parameter(dataset)}: DatasetRef{absent}"

    def typed_params(self) -> list[str]:
        """The parameter for the resource of params, where there are any."""
        return [f"{self._resource[0]}: {self._resource[1]}"] if self._resource else []

    def ins(self, task: MacroTask) -> dict[str, Node | str]:
        """The argument ``ins`` of an asset: parameter -> key."""
        if not task.inputs:
            return {}
        rows = tuple(
            (
                f"{PyLiteral.of(self.wires.parameter(entry.dataset))}: ",
                call("dg.AssetIn", [value(list(self.names.key(entry.dataset)))]),
            )
            for entry in task.inputs
        )
        return {"ins": Group("{", "}", rows)}

    def awaited(self, task: MacroTask) -> list[list[str]]:
        """Keys of the assets that a macro-task waits for and reads nothing of."""
        read = {self.wires.producer(entry.dataset) for entry in task.inputs}
        tasks = [self.plan.task(name) for name in task.upstream if name not in read]
        return [list(self.names.keys(each)[0]) for each in tasks]

    def version(self, task: MacroTask) -> Node:
        """The version of the code that runs in a macro-task."""
        digest = steps_digest(self.contract, task.steps).removeprefix("sha256:")
        return value(digest[:_VERSION_LENGTH])

    def policies(
        self, task: MacroTask, *, pooled: bool = True, tags_name: str = "op_tags"
    ) -> dict[str, Node | str]:
        """Arguments that say how a macro-task is run."""
        own = self._options.own_of(task.name)
        options = self._options.for_task(task.name)
        named: dict[str, Node | str] = {"retry_policy": "RETRY_POLICY"}
        if {"retries", "retry_delay", "retry_backoff"} & set(own):
            named["retry_policy"] = retry_policy(options)
        if self.contract.undoable:
            named[tags_name] = value({"synaflow/macro_task": task.name})
        if options.pool is not None and pooled:
            named["pool"] = value(options.pool) if "pool" in own else "POOL"
        return named

    def shared(self, task: MacroTask, called: Group) -> Group:
        """The call with what all assets have in common as its last argument."""
        owner = self._options.own_of(task.name).get("owner")
        shared: tuple[str, Node] = ("", PyLiteral("**SHARED"))
        if owner is not None:
            shared = ("**SHARED | ", value({"owners": [owner_of(owner)]}))
        return Group(called.opening, called.closing, (*called.items, shared))


def retry_policy(options: DagsterOptions) -> Node:
    """The retries as Dagster's policy."""
    named: dict[str, Node | str] = {
        "max_retries": value(options.retries),
        "delay": value(seconds(options.retry_delay)),
    }
    if options.retry_backoff == 2:
        named["backoff"] = "dg.Backoff.EXPONENTIAL"
    return call("dg.RetryPolicy", named=named)
