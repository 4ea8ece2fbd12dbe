"""The diagram of ``synaflow-export plan --format mermaid``, as a file that ``--check`` watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synaflow_export.documentation.header import regenerating
from synaflow_export.generated import GeneratedFile
from synaflow_export.options.common import ID
from synaflow_export.options.model import TargetOptions, option
from synaflow_export.plan import to_mermaid
from synaflow_export.prose import plain
from synaflow_export.pyname import TaskId
from synaflow_export.target import Export, Target


@dataclass(frozen=True)
class MermaidOptions(TargetOptions):
    """Options of the diagram.

    Attributes:
        id: Name of the file, without its ending; None: the pipeline's name, made legal.
    """

    id: str | None = option(None, ID)


class MermaidTarget(Target[MermaidOptions]):
    """Exports to a Mermaid flowchart."""

    name: ClassVar[str] = "mermaid"
    title: ClassVar[str] = "Mermaid diagram"
    options_type: ClassVar[type[MermaidOptions]] = MermaidOptions
    only_shows: ClassVar[bool] = True
    scheduled_params_need_defaults: ClassVar[bool] = False
    runs_async_pipelines: ClassVar[bool] = True
    maps_shards: ClassVar[bool] = True

    def view(self, export: Export[MermaidOptions]) -> tuple[GeneratedFile, ...]:
        """Make the diagram; see :meth:`Target.view`."""
        name = export.options.id or TaskId.of(export.plan.pipeline, "pipeline")
        mark = f"%% pipeline {plain(export.plan.pipeline)}, drawn by synaflow-export {self.name}"
        command = plain(" ".join(regenerating(self.name, "FOLDER", export)))
        text = f"{mark}\n%% {command}\n{to_mermaid(export.plan)}"
        return (GeneratedFile(f"{name}.mmd", text, mark=mark),)
