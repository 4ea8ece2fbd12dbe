"""A page that shows a pipeline: one HTML file with everything in it, to open in any browser.

It needs no network and no server. Without scripts it is a picture with all texts below; with them
a step can be chosen, what it needs and feeds is marked, and the drawing can be moved and searched.
"""

from __future__ import annotations

from html import escape
from typing import ClassVar

from synaflow_export.documentation.header import regenerating
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.picture import PictureOptions, PictureTarget
from synaflow_export.target import Export
from synaflow_export.targets.html.page import PageView
from synaflow_export.text.render import render


class HtmlTarget(PictureTarget):
    """Exports to a self-contained page."""

    name: ClassVar[str] = "html"
    title: ClassVar[str] = "HTML page"

    def view(self, export: Export[PictureOptions]) -> tuple[GeneratedFile, ...]:
        """Make the page; see :meth:`Target.view`."""
        pipeline = escape(export.plan.pipeline)
        mark = f'<meta name="generator" content="synaflow-export {self.name}: {pipeline}">'
        values = {
            "mark": mark,
            "page": PageView.of(export),
            "command": " ".join(regenerating(self.name, "FOLDER", export)),
        }
        text = render("html/page.html.jinja", values, export.templates)
        return (GeneratedFile(self.file_name(export, "html"), text, mark=mark),)
