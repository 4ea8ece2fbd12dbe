"""From options of macro-tasks and steps to those of macro-tasks alone.

A macro-task is what an orchestrator schedules, so an option given for one of its steps is lifted
to it. There it beats what was given for the macro-task, and two steps must not disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synaflow_core.errors import ExportError, Problem
from synaflow_export.config.layers import Layers, Setting
from synaflow_export.options.model import nearest_of

if TYPE_CHECKING:
    from synaflow_export.plan.model import MacroTask, Plan

TaskSettings = Mapping[str, Mapping[str, Setting]]
"""Macro-task -> option -> what holds for it alone."""


def task_settings(made: Layers, plan: Plan) -> TaskSettings:
    """Say what single macro-tasks have that the pipeline does not; only those that have something.

    Raises:
        ExportError: If a section names a macro-task or step that does not exist, or two steps of
            one macro-task disagree.
    """
    problems = list(_unknown_names(made, plan))
    found: dict[str, dict[str, Setting]] = {}
    by_step: dict[str, dict[str, Setting]] = {}
    for entry in made.narrow:
        if entry.name in made.flags:
            continue
        section = entry.section
        holder, name = (found, section.task) if section.task else (by_step, section.step)
        holder.setdefault(str(name), {})[entry.name] = Setting.of(entry)
    for task in plan.macro_tasks:
        lifted: dict[str, tuple[str, Setting]] = {}
        for step in task.steps:
            for name, setting in by_step.get(step, {}).items():
                other, before = lifted.setdefault(name, (step, setting))
                if before.value != setting.value:
                    problems.append(
                        _disagreement(made, task, name, (other, before), (step, setting))
                    )
        for name, (_, setting) in lifted.items():
            found.setdefault(task.name, {})[name] = setting
    if problems:
        raise ExportError(f"the settings of '{plan.pipeline}' do not fit its plan", problems)
    return found


def _disagreement(
    made: Layers,
    task: MacroTask,
    name: str,
    first: tuple[str, Setting],
    second: tuple[str, Setting],
) -> Problem:
    (one, left), (other, right) = first, second
    return Problem(
        right.where,
        f"step '{other}', option '{name}'",
        "steps-disagree",
        f"{right.value!r}, but {left.value!r} for step '{one}' ({left.where}), and both run in "
        f"macro-task '{task.name}'",
        f"give both the same value, or say it once in [pipeline.{made.pipeline}.task.{task.name}]",
    )


def _unknown_names(made: Layers, plan: Plan) -> Iterator[Problem]:
    holder = {step: task.name for task in plan.macro_tasks for step in task.steps}
    tasks = {task.name for task in plan.macro_tasks}
    for kind, code, known in (
        ("task", "unknown-macro-task", tasks),
        ("step", "unknown-step", set(holder)),
    ):
        for name, where in made.entries.named(kind, pipeline=made.pipeline).items():
            if name in known:
                continue
            what = "macro-task" if kind == "task" else "step"
            hint = nearest_of(name, known)
            if kind == "task" and name in holder:
                hint = (
                    f"it is a step of macro-task '{holder[name]}': write "
                    f"[pipeline.{made.pipeline}.step.{name}]"
                )
            message = f"the plan of '{plan.pipeline}' has no {what} of this name"
            yield Problem(where, f"{what} '{name}'", code, message, hint)
