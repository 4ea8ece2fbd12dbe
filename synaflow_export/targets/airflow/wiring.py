"""How the tasks of an Airflow DAG file are wired: by references, in blocks of task groups.

Calling the task functions in order makes the DAG; what one returns is an argument of others. Calls
inside ``with TaskGroup(...):`` make tasks of that group. The names are those of
:class:`synaflow_export.wires.Wires`, the groups those of :mod:`.groups`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from synaflow_core.contract import Contract
from synaflow_export.plan.model import Plan
from synaflow_export.prose import plain
from synaflow_export.pylayout import LINE_LENGTH, Prose, call, lay_out, value
from synaflow_export.pyname import PyLiteral
from synaflow_export.scopes import Scope
from synaflow_export.targets.airflow.groups import Places, in_blocks
from synaflow_export.targets.airflow.versions import NAMES
from synaflow_export.wires import Wires

_IMPORTED = ("timedelta", "Path", "pendulum", *NAMES)
_CONSTANTS = ("CRON", "TIMEZONE", "START_DATE", "CATCHUP", "MAX_ACTIVE_RUNS", "TAGS", "PARAMS")
_FURTHER = (
    "MAX_ACTIVE_TASKS",
    "DATE_TIME",
    "DEFAULT_ARGS",
    "STORE",
    "FOLDER",
    "OUTLETS",
    "dag",
    "context",
)
NAMES_OF_THE_FILE = frozenset({*_IMPORTED, *_CONSTANTS, *_FURTHER, "run_macro_task"})


def wiring(plan: Plan, contract: Contract, wires: Wires, places: Places) -> Iterator[PyLiteral]:
    """Lay out the calls, in order, and the groups that they stand in."""
    by_name = {task.name: task for task in plan.macro_tasks}
    waits = dict(_waits(plan, wires))
    used = _used(plan, wires, waits)
    groups = _Groups(plan, contract, wires, places)
    for task in in_blocks(plan, places):
        yield from groups.enter(places.tasks[task.name].scope)
        depth = 1 + len(places.tasks[task.name].scope)
        calling = call(
            wires.functions[task.name], [wires.reference(entry.dataset) for entry in task.inputs]
        )
        lead = f"{wires.result(task)} = " if task.name in used else ""
        yield lay_out(lead, calling, depth=depth)
        for name in waits[task.name]:
            yield _order(wires.result(by_name[name]), wires.result(task), depth)


class _Groups:
    """The blocks of task groups while the calls are laid out."""

    def __init__(self, plan: Plan, contract: Contract, wires: Wires, places: Places) -> None:
        self._places = places
        self._wires = wires
        self._here: Scope = ()
        self._entered: set[Scope] = set()
        self._entries = _entries(plan, places)
        self._pipelines = {
            tuple(step.scope): step.pipeline for step in contract.steps.values() if step.scope
        }

    def enter(self, scope: Scope) -> Iterator[PyLiteral]:
        """Open the blocks that lead from the last call to one in ``scope``."""
        shared = 0
        while self._here[: shared + 1] == scope[: shared + 1] and shared < len(scope):
            shared += 1
        for depth in range(shared, len(scope)):
            yield from self._open(scope[: depth + 1], depth + 1)
        self._here = scope

    def _open(self, scope: Scope, depth: int) -> Iterator[PyLiteral]:
        variable = self._wires.name(f"{'_'.join(scope)}_group", f"group {scope!r}")
        if scope in self._entered:
            yield PyLiteral(f"{'    ' * depth}with {variable}:")
            return
        self._entered.add(scope)
        pipeline = plain(self._pipelines.get(scope, ""))
        tooltip = {"tooltip": Prose(f"Pipeline {pipeline}")} if pipeline else {}
        group = call("TaskGroup", [value(self._places.groups[scope])], tooltip)
        trail = f" as {variable}:" if self._entries[scope] > 1 else ":"
        yield lay_out("with ", group, trail, depth=depth)


def _entries(plan: Plan, places: Places) -> Counter[Scope]:
    """How often the block of each group is opened."""
    found: Counter[Scope] = Counter()
    before: Scope = ()
    for task in in_blocks(plan, places):
        scope = places.tasks[task.name].scope
        for depth in range(len(scope)):
            if scope[: depth + 1] != before[: depth + 1]:
                found[scope[: depth + 1]] += 1
        before = scope
    return found


def _waits(plan: Plan, wires: Wires) -> Iterator[tuple[str, list[str]]]:
    """Macro-task -> those that it must come after although it reads nothing of theirs."""
    for task in plan.macro_tasks:
        read = {wires.producer(entry.dataset) for entry in task.inputs}
        yield task.name, [name for name in task.upstream if name not in read]


def _used(plan: Plan, wires: Wires, waits: dict[str, list[str]]) -> set[str]:
    """The macro-tasks whose result is needed by name."""
    read = {wires.producer(entry.dataset) for task in plan.macro_tasks for entry in task.inputs}
    waited_for = {name for names in waits.values() for name in names}
    return read | waited_for | {name for name, names in waits.items() if names}


def _order(first: str, second: str, depth: int) -> PyLiteral:
    line = f"{'    ' * depth}{first} >> {second}"
    if len(line) <= LINE_LENGTH:
        return PyLiteral(line)
    return lay_out("", call(f"{first}.set_downstream", [second]), depth=depth)
