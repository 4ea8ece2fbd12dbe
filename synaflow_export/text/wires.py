"""Names in a generated file, and how its tasks are wired: by references, passed as arguments.

Every macro-task is a function; calling the functions in order, each with what the others returned,
makes the graph. One allocator gives names to functions and variables, so none hides another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.text.pylayout import Group, Node, value
from synaflow_export.text.pyname import BUILTIN_NAMES, NameAllocator, PyLiteral, PyName, TaskId

KeyOf = Callable[[Iterable[str]], Mapping[str, str]]


def _same(datasets: Iterable[str]) -> dict[str, str]:
    return {dataset: dataset for dataset in datasets}


class Word(PyName):
    """An identifier of a length that leaves room for others on the same line."""

    __slots__ = ()
    max_length = 56


class Wires:
    """The names in one file: of functions, task ids and the variables that hold references.

    Args:
        plan: The macro-tasks and datasets.
        taken: What the file imports or defines itself.
        key_of: Datasets of a task that writes several -> the keys of their references.
    """

    def __init__(self, plan: Plan, taken: Iterable[str], key_of: KeyOf = _same) -> None:
        names = [task.name for task in plan.macro_tasks]
        self._key_of = key_of
        self._words = NameAllocator(Word, {*taken, *BUILTIN_NAMES}, "task")
        self.functions = self._words.allocate_all(names, "function")
        self.task_ids = NameAllocator(TaskId, fallback="task").allocate_all(names)
        self._producers = {
            output.dataset: task for task in plan.macro_tasks for output in task.outputs
        }

    def producer(self, dataset: str) -> str:
        """Name of the macro-task that writes a dataset."""
        return self._producers[dataset].name

    def name(self, wanted: str, purpose: str) -> Word:
        """A further name, the same for the same ``wanted`` and ``purpose``."""
        return self._words.allocate(wanted, purpose)

    def parameter(self, dataset: str) -> Word:
        """The argument that carries the reference of a dataset into a task."""
        return self._words.allocate(f"{dataset}_ref", "reference")

    def result(self, task: MacroTask) -> Word:
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
        key = self._key_of([output.dataset for output in producer.outputs])[dataset]
        return Group(f"{result}[", "]", (("", value(key)),), comma=False)
