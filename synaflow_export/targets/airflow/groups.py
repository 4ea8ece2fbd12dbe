"""Which task stands in which task group: an included pipeline is a group, nested as it is included.

A macro-task stands in the innermost include that holds all of its steps. A group of a single
macro-task would say nothing, so there is none. A sharded macro-task has two more tasks beside it:
one that cuts its input into slices, one that puts together what its instances wrote. A pipeline
with rollbacks has two that belong to the run as a whole. Ids are unique in their group; Airflow
puts the ids of the groups around a task before its own, and takes 250 characters in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.scopes import Scope, around, common_scope, shared
from synaflow_export.text.pyname import NameAllocator, TaskId

PLAN = "plan"
JOIN = "join"
COMPLETE = "complete"
ROLLBACK = "rollback"
Key = tuple[str, str]
"""A task: what it is for ("" is the work itself), and its macro-task ("" for the whole run)."""

_LONGEST_ID = 250


class _Label(TaskId):
    """The id of a group, short enough for some levels of them."""

    __slots__ = ()
    max_length = 40


@dataclass(frozen=True)
class Place:
    """Where one task stands.

    Attributes:
        scope: Names of the includes whose groups it is in, outermost first.
        label: Its id in the group: ``kept``.
        task_id: Its id in the DAG: ``cleaned.kept``.
    """

    scope: Scope
    label: TaskId
    task_id: str


@dataclass(frozen=True)
class Places:
    """Where all tasks stand.

    Attributes:
        places: Task -> place.
        groups: Scope -> id of its group within the group around it.
    """

    places: Mapping[Key, Place]
    groups: Mapping[Scope, str]

    def of(self, macro_task: str, purpose: str = "") -> Place:
        """Where a macro-task stands, or the task beside it that has a purpose of its own."""
        return self.places[purpose, macro_task]

    def task_ids(self) -> dict[str, str]:
        """Macro-task -> the id in the DAG of the task that does its work."""
        return {name: p.task_id for (purpose, name), p in self.places.items() if not purpose}

    @property
    def rolls_back(self) -> bool:
        """A run that fails has something to undo."""
        return (ROLLBACK, "") in self.places

    @classmethod
    def find(cls, plan: Plan, contract: Contract) -> Places:
        """Find the place of every task."""
        scopes = {task.name: common_scope(task, contract) for task in plan.macro_tasks}
        members = Counter(outer for scope in scopes.values() for outer in around(scope))
        scopes = {name: _worth_a_group(scope, members) for name, scope in scopes.items()}
        every: dict[Key, Scope] = {("", name): scope for name, scope in scopes.items()}
        for task in plan.macro_tasks:
            if task.shards is not None:
                every |= {(purpose, task.name): scopes[task.name] for purpose in (PLAN, JOIN)}
        if contract.undoable:
            every |= {(COMPLETE, ""): (), (ROLLBACK, ""): ()}
        labels, groups = _allocated(every)
        places = {}
        for key, scope in every.items():
            path = [*(groups[outer] for outer in around(scope)), labels[key]]
            places[key] = Place(scope, labels[key], ".".join(path))
        return cls(places, groups)


def in_blocks(plan: Plan, places: Places) -> list[MacroTask]:
    """The macro-tasks in an order of their wires that keeps those of one group together."""
    if not places.groups:
        return list(plan.macro_tasks)
    waiting = {task.name: len(task.upstream) for task in plan.macro_tasks}
    position = {task.name: index for index, task in enumerate(plan.macro_tasks)}
    downstream: dict[str, list[MacroTask]] = {name: [] for name in waiting}
    for task in plan.macro_tasks:
        for name in task.upstream:
            downstream[name].append(task)
    ready = [task for task in plan.macro_tasks if not waiting[task.name]]
    scopes = {task.name: places.of(task.name).scope for task in plan.macro_tasks}
    found: list[MacroTask] = []
    here: Scope = ()
    while ready:
        task = min(ready, key=lambda task: (-shared(here, scopes[task.name]), position[task.name]))
        ready.remove(task)
        here = scopes[task.name]
        found.append(task)
        for follower in downstream[task.name]:
            waiting[follower.name] -= 1
            if not waiting[follower.name]:
                ready.append(follower)
    return found


def _worth_a_group(scope: Scope, members: Mapping[Scope, int]) -> Scope:
    """The innermost scope around it that has several tasks and leaves room for an id."""
    deepest = (_LONGEST_ID - TaskId.max_length) // (_Label.max_length + 1)
    several = [outer for outer in around(scope[:deepest]) if members[outer] > 1]
    return several[-1] if several else ()


def _allocated(scopes: Mapping[Key, Scope]) -> tuple[dict[Key, TaskId], dict[Scope, str]]:
    """Ids of tasks and groups, unique within the group that they stand in."""
    inside: dict[Scope, list[Key]] = {(): []}
    nested: dict[Scope, list[Scope]] = {(): []}
    for key, scope in scopes.items():
        for outer in around(scope):
            if outer not in inside:
                inside[outer], nested[outer] = [], []
                nested[outer[:-1]].append(outer)
        inside[scope].append(key)
    tasks: dict[Key, TaskId] = {}
    groups: dict[Scope, str] = {}
    outermost: set[str] = set()  # Airflow wants no inner group called like one of these
    for scope, keys in inside.items():  # outermost first
        own = {key: _own_name(key, scope) for key in keys}
        labels = NameAllocator(TaskId, fallback="task")
        # Steps keep their names: those that are legal as they are come first, ours last.
        for key in sorted(own, key=lambda key: (bool(key[0]), not TaskId.is_legal(own[key]))):
            tasks[key] = labels.allocate(own[key], repr(key))
        taken = outermost.union(tasks[key] for key in keys)
        words = NameAllocator(_Label, taken, "group").allocate_all(g[-1] for g in nested[scope])
        groups.update((group, words[group[-1]]) for group in nested[scope])
        if not scope:
            outermost = taken.union(words.values())
    return tasks, groups


def _own_name(key: Key, scope: Scope) -> str:
    """The name of a macro-task without the includes around it; what an include exports has its."""
    purpose, name = key
    if scope and name == "__".join(scope):
        name = scope[-1]
    name = name.removeprefix("".join(f"{include}__" for include in scope))
    return f"{purpose}_{name}".strip("_") if purpose else name
