"""The tasks of an Airflow DAG file and how they are wired: by references, passed as arguments.

The names are those of :class:`synaflow_export.wires.Wires`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.documentation.steps import task_doc
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.pylayout import LINE_LENGTH, Group, Node, call, lay_out, value
from synaflow_export.pyname import PyLiteral
from synaflow_export.wires import Wires

_IMPORTED = ("DAG", "Param", "task", "timedelta", "Path", "pendulum", "CronDataIntervalTimetable")
_CONSTANTS = ("CRON", "TIMEZONE", "START_DATE", "CATCHUP", "MAX_ACTIVE_RUNS", "TAGS", "PARAMS")
_FURTHER = ("DEFAULT_ARGS", "STORE", "FOLDER", "dag", "context", "run_macro_task")
NAMES_OF_THE_FILE = frozenset({*_IMPORTED, *_CONSTANTS, *_FURTHER})


@dataclass(frozen=True)
class TaskView:
    """One ``@task`` function, ready to paste."""

    decorator: PyLiteral
    signature: PyLiteral
    doc: PyLiteral
    call: PyLiteral


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
        doc=task_doc(task, contract),
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
