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
from synaflow_export.prose import code, docstring_of, wrapped
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

    def tasks(self, task: MacroTask) -> tuple[TaskView, ...]:
        """The function of one macro-task; two for one that runs in shards."""
        return (self._run(task),) if task.shards is None else (self._run(task), self._join(task))

    def _run(self, task: MacroTask) -> TaskView:
        is_async = self.contract.engine == "async"
        function = self.wires.functions[task.name]
        reads = {
            entry.dataset: self.refs(self.wires.producer(entry.dataset)) for entry in task.inputs
        }
        arguments = ["run: Run", *(f"{refs}: Refs" for refs in dict.fromkeys(reads.values()))]
        inputs = Group(
            "{",
            "}",
            tuple((f"{PyLiteral.of(name)}: ", _item(refs, name)) for name, refs in reads.items()),
        )
        body = call(
            "run_macro_task_async" if is_async else "run_macro_task",
            ["run", value(task.name), *([inputs] if reads else [])],
            {} if task.shards is None else {"shard": "shard"},
        )
        returned = "Refs" if task.shards is None else "Part"
        if task.shards is not None:
            arguments.append("shard: Shard")
        prefix = "async def" if is_async else "def"
        return TaskView(
            decorator=lay_out("@", self._decorator(task)),
            signature=lay_out("", call(f"{prefix} {function}", arguments), f" -> {returned}:"),
            doc=task_doc(task, self.contract, depth=1),
            call=lay_out("return await " if is_async else "return ", body, depth=1),
        )

    def _join(self, task: MacroTask) -> TaskView:
        """The task that makes one dataset of what the shards wrote."""
        name = code(task.name, 60)
        return TaskView(
            decorator=lay_out("@", Group("task(", ")", (("**", PyLiteral("TASK")),))),
            signature=lay_out(
                "",
                call(f"def {self._joining(task)}", ["run: Run", "parts: list[Part]"]),
                " -> Refs:",
            ),
            doc=docstring_of(
                wrapped(
                    f"Joins the shards of {name} and judges them as a whole.", depth=1, first=3
                ),
                depth=1,
            ),
            call=lay_out(
                "return ", call("join_shards", ["run", value(task.name), "parts"]), depth=1
            ),
        )

    def _joining(self, task: MacroTask) -> Word:
        return self.wires.name(f"join_{task.name}", "join")

    def _parts(self, task: MacroTask) -> Word:
        return self.wires.name(f"{task.name}_parts", "parts")

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
            arguments: list[Node | str] = [self.run, *(self.refs(name) for name in read)]
            function = self.wires.functions[task.name]
            if task.shards is None:
                submit = call(f"{function}.submit", arguments, named)
                yield lay_out(f"{self.refs(task.name)} = ", submit, depth=1)
                continue
            sliced = self.refs(self.wires.producer(task.shards.dataset))
            shards = call("plan_shards", [self.run, value(task.name), sliced])
            mapped = [call("unmapped", [argument]) for argument in arguments]
            yield lay_out(
                f"{self._parts(task)} = ",
                call(f"{function}.map", [*mapped, shards], named),
                depth=1,
            )
            join = call(f"{self._joining(task)}.submit", [self.run, self._parts(task)])
            yield lay_out(f"{self.refs(task.name)} = ", join, depth=1)

    def ending(self, function: str, tasks: tuple[MacroTask, ...]) -> PyLiteral:
        """The statement that waits for the tasks and gives back what they made."""
        return lay_out("return ", call(function, [self.run, self._results(tasks)]), depth=1)

    def _results(self, tasks: tuple[MacroTask, ...]) -> Group:
        rows: list[tuple[str, Node]] = []
        for task in tasks:
            if task.shards is not None:
                rows.append(
                    (f"{PyLiteral.of(f'{task.name} (shards)')}: ", PyLiteral(self._parts(task)))
                )
            rows.append((f"{PyLiteral.of(task.name)}: ", PyLiteral(self.refs(task.name))))
        return Group("{", "}", tuple(rows))

    def _decorator(self, task: MacroTask) -> Group:
        named: list[tuple[str, Node]] = []
        task_id = self.wires.task_ids[task.name]
        if str(task_id) != str(self.wires.functions[task.name]):
            named.append(("name=", value(str(task_id))))
        if task.shards is not None:
            named.append(("task_run_name=", value(f"{task_id} {{shard[label]}}")))
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
