"""The table of steps at the head of generated files."""

from __future__ import annotations

from synaflow_core import pipeline, step
from synaflow_export.documentation.steps import module_doc
from synaflow_export.plan import PlanOptions, make_plan


def one() -> int:
    return 1


def test_a_small_weight_is_not_told_as_none() -> None:
    weights = {"heavy": 0.8, "half": 0.195, "light": 0.005, "none": 0}
    steps = [
        step(name, one, progress_weight=weight, macro_task=name) for name, weight in weights.items()
    ]
    contract = pipeline("p", None, steps).contract()
    plan = make_plan(contract, PlanOptions())
    names = {task.name: task.name for task in plan.macro_tasks}
    text = module_doc(plan, contract, names, column="Task", between="")
    shown = [line.split("|")[-2].strip() for line in str(text).splitlines() if "`" in line]
    assert shown == ["80%", "20%", "<1%", "0%"]


def undo() -> None: ...


def test_whoever_owns_the_file_reads_what_is_undone_and_by_what() -> None:
    steps = [step(f"s{number}", one, rollback=undo) for number in range(20)]
    contract = pipeline("p", None, steps).contract()
    plan = make_plan(contract, PlanOptions())
    names = {task.name: task.name for task in plan.macro_tasks}
    text = " ".join(str(module_doc(plan, contract, names, column="Task", between="")).split())
    assert "undone, newest first: `s19` by `undo`, `s18` by `undo`, " in text
    assert "`s8` by `undo`, 8 more." in text
