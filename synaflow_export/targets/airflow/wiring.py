"""How the tasks of an Airflow DAG file are wired: by references, in blocks of task groups.

Calling the task functions in order makes the DAG; what one returns is an argument of others. Calls
inside ``with TaskGroup(...):`` make tasks of that group. The names are those of
:class:`synaflow_export.text.wires.Wires`, the groups those of :mod:`.groups`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from synaflow_core.contract import Contract
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.scopes import Scope
from synaflow_export.targets.airflow.groups import COMPLETE, JOIN, PLAN, ROLLBACK, Places, in_blocks
from synaflow_export.targets.airflow.tasks import function_of
from synaflow_export.targets.airflow.versions import NAMES
from synaflow_export.text.prose import plain
from synaflow_export.text.pylayout import (
    LINE_LENGTH,
    Group,
    Node,
    Prose,
    call,
    lay_out,
    value,
    width,
)
from synaflow_export.text.pyname import PyLiteral
from synaflow_export.text.wires import Wires

_IMPORTED = ("timedelta", "cleandoc", "Path", "pendulum", *NAMES)
_CONSTANTS = ("CRON", "TIMEZONE", "START_DATE", "CATCHUP", "MAX_ACTIVE_RUNS", "TAGS", "PARAMS")
_FURTHER = (
    "MAX_ACTIVE_TASKS",
    "DATE_TIME",
    "DEFAULT_ARGS",
    "STORE",
    "FOLDER",
    "OUTLETS",
    "dag",
    "operator",
    "context",
)
_RUNTIME = ("run_macro_task", "plan_shards", "join_shards", "roll_back", "conclude")
_ARGUMENTS = ("shard", "parts", "every_task")
NAMES_OF_THE_FILE = frozenset({*_IMPORTED, *_CONSTANTS, *_FURTHER, *_RUNTIME, *_ARGUMENTS})


def wiring(plan: Plan, contract: Contract, wires: Wires, places: Places) -> Iterator[PyLiteral]:
    """Lay out the calls, in order, and the groups that they stand in."""
    by_name = {task.name: task for task in plan.macro_tasks}
    waits = dict(_waits(plan, wires))
    used = set(by_name) if places.rolls_back else _used(plan, wires, waits)
    groups = _Groups(plan, contract, wires, places)
    for task in in_blocks(plan, places):
        scope = places.of(task.name).scope
        depth = 1 + len(scope)
        yield from groups.enter(scope)
        named = task.name in used
        calls = (
            _call(task, wires, named) if task.shards is None else _mapped(task, wires, named, depth)
        )
        for lead, calling in calls:
            yield lay_out(lead, calling, depth=depth)
        begun = wires.result(task) if task.shards is None else _slices(task, wires)
        for name in waits[task.name]:
            yield _order(wires.result(by_name[name]), begun, depth)
    if places.rolls_back:
        yield from _undoing(plan, wires)


def _undoing(plan: Plan, wires: Wires) -> Iterator[PyLiteral]:
    """The end of the run: it is undone if it failed, and judged."""
    variables = [
        name
        for task in plan.macro_tasks
        for name in (
            (wires.result(task),)
            if task.shards is None
            else (_slices(task, wires), _parts(task, wires), wires.result(task))
        )
    ]
    every = Group("[", "]", tuple(("", PyLiteral(name)) for name in variables))
    undone = wires.name("undone", "result")
    rollback, complete = (function_of(wires, "", purpose) for purpose in (ROLLBACK, COMPLETE))
    yield PyLiteral("")
    yield PyLiteral(
        "    # Teardowns start when all others have ended, however they did. The verdict on the"
    )
    yield PyLiteral("    # run is that of the last task.")
    yield lay_out("every_task = ", every, depth=1)
    yield PyLiteral(f"    {undone} = {rollback}().as_teardown()")
    yield PyLiteral(f"    every_task >> {undone}")
    last = call(f"{complete}().as_teardown", named={"on_failure_fail_dagrun": value(True)})
    yield lay_out(f"[*every_task, {undone}] >> ", last, depth=1)


def _call(task: MacroTask, wires: Wires, named: bool) -> Iterator[tuple[str, Node]]:
    references = [wires.reference(entry.dataset) for entry in task.inputs]
    lead = f"{wires.result(task)} = " if named else ""
    yield lead, call(wires.functions[task.name], references)


def _mapped(task: MacroTask, wires: Wires, named: bool, depth: int) -> Iterator[tuple[str, Node]]:
    """Cut, map and put together."""
    assert task.shards is not None
    slices, parts = _slices(task, wires), _parts(task, wires)
    sliced = wires.reference(task.shards.dataset)
    yield f"{slices} = ", call(function_of(wires, task.name, PLAN), [sliced])
    fixed = tuple(
        (f"{wires.parameter(entry.dataset)}=", wires.reference(entry.dataset))
        for entry in task.inputs
    )
    lead, opening = f"{parts} = ", f"{wires.functions[task.name]}.partial("
    line = Group(f"{lead}{opening}", f").expand(shard={slices})", fixed)
    if 4 * depth + width(line.flat()) <= LINE_LENGTH:
        yield "", line
    else:
        if any(
            width(name) + width(_flat(ref)) + 4 * depth + 9 > LINE_LENGTH for name, ref in fixed
        ):
            lead, opening = (
                "",
                f"{lead}{opening}",
            )  # formatters add no parentheses where it is no use
        yield lead, Group(opening, _expand(slices, depth), fixed, tall=True)
    lead = f"{wires.result(task)} = " if named else ""
    yield lead, call(function_of(wires, task.name, JOIN), [parts])


def _flat(node: Node) -> str:
    return node.flat() if isinstance(node, Group) else str(node)


def _expand(slices: str, depth: int) -> str:
    """What follows the arguments of ``partial``."""
    closing = f").expand(shard={slices})"
    indent = "    " * depth
    if len(indent) + 4 + len(closing) <= LINE_LENGTH:
        return closing
    return f").expand(\n{indent}    shard={slices},\n{indent})"


def _parts(task: MacroTask, wires: Wires) -> str:
    return wires.name(f"{task.name}_parts", "parts")


def _slices(task: MacroTask, wires: Wires) -> str:
    return wires.name(f"{task.name}_slices", "slices")


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
        scope = places.of(task.name).scope
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
