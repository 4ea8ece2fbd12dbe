"""The task functions of an Airflow DAG file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.documentation.steps import listed_steps, task_doc
from synaflow_export.plan.model import MacroTask
from synaflow_export.targets.airflow.groups import COMPLETE, JOIN, PLAN, ROLLBACK, Places
from synaflow_export.targets.airflow.options import AirflowOptions
from synaflow_export.targets.airflow.policies import own_arguments
from synaflow_export.text.prose import code, docstring_of, wrapped
from synaflow_export.text.pylayout import Group, Node, call, lay_out, value
from synaflow_export.text.pyname import PyLiteral
from synaflow_export.text.wires import Wires

_LABEL = "{{ task.op_kwargs['shard']['label'] }}"


@dataclass(frozen=True)
class TaskView:
    """One ``@task`` function, ready to paste; ``runtime`` is what its body imports."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    runtime: PyLiteral
    call: PyLiteral


@dataclass(frozen=True)
class Tasks:
    """Writes the functions of macro-tasks.

    Attributes:
        contract: The pipeline's contract.
        options: The options.
        wires: The names in the file.
        places: Where the tasks stand.
        outlets: The datasets that are announced.
    """

    contract: Contract
    options: AirflowOptions
    wires: Wires
    places: Places
    outlets: Collection[str]

    def of_run(self) -> Iterator[TaskView]:
        """Write what belongs to the run as a whole: how one that fails is undone."""
        if not self.places.rolls_back:
            return
        where: dict[str, Node | str] = {"store": "STORE", "context": "context"}
        undone = [name for name, step in self.contract.steps.items() if step.rollback is not None]
        yield self._view(
            "",
            ROLLBACK,
            # However long steps may take: rollbacks have the time that they need.
            given={"retries": value(3), "execution_timeout": value(None)},
            parameters=["**context"],
            doc=_one_line(f"Undoes {listed_steps(undone)}, newest first, if the run has failed."),
            runtime="roll_back",
            arguments=where,
        )
        yield self._view(
            "",
            COMPLETE,
            parameters=["**context"],
            doc=_one_line("Fails, and the run with it, unless all is done and nothing undone."),
            runtime="conclude",
            arguments=where,
            returns=False,
        )

    def of(self, task: MacroTask) -> Iterator[TaskView]:
        """Write one macro-task: one function, or three if it is sharded."""
        if task.shards is None:
            yield self._whole(task)
            return
        yield self._plan(task)
        yield self._shard(task)
        yield self._join(task)

    def _whole(self, task: MacroTask) -> TaskView:
        parameters = self._parameters(task)
        given = {**self._writes(task), **own_arguments(self.options, task.name)}
        return self._view(
            task.name,
            given=given,
            parameters=[*parameters.values(), "**context"],
            doc=task_doc(task, self.contract),
            runtime="run_macro_task",
            arguments={**_inputs(parameters), **self._place(task)},
            returns=bool(task.outputs),
        )

    def _plan(self, task: MacroTask) -> TaskView:
        assert task.shards is not None
        sliced = task.shards.dataset
        parameters = {sliced: self.wires.parameter(sliced)}
        text = f"Cuts dataset {code(sliced, 60)} into slices, one per instance of the next task."
        return self._view(
            task.name,
            PLAN,
            parameters=[*parameters.values()],
            doc=_one_line(text),
            runtime="plan_shards",
            arguments=_inputs(parameters),
        )

    def _shard(self, task: MacroTask) -> TaskView:
        parameters = self._parameters(task)
        given = {"map_index_template": value(_LABEL), **own_arguments(self.options, task.name)}
        return self._view(
            task.name,
            given=given,
            parameters=[*parameters.values(), "shard", "**context"],
            doc=task_doc(task, self.contract),
            runtime="run_macro_task",
            arguments={
                **_inputs(parameters),
                "shard": "shard",
                "store": "STORE",
                "context": "context",
            },
        )

    def _join(self, task: MacroTask) -> TaskView:
        made = ", ".join(code(out.dataset, 60) for out in task.outputs)
        text = (
            f"Puts together what the instances wrote: dataset{'s' * (len(task.outputs) > 1)} {made}"
        )
        return self._view(
            task.name,
            JOIN,
            given=self._writes(task),
            parameters=["parts", "**context"],
            doc=_one_line(f"{text}."),
            runtime="join_shards",
            positional=["parts"],
            arguments=self._place(task),
            returns=bool(task.outputs),
        )

    def _view(
        self,
        macro_task: str,
        purpose: str = "",
        *,
        given: Mapping[str, Node | str] | None = None,
        parameters: list[str],
        doc: PyLiteral,
        runtime: str,
        positional: Collection[str] = (),
        arguments: Mapping[str, Node | str],
        returns: bool = True,
    ) -> TaskView:
        function = function_of(self.wires, macro_task, purpose)
        label = self.places.of(macro_task, purpose).label
        own_id = {"task_id": value(str(label))} if str(label) != str(function) else {}
        named: dict[str, Node | str] = {**own_id, **(given or {})}
        of_task = [value(macro_task)] if macro_task else []
        body = call(runtime, ["FOLDER", *of_task, *positional], arguments)
        return TaskView(
            decorator=lay_out(
                "@", call("task", named=named) if named else PyLiteral("task"), depth=1
            ),
            signature=lay_out("", call(f"def {function}", parameters), ":", depth=1),
            doc=doc,
            runtime=PyLiteral(runtime),
            call=lay_out("return " if returns else "", body, depth=2),
        )

    def _parameters(self, task: MacroTask) -> dict[str, str]:
        return {entry.dataset: self.wires.parameter(entry.dataset) for entry in task.inputs}

    def _announced(self, task: MacroTask) -> list[str]:
        return [out.dataset for out in task.outputs if out.dataset in self.outlets]

    def _writes(self, task: MacroTask) -> dict[str, Node]:
        """Arguments of the decorator of a task that returns datasets."""
        several: dict[str, Node] = {"multiple_outputs": value(True)} if task.outputs[1:] else {}
        announced = self._announced(task)
        return {**several, **({"outlets": _listed(announced)} if announced else {})}

    def _place(self, task: MacroTask) -> dict[str, Node | str]:
        outlets = {"outlets": "OUTLETS"} if self._announced(task) else {}
        return {"store": "STORE", **outlets, "context": "context"}


def function_of(wires: Wires, macro_task: str, purpose: str = "") -> str:
    """Name of a function of a macro-task, or of the run as a whole."""
    if not purpose:
        return wires.functions[macro_task]
    return wires.name(f"{purpose}_{macro_task}".strip("_"), purpose)


def _one_line(text: str) -> PyLiteral:
    return docstring_of(wrapped(text, depth=2, first=6), depth=2)  # room for both quotes


def _inputs(parameters: Mapping[str, str]) -> dict[str, Node | str]:
    rows = tuple((f"{PyLiteral.of(name)}: ", PyLiteral(p)) for name, p in parameters.items())
    return {"inputs": Group("{", "}", rows)} if rows else {}


def _listed(datasets: list[str]) -> Group:
    rows = tuple(
        ("", Group("OUTLETS[", "]", (("", value(name)),), comma=False)) for name in datasets
    )
    return Group("[", "]", rows)
