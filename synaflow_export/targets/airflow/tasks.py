"""The task functions of an Airflow DAG file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.documentation.steps import task_doc
from synaflow_export.plan.model import MacroTask
from synaflow_export.pylayout import Group, Node, call, lay_out, value
from synaflow_export.pyname import PyLiteral
from synaflow_export.targets.airflow.groups import Place
from synaflow_export.targets.airflow.options import AirflowOptions
from synaflow_export.targets.airflow.policies import own_arguments
from synaflow_export.wires import Wires


@dataclass(frozen=True)
class TaskView:
    """One ``@task`` function, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    call: PyLiteral

    @classmethod
    def of(
        cls,
        task: MacroTask,
        contract: Contract,
        options: AirflowOptions,
        wires: Wires,
        place: Place,
        outlets: Collection[str],
    ) -> TaskView:
        """The function of one macro-task.

        Args:
            task: The macro-task; the next three are of the whole export.
            contract: The pipeline's contract.
            options: The options.
            wires: The names in the file.
            place: Where the task stands.
            outlets: The datasets that are announced, of all tasks.
        """
        function = wires.functions[task.name]
        announced = [out.dataset for out in task.outputs if out.dataset in outlets]
        given: dict[str, Node | str] = {}
        if str(place.label) != str(function):
            given["task_id"] = value(str(place.label))
        if len(task.outputs) > 1:
            given["multiple_outputs"] = value(True)
        if announced:
            given["outlets"] = _listed(announced)
        given.update(own_arguments(options, task.name))
        parameters = {entry.dataset: wires.parameter(entry.dataset) for entry in task.inputs}
        decorator = call("task", named=given) if given else PyLiteral("task")
        signature = call(f"def {function}", [*parameters.values(), "**context"])
        further: dict[str, Node | str] = {"inputs": _inputs(parameters)} if parameters else {}
        further["store"] = "STORE"
        if announced:
            further["outlets"] = "OUTLETS"
        run = call(
            "run_macro_task", ["FOLDER", value(task.name)], {**further, "context": "context"}
        )
        return cls(
            decorator=lay_out("@", decorator, depth=1),
            signature=lay_out("", signature, ":", depth=1),
            doc=task_doc(task, contract),
            call=lay_out("return " if task.outputs else "", run, depth=2),
        )


def _inputs(parameters: Mapping[str, str]) -> Group:
    rows = tuple((f"{PyLiteral.of(name)}: ", PyLiteral(p)) for name, p in parameters.items())
    return Group("{", "}", rows)


def _listed(datasets: list[str]) -> Group:
    rows = tuple(
        ("", Group("OUTLETS[", "]", (("", value(name)),), comma=False)) for name in datasets
    )
    return Group("[", "]", rows)
