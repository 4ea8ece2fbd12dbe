"""The documentation of a pipeline and of each of its tasks, in Markdown.

Orchestrators show it, and it is written for somebody who never heard of SynaFlow: what runs in
which task, how often, and what a failure does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from synaflow_core.contract import Contract, StepContract
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.text.prose import (
    code,
    docstring_of,
    plain,
    sentence,
    shortened,
    table,
    wrapped,
)
from synaflow_export.text.pylayout import LINE_LENGTH, width
from synaflow_export.text.pyname import PyLiteral

_MOST_ROWS = 200  # of a table that people are meant to read
_MOST_STEPS = 12  # of a list in the documentation of one task

_HOW_TO_READ = """
Mode: the function of the step is called once per item (*each*) or once (*all*).
On error: *drop* the item, *skip* the steps that need the result, or *fail* the task.
Weight: the share of the task in the progress of a run.

Items flow one by one between the steps of one task. Between tasks they are stored as
datasets: {between}
"""


def module_doc(
    plan: Plan, contract: Contract, names: Mapping[str, str], *, column: str, between: str
) -> PyLiteral:
    """The documentation of a pipeline: what it is for, and a table of its tasks and their steps.

    Args:
        plan: The macro-tasks.
        contract: The pipeline's contract.
        names: Macro-task -> what it is called on the orchestrator.
        column: Head of the column of tasks: ``Airflow task``.
        between: What stands where references go: ``XCom holds references and counts, ...``.
    """
    title = [f"### {shortened(plain(contract.name), LINE_LENGTH - 10)}", ""]
    about = [*wrapped(sentence(contract.description)), ""] if plain(contract.description) else []
    rows = list(_rows(plan, contract, names, column))
    shown = rows[:_MOST_ROWS]
    more = len(rows) - len(shown)
    rest = ["", f"... and {more} more steps: see `plan.json`."] if more else []
    head = (column, "SynaFlow step", "mode", "on error", "weight")
    undone = _undone(contract)
    return docstring_of(
        [*title, *about, *table(head, shown), *rest, *_how_to_read(between), *undone], tall=True
    )


def _how_to_read(between: str) -> list[str]:
    return _HOW_TO_READ.format(between=between).rstrip().split("\n")


def _undone(contract: Contract) -> list[str]:
    """What becomes of the work of a run that fails, if it is undone."""
    steps = reversed(contract.steps.items())
    by = {name: step.rollback for name, step in steps if step.rollback}
    if not by:
        return []
    told = [f"{code(name, 60)} by {code(by[name], 60)}" for name in list(by)[:_MOST_STEPS]]
    more = [f"{len(by) - len(told)} more"] if len(by) > len(told) else []
    start = "If a run fails or is stopped, what it has done is undone, newest first: "
    return ["", *wrapped(f"{start}{', '.join([*told, *more])}.")]


def _rows(
    plan: Plan, contract: Contract, names: Mapping[str, str], column: str
) -> Iterator[tuple[str, str, str, str, str]]:
    """One row per step; the columns of a task are filled in its first row only."""
    steps = [
        (task if not position else None, name, contract.steps[name])
        for task in plan.macro_tasks
        for position, name in enumerate(declared_steps(task, contract))
    ]
    longest_remark = max(8, *(len(_on_error(step)) for _, _, step in steps))
    room = LINE_LENGTH - len("|  |  | mode |  | weight |") - longest_remark - len("````")
    for_task, for_step = _shares(
        room,
        max(len(column) - 2, *(width(name) for name in names.values())),
        max(len("SynaFlow step") - 2, *(width(name) for _, name, _ in steps)),
    )
    for task, name, step in steps:
        task_cell = code(names[task.name], for_task) if task else ""
        weight = _share(task.weight) if task else ""
        yield task_cell, code(name, for_step), step.mode, _on_error(step), weight


def _share(weight: float) -> str:
    return "<1%" if 0 < weight <= 0.005 else f"{weight:.0%}"


def _shares(room: int, first: int, second: int) -> tuple[int, int]:
    """Divide columns between two: each has what it needs, or else half and what is left over."""
    half = room // 2
    if first + second <= room:
        return first, second
    return min(first, max(half, room - second)), min(second, max(half, room - first))


def declared_steps(task: MacroTask, contract: Contract) -> tuple[str, ...]:
    """The steps that the user wrote; those that the compiler added say nothing to a reader."""
    return tuple(name for name in task.steps if not contract.steps[name].hidden) or task.steps


def listed_steps(names: Sequence[str]) -> str:
    """Steps in a sentence: ``steps `a`, `b```; of very many, the first."""
    shown = ", ".join(code(name, 60) for name in names[:_MOST_STEPS])
    more = len(names) - _MOST_STEPS
    return f"step{'s' * (len(names) > 1)} {shown}" + (f" and {more} more" if more > 0 else "")


def _on_error(step: StepContract) -> str:
    if step.on_error == "stop":
        return "fail"
    what = "drop" if step.mode == "each" else "skip"
    limits = []
    if step.error_threshold_absolute is not None:
        limits.append(f"{step.error_threshold_absolute}")
    if step.error_threshold_pct is not None:
        limits.append(f"{step.error_threshold_pct * 100:.4g}%")
    return f"{what}, fail at {' or '.join(limits)}" if limits else what


def task_doc(task: MacroTask, contract: Contract, *, depth: int = 2) -> PyLiteral:
    """The documentation of one task: its steps, what it hands on, and what each step does."""
    declared = declared_steps(task, contract)
    runs = f"Runs {listed_steps(declared)}"
    made = ", ".join(code(out.dataset, 60) for out in task.outputs)
    if made:
        runs += f"; produces dataset{'s' * (len(task.outputs) > 1)} {made}"
    docs = {name: sentence(contract.steps[name].doc) for name in declared[:_MOST_STEPS]}
    if len(docs) == 1 and (doc := docs[declared[0]]):
        return docstring_of(
            [*wrapped(doc, depth=depth, first=3), "", *wrapped(f"{runs}.", depth=depth)],
            depth=depth,
        )
    about = [
        line
        for name, doc in docs.items()
        if doc
        for line in wrapped(f"- {code(name, 60)}: {doc}", depth=depth, hanging="  ")
    ]
    lines = wrapped(f"{runs}.", depth=depth, first=3 if about else 6)  # of the quotes
    return docstring_of([*lines, "", *about] if about else lines, depth=depth)
