"""The tasks of a Prefect flow file and how they are wired: by references, passed as arguments.

The names are those of :class:`~synaflow_export.text.wires.Wires`. Every task returns the
references of all that it wrote, by dataset, so what a task reads is ``rows_refs["rows"]``: a future
can be passed on whole, but nothing can be taken out of it before it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.documentation.steps import task_doc
from synaflow_export.plan.model import MacroTask
from synaflow_export.targets.prefect.options import PrefectOptions
from synaflow_export.targets.prefect.policies import has_rollback, own_policies, task_tags
from synaflow_export.targets.prefect.subflows import FlowPart
from synaflow_export.text.prose import code, docstring_of, wrapped
from synaflow_export.text.pylayout import Group, Node, call, lay_out, value
from synaflow_export.text.pyname import PyLiteral, TaskId
from synaflow_export.text.wires import Wires, Word


@dataclass(frozen=True)
class TaskView:
    """One ``@task`` function, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    call: PyLiteral


@dataclass(frozen=True)
class SubflowView:
    """The ``@flow`` of an included pipeline, ready to paste."""

    name: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    body: tuple[PyLiteral, ...]


@dataclass(frozen=True)
class Wiring:
    """Writes the tasks of one flow file and the calls that connect them.

    Attributes:
        wires: The names.
        contract: The pipeline's contract.
        options: The options of the export.
    """

    wires: Wires
    contract: Contract
    options: PrefectOptions

    def tasks(self, task: MacroTask) -> tuple[TaskView, ...]:
        """The function of one macro-task; two for one that runs in shards."""
        return (self._run(task),) if task.shards is None else (self._run(task), self._join(task))

    def _run(self, task: MacroTask) -> TaskView:
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
            "run_macro_task_async" if self._is_async else "run_macro_task",
            ["run", value(task.name), *([inputs] if reads else [])],
            {} if task.shards is None else {"shard": "shard"},
        )
        returned = "Refs" if task.shards is None else "Part"
        if task.shards is not None:
            arguments.append("shard: Shard")
        return TaskView(
            decorator=lay_out("@", self._decorator(task)),
            signature=lay_out("", call(f"{self._def}{function}", arguments), f" -> {returned}:"),
            doc=task_doc(task, self.contract, depth=1),
            call=lay_out("return await " if self._is_async else "return ", body, depth=1),
        )

    def _join(self, task: MacroTask) -> TaskView:
        """The task that makes one dataset of what the shards wrote."""
        name = code(task.name, 60)
        return TaskView(
            decorator=lay_out("@", Group("task(", ")", (("**", self._policies(task, {})),))),
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

    def subflow(self, part: FlowPart, flow_id: str) -> SubflowView:
        """The function of one subflow."""
        takes = [self.refs(name) for name in _read_from_outside(part)]
        name = TaskId.of(f"{flow_id}-{'-'.join(part.scope)}", "subflow")
        about = next(self.contract.steps[n].pipeline for t in part.tasks() for n in t.steps)
        doc = f"The included pipeline {code(about, 40)}, as {code('/'.join(part.scope), 40)}."
        head = call(
            f"{self._def}{self._function(part)}", ["run: Run", *(f"{t}: Refs" for t in takes)]
        )
        return SubflowView(
            name=lay_out("name=", value(str(name)), ",", depth=1),
            signature=lay_out("", head, " -> Refs:"),
            doc=docstring_of(wrapped(doc, depth=1, first=3), depth=1),
            body=tuple(self.body(part, "run")),
        )

    def body(self, part: FlowPart, run: str) -> Iterator[PyLiteral]:
        """Lay out the calls of a flow, in order, and the statement that waits for them.

        Args:
            part: The flow or subflow.
            run: The variable that holds the run there.
        """
        found_in = {
            task.name: item
            for item in part.items
            for task in (item.tasks() if isinstance(item, FlowPart) else (item,))
        }
        for item in part.items:
            if isinstance(item, FlowPart):
                read = [self._result(found_in, name) for name in _read_from_outside(item)]
                call_it = call(self._function(item), [run, *read], {"return_state": value(True)})
                lead = f"{self._of_subflow(item)} = {'await ' if self._is_async else ''}"
                yield lay_out(lead, call_it, depth=1)
            else:
                yield from self._submit(item, run, found_in)
        function = "gather_refs" if part.scope else "finish_run"
        yield lay_out("return ", call(function, [run, self._results(part)]), depth=1)

    def _submit(
        self, task: MacroTask, run: str, found_in: Mapping[str, MacroTask | FlowPart]
    ) -> Iterator[PyLiteral]:
        """The call of one task; who waits for a task but reads nothing of it says so."""
        read = dict.fromkeys(self.wires.producer(entry.dataset) for entry in task.inputs)
        waits = [self._result(found_in, name) for name in task.upstream if name not in read]
        named: dict[str, Node | str] = {}
        if waits:
            named["wait_for"] = Group("[", "]", tuple(("", PyLiteral(w)) for w in waits))
        arguments: list[Node | str] = [run, *(self._result(found_in, name) for name in read)]
        function = self.wires.functions[task.name]
        if task.shards is None:
            submit = call(f"{function}.submit", arguments, named)
            yield lay_out(f"{self.refs(task.name)} = ", submit, depth=1)
            return
        sliced = self._result(found_in, self.wires.producer(task.shards.dataset))
        shards = call("plan_shards", [run, value(task.name), sliced])
        mapped = [call("unmapped", [argument]) for argument in arguments]
        yield lay_out(
            f"{self._parts(task)} = ", call(f"{function}.map", [*mapped, shards], named), depth=1
        )
        join = call(f"{self._joining(task)}.submit", [run, self._parts(task)])
        yield lay_out(f"{self.refs(task.name)} = ", join, depth=1)

    def _results(self, part: FlowPart) -> Group:
        rows: list[tuple[str, Node]] = []
        for item in part.items:
            if isinstance(item, FlowPart):
                name, variable = "/".join(item.scope), self._of_subflow(item)
            else:
                name, variable = item.name, self.refs(item.name)
                if item.shards is not None:
                    key = PyLiteral.of(f"{name} (shards)")
                    rows.append((f"{key}: ", PyLiteral(self._parts(item))))
            rows.append((f"{PyLiteral.of(name)}: ", PyLiteral(variable)))
        return Group("{", "}", tuple(rows))

    def _result(self, found_in: Mapping[str, MacroTask | FlowPart], macro_task: str) -> Word:
        """The variable of a flow in which the references are that a macro-task returned."""
        item = found_in.get(macro_task)
        return self._of_subflow(item) if isinstance(item, FlowPart) else self.refs(macro_task)

    def _of_subflow(self, part: FlowPart) -> Word:
        """The variable that holds what a subflow returns; that of the task it is there for."""
        exported = "__".join(part.scope)
        if any(task.name == exported for task in part.tasks()):
            return self.refs(exported)
        return self.wires.name(f"{exported}_refs", "subflow result")

    def _function(self, part: FlowPart) -> Word:
        return self.wires.name(f"{'__'.join(part.scope)}_flow", "subflow")

    @property
    def _is_async(self) -> bool:
        return self.contract.engine == "async"

    @property
    def _def(self) -> str:
        return "async def " if self._is_async else "def "

    def _decorator(self, task: MacroTask) -> Group:
        named: list[tuple[str, Node]] = []
        task_id = self.wires.task_ids[task.name]
        if str(task_id) != str(self.wires.functions[task.name]):
            named.append(("name=", value(str(task_id))))
        if task.shards is not None:
            named.append(("task_run_name=", value(f"{task_id} {{shard[label]}}")))
        if tags := task_tags(task, self.contract, self.options):
            named.append(("tags=", value(tags)))
        own = own_policies(task.name, self.options)
        named.append(("**", self._policies(task, own)))
        return Group("task(", ")", tuple(named))

    def _policies(self, task: MacroTask, own: Mapping[str, Node]) -> Node:
        """``TASK``, or ``TASK | {...}`` where a task has policies of its own."""
        if has_rollback(task, self.contract):
            own = {**own, "cache_key_fn": PyLiteral("until_undone")}
        if not own:
            return PyLiteral("TASK")
        return Group("TASK | {", "}", tuple((f"{PyLiteral.of(k)}: ", v) for k, v in own.items()))


def _read_from_outside(part: FlowPart) -> list[str]:
    """Macro-tasks outside of a subflow that some task in it waits for, in order of need."""
    inside = {task.name for task in part.tasks()}
    wanted = dict.fromkeys(name for task in part.tasks() for name in task.upstream)
    return [name for name in wanted if name not in inside]


def _item(refs: str, dataset: str) -> Node:
    return Group(f"{refs}[", "]", (("", value(dataset)),), comma=False)
