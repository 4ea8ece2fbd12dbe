"""A page that shows a pipeline: one HTML file with everything in it, to open in any browser.

It needs no network and no server. Without scripts it is a picture with all texts below; with them
a step can be chosen, what it needs and feeds is marked, and the drawing can be moved and searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import ClassVar

from synaflow_export.documentation.header import regenerating
from synaflow_export.generated import GeneratedFile
from synaflow_export.options.common import ID
from synaflow_export.options.model import TargetOptions, option
from synaflow_export.pyname import TaskId
from synaflow_export.render import render
from synaflow_export.target import Export, Target
from synaflow_export.targets.html.page import PageView


@dataclass(frozen=True)
class HtmlOptions(TargetOptions):
    """Options of the page.

    Attributes:
        id: Name of the file, without its ending; None: the pipeline's name, made legal.
    """

    id: str | None = option(None, ID)


class HtmlTarget(Target[HtmlOptions]):
    """Exports to a self-contained page."""

    name: ClassVar[str] = "html"
    title: ClassVar[str] = "HTML page"
    options_type: ClassVar[type[HtmlOptions]] = HtmlOptions
    only_shows: ClassVar[bool] = True
    scheduled_params_need_defaults: ClassVar[bool] = False
    runs_async_pipelines: ClassVar[bool] = True
    maps_shards: ClassVar[bool] = True

    def view(self, export: Export[HtmlOptions]) -> tuple[GeneratedFile, ...]:
        """Make the page; see :meth:`Target.view`."""
        name = export.options.id or TaskId.of(export.plan.pipeline, "pipeline")
        pipeline = escape(export.plan.pipeline)
        mark = f'<meta name="generator" content="synaflow-export {self.name}: {pipeline}">'
        values = {
            "mark": mark,
            "page": PageView.of(export),
            "command": " ".join(regenerating(self.name, "FOLDER", export)),
        }
        text = render("html/page.html.jinja", values, export.templates)
        return (GeneratedFile(f"{name}.html", text, mark=mark),)
