"""The tasks of an Airflow DAG file and how they are wired: by references, passed as arguments.

Every macro-task is a function; calling the functions in order, each with what the others returned,
makes the graph. One allocator gives names to functions and variables, so none hides another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.pylayout import LINE_LENGTH, Group, Node, call, lay_out, value
from synaflow_export.pyname import BUILTIN_NAMES, NameAllocator, PyLiteral, PyName, TaskId
from synaflow_export.targets import airflow_doc
from synaflow_export.targets.airflow_xcom import xcom_keys

_IMPORTED = ("DAG", "Param", "task", "timedelta", "Path", "pendulum", "CronDataIntervalTimetable")
_CONSTANTS = ("CRON", "TIMEZONE", "START_DATE", "CATCHUP", "MAX_ACTIVE_RUNS", "TAGS", "PARAMS")
_FURTHER = ("DEFAULT_ARGS", "STORE", "FOLDER", "dag", "context", "run_macro_task")
_NAMES_OF_THE_FILE = frozenset({*_IMPORTED, *_CONSTANTS, *_FURTHER})


@dataclass(frozen=True)
class TaskView:
    """One ``@task`` function, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    call: PyLiteral


class _Word(PyName):
    """An identifier of a length that leaves room for others on the same line."""

    __slots__ = ()
    max_length = 56


class Wires:
    """The names in one file: of functions, task ids and the variables that hold references."""

    def __init__(self, plan: Plan) -> None:
        names = [task.name for task in plan.macro_tasks]
        self._words = NameAllocator(_Word, _NAMES_OF_THE_FILE | BUILTIN_NAMES, "task")
        self.functions = self._words.allocate_all(names, "function")
        self.task_ids = NameAllocator(TaskId, fallback="task").allocate_all(names)
        self._producers = {
            output.dataset: task for task in plan.macro_tasks for output in task.outputs
        }

    def producer(self, dataset: str) -> str:
        """Name of the macro-task that writes a dataset."""
        return self._producers[dataset].name

    def parameter(self, dataset: str) -> _Word:
        """The argument that carries the reference of a dataset into a task."""
        return self._words.allocate(f"{dataset}_ref", "reference")

    def result(self, task: MacroTask) -> _Word:
        """The variable that holds what calling a task's function gives."""
        if len(task.outputs) == 1:
            return self.parameter(task.outputs[0].dataset)
        suffix = "refs" if task.outputs else "done"
        return self._words.allocate(f"{task.name}_{suffix}", "result")

    def reference(self, dataset: str) -> Node:
        """The expression for a dataset's reference where the tasks are wired."""
        producer = self._producers[dataset]
        result = self.result(producer)
        if len(producer.outputs) == 1:
            return PyLiteral(result)
        key = xcom_keys(output.dataset for output in producer.outputs)[dataset]
        return Group(f"{result}[", "]", (("", value(key)),), comma=False)


def task_view(task: MacroTask, contract: Contract, wires: Wires) -> TaskView:
    """The function of one macro-task."""
    function, task_id = wires.functions[task.name], wires.task_ids[task.name]
    given: dict[str, Node | str] = {}
    if str(task_id) != str(function):
        given["task_id"] = value(str(task_id))
    if len(task.outputs) > 1:
        given["multiple_outputs"] = value(True)
    parameters = {out.dataset: wires.parameter(out.dataset) for out in task.inputs}
    inputs = Group(
        "{", "}", tuple((f"{PyLiteral.of(name)}: ", PyLiteral(p)) for name, p in parameters.items())
    )
    run = call(
        "run_macro_task",
        ["FOLDER", value(task.name)],
        {**({"inputs": inputs} if parameters else {}), "store": "STORE", "context": "context"},
    )
    return TaskView(
        decorator=lay_out("@", call("task", named=given) if given else PyLiteral("task"), depth=1),
        signature=lay_out(
            "", call(f"def {function}", [*parameters.values(), "**context"]), ":", depth=1
        ),
        doc=airflow_doc.task_doc(task, contract),
        call=lay_out("return " if task.outputs else "", run, depth=2),
    )


def wiring(plan: Plan, wires: Wires) -> Iterator[PyLiteral]:
    """Lay out the calls, in order; who must wait for a task but reads nothing of it follows >>."""
    by_name = {task.name: task for task in plan.macro_tasks}
    read_by = {
        task.name: {wires.producer(entry.dataset) for entry in task.inputs}
        for task in plan.macro_tasks
    }
    waits = {
        task.name: [name for name in task.upstream if name not in read_by[task.name]]
        for task in plan.macro_tasks
    }
    used = {name for names in (*read_by.values(), *waits.values()) for name in names}
    used |= {name for name, names in waits.items() if names}
    for task in plan.macro_tasks:
        calling = call(
            wires.functions[task.name], [wires.reference(entry.dataset) for entry in task.inputs]
        )
        lead = f"{wires.result(task)} = " if task.name in used else ""
        yield lay_out(lead, calling, depth=1)
        for name in waits[task.name]:
            yield _order(wires.result(by_name[name]), wires.result(task))


def _order(first: str, second: str) -> PyLiteral:
    line = f"    {first} >> {second}"
    if len(line) <= LINE_LENGTH:
        return PyLiteral(line)
    return lay_out("", call(f"{first}.set_downstream", [second]), depth=1)
