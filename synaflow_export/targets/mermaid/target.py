"""The diagram of ``synaflow-export plan --format mermaid``, as a file that ``--check`` watches."""

from __future__ import annotations

from typing import ClassVar

from synaflow_export.documentation.header import regenerating
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.picture import PictureOptions, PictureTarget
from synaflow_export.plan import to_mermaid
from synaflow_export.target import Export
from synaflow_export.text.prose import plain


class MermaidTarget(PictureTarget):
    """Exports to a Mermaid flowchart."""

    name: ClassVar[str] = "mermaid"
    title: ClassVar[str] = "Mermaid diagram"

    def view(self, export: Export[PictureOptions]) -> tuple[GeneratedFile, ...]:
        """Make the diagram; see :meth:`Target.view`."""
        mark = f"%% pipeline {plain(export.plan.pipeline)}, drawn by synaflow-export {self.name}"
        command = plain(" ".join(regenerating(self.name, "FOLDER", export)))
        text = f"{mark}\n%% {command}\n{to_mermaid(export.plan)}"
        return (GeneratedFile(self.file_name(export, "mmd"), text, mark=mark),)
