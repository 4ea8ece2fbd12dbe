"""Which macro-tasks make a subflow: an included pipeline is a flow of its own, nested as included.

A macro-task stands in the innermost include that holds all of its steps. A subflow runs as a whole,
so an include is one only if nothing outside both waits for some of its tasks and makes what others
of them read; and a subflow of a single task would cost a second and say nothing. Where an include
is no subflow its tasks stand in the flow around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from synaflow_core.contract import Contract
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.scopes import Scope, common_scope


@dataclass(frozen=True)
class FlowPart:
    """A flow and what it does, in an order in which that can be written down.

    Attributes:
        scope: Of the include; empty for the flow itself.
        items: Its tasks and subflows.
    """

    scope: Scope
    items: tuple[MacroTask | FlowPart, ...]

    def tasks(self) -> Iterator[MacroTask]:
        """All macro-tasks in it, those of its subflows included."""
        for item in self.items:
            if isinstance(item, MacroTask):
                yield item
            else:
                yield from item.tasks()

    def subflows(self) -> Iterator[FlowPart]:
        """All subflows below it, the innermost first."""
        for item in self.items:
            if isinstance(item, FlowPart):
                yield from item.subflows()
                yield item


def flow_of(plan: Plan, contract: Contract, *, inline: bool = False) -> FlowPart:
    """The flow of a plan, with a subflow for each include that can be one.

    Args:
        plan: The macro-tasks.
        contract: Says which include a step comes from.
        inline: No subflows at all.
    """
    if inline:
        return FlowPart((), plan.macro_tasks)
    scopes = {task.name: common_scope(task, contract) for task in plan.macro_tasks}
    return _part((), list(plan.macro_tasks), scopes)


def _part(scope: Scope, tasks: list[MacroTask], scopes: Mapping[str, Scope]) -> FlowPart:
    """The flow of one scope; ``tasks`` are all those in it, in the plan's order."""
    depth = len(scope) + 1
    groups: dict[Scope, list[MacroTask]] = {}
    for task in tasks:
        if len(scopes[task.name]) >= depth:
            groups.setdefault(scopes[task.name][:depth], []).append(task)
    groups = {inner: members for inner, members in groups.items() if len(members) > 1}
    while True:
        try:
            items = _ordered(tasks, groups)
        except CycleError as error:
            # One of the includes in the circle gives way: its tasks stand beside the others.
            circle = [inner for inner in groups if inner in error.args[1]]
            del groups[circle[-1]]
            continue
        inner_parts = {inner: _part(inner, members, scopes) for inner, members in groups.items()}
        found = tuple(inner_parts[item] if isinstance(item, tuple) else item for item in items)
        only = found[0] if scope and len(found) == 1 else None
        return only if isinstance(only, FlowPart) else FlowPart(scope, found)


def _ordered(
    tasks: list[MacroTask], groups: Mapping[Scope, list[MacroTask]]
) -> list[MacroTask | Scope]:
    """Tasks and groups so that each comes after what it waits for; tasks as early as they can.

    A subflow is waited for where it is called, so what may run beside it is started before it.

    Raises:
        CycleError: Two groups, or a group and a task, wait for each other.
    """
    node_of: dict[str, str | Scope] = {task.name: task.name for task in tasks}
    node_of |= {task.name: inner for inner, members in groups.items() for task in members}
    sorter: TopologicalSorter[str | Scope] = TopologicalSorter()
    for task in tasks:
        own = node_of[task.name]
        before = {node_of[name] for name in task.upstream if name in node_of} - {own}
        sorter.add(own, *before)
    sorter.prepare()
    position = {node_of[task.name]: at for at, task in reversed(list(enumerate(tasks)))}
    by_name = {task.name: task for task in tasks}
    waiting: list[str | Scope] = []
    found: list[MacroTask | Scope] = []
    while sorter.is_active():
        waiting += sorter.get_ready()
        node = min(waiting, key=lambda node: (isinstance(node, tuple), position[node]))
        waiting.remove(node)
        sorter.done(node)
        found.append(node if isinstance(node, tuple) else by_name[node])
    return found
