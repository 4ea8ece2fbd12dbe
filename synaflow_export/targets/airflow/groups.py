"""Which task stands in which task group: an included pipeline is a group, nested as it is included.

A macro-task stands in the innermost include that holds all of its steps. A group of a single task
would say nothing, so there is none. Ids are unique in their group; Airflow puts the ids of the
groups around a task before its own, and takes 250 characters in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from synaflow_core.contract import Contract
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.pyname import NameAllocator, TaskId
from synaflow_export.scopes import Scope, around, common_scope, shared

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
        tasks: Macro-task -> place.
        groups: Scope -> id of its group within the group around it.
    """

    tasks: Mapping[str, Place]
    groups: Mapping[Scope, str]

    def task_ids(self) -> dict[str, str]:
        """Macro-task -> its id in the DAG."""
        return {name: place.task_id for name, place in self.tasks.items()}

    @classmethod
    def of(cls, plan: Plan, contract: Contract) -> Places:
        """Find the place of every macro-task."""
        scopes = {task.name: common_scope(task, contract) for task in plan.macro_tasks}
        members = Counter(outer for scope in scopes.values() for outer in around(scope))
        scopes = {name: _worth_a_group(scope, members) for name, scope in scopes.items()}
        labels, groups = _allocated(scopes)
        tasks = {}
        for name, scope in scopes.items():
            path = [*(groups[outer] for outer in around(scope)), labels[name]]
            tasks[name] = Place(scope, labels[name], ".".join(path))
        return cls(tasks, groups)


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
    scopes = {name: place.scope for name, place in places.tasks.items()}
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


def _allocated(scopes: Mapping[str, Scope]) -> tuple[dict[str, TaskId], dict[Scope, str]]:
    """Ids of tasks and groups, unique within the group that they stand in."""
    inside: dict[Scope, list[str]] = {(): []}
    nested: dict[Scope, list[Scope]] = {(): []}
    for name, scope in scopes.items():
        for outer in around(scope):
            if outer not in inside:
                inside[outer], nested[outer] = [], []
                nested[outer[:-1]].append(outer)
        inside[scope].append(name)
    tasks: dict[str, TaskId] = {}
    groups: dict[Scope, str] = {}
    outermost: set[str] = set()  # Airflow wants no inner group called like one of these
    for scope, names in inside.items():  # outermost first
        own = {name: _own_name(name, scope) for name in names}
        labels = NameAllocator(TaskId, fallback="task")
        for name in sorted(own, key=lambda name: not TaskId.is_legal(own[name])):
            tasks[name] = labels.allocate(own[name], name)
        taken = outermost.union(tasks[name] for name in names)
        words = NameAllocator(_Label, taken, "group").allocate_all(g[-1] for g in nested[scope])
        groups.update((group, words[group[-1]]) for group in nested[scope])
        if not scope:
            outermost = taken.union(words.values())
    return tasks, groups


def _own_name(name: str, scope: Scope) -> str:
    """The name of a macro-task without the includes around it; what an include exports has its."""
    if scope and name == "__".join(scope):
        return scope[-1]
    return name.removeprefix("".join(f"{include}__" for include in scope))
