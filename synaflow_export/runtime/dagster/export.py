"""The folder of an export, as its definitions file sees it while it is loaded.

Reads ``contract.json`` and ``plan.json`` as plain JSON: they were checked when they were written,
and whoever runs a macro-task checks them again.
"""

from __future__ import annotations

import json
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from synaflow_export.runtime.dagster.io_manager import ReferenceIOManager

DATASET = "synaflow/dataset"
"""Key of the metadata that names the dataset of an asset."""

_MOST_STEPS = 200  # in a table that people are meant to read


class Export:
    """One exported pipeline.

    Args:
        folder: Holds ``contract.json``, ``plan.json`` and, for a loose module, ``src``.
        name: Of the pipeline in Dagster: its keys, ops and jobs begin with it.
        store: URL of the handoff store; the variable ``SYNAFLOW_STORE`` goes first. None: a folder
            under Dagster's home.
    """

    def __init__(self, folder: Path, name: str, store: str | None = None) -> None:
        self.folder = folder
        self.name = name
        self.store = store

    def metadata(self, name: str) -> dict[str, Any]:
        """What the definition of an asset says about it.

        Args:
            name: Of a dataset, or of a macro-task that has none.

        Returns:
            The steps that run together as a table, and a link to each one's source.
        """
        task, dataset = self._tasks[name]
        steps = [step for step in task["steps"] if not self._steps[step]["hidden"]] or task["steps"]
        found: dict[str, Any] = {DATASET: dataset} if dataset else {}
        found["synaflow/steps"] = dg.MetadataValue.table(
            [dg.TableRecord(self._row(step)) for step in steps[:_MOST_STEPS]]
        )
        with warnings.catch_warnings():
            # Links to source are called beta; whoever loads the file can do nothing about it.
            warnings.simplefilter("ignore", dg.BetaWarning)
            links = [link for step in steps[:_MOST_STEPS] if (link := self._link(step))]
            if links:
                found["dagster/code_references"] = dg.CodeReferencesMetadataValue(
                    code_references=links
                )
        return found

    def io_manager(self) -> ReferenceIOManager:
        """What hands datasets on to other assets: by reference, or loaded as they ask for."""
        return ReferenceIOManager(self.folder, self.store)

    @cached_property
    def _steps(self) -> dict[str, Any]:
        steps: dict[str, Any] = self._read("contract.json")["steps"]
        return steps

    @cached_property
    def _tasks(self) -> dict[str, tuple[dict[str, Any], str | None]]:
        """Dataset, or macro-task without any -> the macro-task and the dataset."""
        found: dict[str, tuple[dict[str, Any], str | None]] = {}
        for task in self._read("plan.json")["macro_tasks"]:
            if not task["outputs"]:
                found.setdefault(task["name"], (task, None))
            found |= {out["dataset"]: (task, out["dataset"]) for out in task["outputs"]}
        return found

    def _row(self, name: str) -> dict[str, str]:
        step = self._steps[name]
        on_error = {"stop": "fail", "continue": "drop" if step["mode"] == "each" else "skip"}
        return {
            "step": name,
            "called": "per item" if step["mode"] == "each" else "once",
            "on error": on_error[step["on_error"]],
            "about": step["doc"],
        }

    def _link(self, name: str) -> Any:
        """Where the function of a step is, if its module lies in this folder."""
        step = self._steps[name]
        module, line = step["fn_ref"].partition(":")[0], step["where"].rpartition(":")[2]
        stem = self.folder.joinpath("src", *module.split("."))
        for file in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if line.isdecimal() and file.is_file():
                return dg.LocalFileCodeReference(
                    file_path=str(file.resolve()), line_number=int(line), label=name
                )
        return None

    def _read(self, name: str) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{self.folder / name} is missing; deploy the whole folder of the export"
            ) from error
        return document
