"""The folder of an export, as a worker sees it: contract, plan, and the pipeline's code.

A loose ``pipe.py`` is imported under its own name with the folder ``src`` first on ``sys.path``,
so pickles and child processes find its classes where any other machine finds them. When the
macro-task is over its modules leave ``sys.modules`` again: in a process that runs tasks of two
pipelines, each gets its own ``pipe`` and its own ``helpers``, even if both have files so called.
(:class:`~synaflow_export.loading.importing.LocalImports` does it, here and when a pipeline is
exported; :mod:`.shared_imports` when several macro-tasks run at once.)
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from synaflow_core.compat import from_public, is_public_pipeline, is_public_registry
from synaflow_core.contract import Contract
from synaflow_core.errors import DriftError
from synaflow_core.macro.boundary import OutputSpec
from synaflow_core.macro.task import MacroSpec
from synaflow_core.pipeline import Pipeline, PipelineRegistry
from synaflow_export.runtime.shared_imports import local_module
from synaflow_export.windows.binding import WindowSpec


class Exported:
    """What was exported to one folder.

    Args:
        folder: Holds ``contract.json``, ``plan.json`` and, for a loose module, ``src``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def contract(self) -> Contract:
        """The contract of the pipeline that was exported.

        Raises:
            ContractError: If the file is not a valid contract.
        """
        return Contract.from_json(self._read("contract.json"))

    @cached_property
    def _plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = msgspec.json.decode(self._read("plan.json"))
        return plan

    @cached_property
    def id(self) -> str:
        """What the export is called; where its manifest is not at hand, as the folder is."""
        try:
            return str(msgspec.json.decode(self._read("export.json"))["id"])
        except FileNotFoundError:
            return self.folder.name

    @property
    def allow_pickle(self) -> bool:
        """The plan has datasets that are pickled."""
        return bool(self._plan["allow_pickle"])

    @property
    def window(self) -> WindowSpec | None:
        """Which params take the window of a run; None where runs have none."""
        spec = self._plan.get("window")
        return None if spec is None else msgspec.convert(spec, WindowSpec)

    @property
    def weights(self) -> dict[str, float]:
        """Macro-task -> its share of the progress of a run."""
        return {task["name"]: task.get("weight", 0.0) for task in self._plan["macro_tasks"]}

    def done_after(self, macro_task: str) -> float | None:
        """Share of the run that is done when a macro-task and all that it needs are, up to 1.0.

        None where no step has a ``progress_weight``.
        """
        if all(step.progress_weight is None for step in self.contract.steps.values()):
            return None
        tasks = {task["name"]: task for task in self._plan["macro_tasks"]}
        maker = {out["dataset"]: name for name, task in tasks.items() for out in task["outputs"]}
        needed, more = {macro_task}, [macro_task]
        while more:
            before = {maker[entry["dataset"]] for entry in tasks[more.pop()]["inputs"]} - needed
            needed |= before
            more += before
        return min(sum(self.weights[name] for name in needed), 1.0)

    def macro_task(self, name: str) -> MacroSpec:
        """What a macro-task runs.

        Raises:
            DriftError: If the plan does not have it.
        """
        for task in self._plan["macro_tasks"]:
            if task["name"] == name:
                return msgspec.convert(task, MacroSpec)
        known = ", ".join(repr(task["name"]) for task in self._plan["macro_tasks"])
        raise DriftError(
            f"the plan in {self.folder} has no macro-task {name!r}; it has {known}. "
            "Export again, so that the generated file and the plan belong together."
        )

    def whole(self) -> MacroSpec:
        """All steps in one process, which writes every dataset of the plan."""
        return MacroSpec(
            name=self.contract.name,
            steps=tuple(self.contract.steps),
            inputs=(),
            outputs=tuple(
                msgspec.convert({**output, "aligned": False}, OutputSpec)
                for task in self._plan["macro_tasks"]
                for output in task["outputs"]
            ),
            fingerprint=self.contract.fingerprint,
        )

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Import the user's code for the duration of the context.

        Yields:
            The compiled pipeline.

        Raises:
            DriftError: If the code does not have it.
            BaseException: Whatever the user's module raises while it is imported.
        """
        source = self.contract.source
        if source is None:
            raise DriftError(
                f"{self.folder / 'contract.json'} does not say where the code is. "
                "Export again from the code (pipe.py), not from a contract without a source."
            )
        root = (self.folder / "src").resolve()
        file = _module_file(root, source.module)
        if file is None:
            yield self._find(importlib.import_module(source.module), source.attribute)
            return
        with local_module(root, source.module, file) as module:
            yield self._find(module, source.attribute)

    def _find(self, module: ModuleType, attribute: str) -> Pipeline:
        try:
            found = attrgetter(attribute)(module)
            if isinstance(found, PipelineRegistry) or is_public_registry(found):
                found = found[self.contract.name]
        except (AttributeError, KeyError) as error:
            raise DriftError(
                f"{module.__name__} ({module.__file__}) has no pipeline '{self.contract.name}' in "
                f"its variable '{attribute}' any more. Export again, or deploy the code that "
                "belongs to this export."
            ) from error
        if isinstance(found, Pipeline):
            return found
        if is_public_pipeline(found):
            return from_public(found)
        raise DriftError(
            f"the variable '{attribute}' of {module.__name__} ({module.__file__}) holds a "
            f"{type(found).__name__}, no Pipeline any more. Export again."
        )

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{self.folder / name} is missing on this worker; deploy the folder that belongs "
                "to the generated file together with it"
            ) from error


def _module_file(root: Path, module: str) -> Path | None:
    """The file of a loose module below ``root``; None for a module that is installed."""
    stem = root.joinpath(*module.split("."))
    for file in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
        if file.is_file():
            return file
    return None
