"""The tasks of a Prefect flow file and how they are wired: by references, passed as arguments.

The names are those of :class:`synaflow_export.wires.Wires`. Every task returns the references of
all that it wrote, by dataset, so what a task reads is ``rows_refs["rows"]``: a future can be passed
on whole, but nothing can be taken out of it before it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.documentation.steps import task_doc
from synaflow_export.plan.model import MacroTask
from synaflow_export.pylayout import Group, Node, call, lay_out, value
from synaflow_export.pyname import PyLiteral
from synaflow_export.targets.prefect.options import PrefectOptions
from synaflow_export.targets.prefect.policies import own_policies, task_tags
from synaflow_export.wires import Wires, Word


@dataclass(frozen=True)
class TaskView:
    """One ``@task`` function, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    call: PyLiteral


@dataclass(frozen=True)
class Wiring:
    """Writes the tasks of one flow file and the calls that connect them.

    Attributes:
        wires: The names.
        contract: The pipeline's contract.
        options: The options of the export.
        run: The variable that holds the run in the flow.
    """

    wires: Wires
    contract: Contract
    options: PrefectOptions
    run: str

    def task(self, task: MacroTask) -> TaskView:
        """The function of one macro-task."""
        is_async = self.contract.engine == "async"
        function = self.wires.functions[task.name]
        reads = {
            entry.dataset: self.refs(self.wires.producer(entry.dataset)) for entry in task.inputs
        }
        arguments = [f"{refs}: Refs" for refs in dict.fromkeys(reads.values())]
        inputs = Group(
            "{",
            "}",
            tuple((f"{PyLiteral.of(name)}: ", _item(refs, name)) for name, refs in reads.items()),
        )
        body = call(
            "run_macro_task_async" if is_async else "run_macro_task",
            ["run", value(task.name), *([inputs] if reads else [])],
        )
        prefix = "async def" if is_async else "def"
        return TaskView(
            decorator=lay_out("@", self._decorator(task)),
            signature=lay_out(
                "", call(f"{prefix} {function}", ["run: Run", *arguments]), " -> Refs:"
            ),
            doc=task_doc(task, self.contract, depth=1),
            call=lay_out("return await " if is_async else "return ", body, depth=1),
        )

    def refs(self, macro_task: str) -> Word:
        """The variable that holds what calling a task's function gives."""
        return self.wires.name(f"{macro_task}_refs", "result")

    def body(self, tasks: tuple[MacroTask, ...]) -> Iterator[PyLiteral]:
        """Lay out the calls, in order; who must wait for a task but reads nothing of it says so."""
        for task in tasks:
            read = dict.fromkeys(self.wires.producer(entry.dataset) for entry in task.inputs)
            waits = [self.refs(name) for name in task.upstream if name not in read]
            named: dict[str, Node | str] = {}
            if waits:
                named["wait_for"] = Group("[", "]", tuple(("", PyLiteral(w)) for w in waits))
            submit = call(
                f"{self.wires.functions[task.name]}.submit",
                [self.run, *(self.refs(name) for name in read)],
                named,
            )
            yield lay_out(f"{self.refs(task.name)} = ", submit, depth=1)

    def ending(self, function: str, tasks: tuple[MacroTask, ...]) -> PyLiteral:
        """The statement that waits for the tasks and gives back what they made."""
        return lay_out("return ", call(function, [self.run, self._results(tasks)]), depth=1)

    def _results(self, tasks: tuple[MacroTask, ...]) -> Group:
        rows = tuple((f"{PyLiteral.of(t.name)}: ", PyLiteral(self.refs(t.name))) for t in tasks)
        return Group("{", "}", rows)

    def _decorator(self, task: MacroTask) -> Group:
        named: list[tuple[str, Node]] = []
        task_id = self.wires.task_ids[task.name]
        if str(task_id) != str(self.wires.functions[task.name]):
            named.append(("name=", value(str(task_id))))
        if tags := task_tags(task, self.contract, self.options):
            named.append(("tags=", value(tags)))
        named.append(("**", _policies(own_policies(task.name, self.options))))
        return Group("task(", ")", tuple(named))


def _item(refs: str, dataset: str) -> Node:
    return Group(f"{refs}[", "]", (("", value(dataset)),), comma=False)


def _policies(own: Mapping[str, Node]) -> Node:
    """``TASK``, or ``TASK | {...}`` where a task has policies of its own."""
    if not own:
        return PyLiteral("TASK")
    return Group("TASK | {", "}", tuple((f"{PyLiteral.of(k)}: ", v) for k, v in own.items()))
