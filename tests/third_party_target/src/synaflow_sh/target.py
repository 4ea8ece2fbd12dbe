"""The files: one script, and a folder with the contract, the plan and the pipeline's code."""

from __future__ import annotations

import shlex
from typing import ClassVar

from synaflow_export.documentation.header import header
from synaflow_export.files.generated import Editable, GeneratedFile, manifest_file
from synaflow_export.target import Export, Target
from synaflow_export.text.prose import plain
from synaflow_export.text.pyname import PyName
from synaflow_export.text.render import render, templates_beside
from synaflow_sh.options import ShellOptions

POLICIES = Editable("# --- policies: meant to be edited ---", "# --- end of policies ---")


class ShellTarget(Target[ShellOptions]):
    """Exports to a POSIX shell script."""

    name: ClassVar[str] = "sh"
    title: ClassVar[str] = "shell script"
    options_type: ClassVar[type[ShellOptions]] = ShellOptions
    default_out: ClassVar[str] = "scripts"
    scheduled_params_need_defaults: ClassVar[bool] = False
    runs_async_pipelines: ClassVar[bool] = True  # the runner starts the event loop

    def view(self, export: Export[ShellOptions]) -> tuple[GeneratedFile, ...]:
        """Make the script, last, and what it reads."""
        folder = PyName.of(export.options.id or export.plan.pipeline, "pipeline")
        self.refuse(export)
        values = {
            "header": header(self.name, "FOLDER", export),
            "begin": POLICIES.begin,
            "end": POLICIES.end,
            "store": shlex.quote(export.options.store),
            "folder": folder,
            "tasks": [
                {
                    "name": shlex.quote(task.name),
                    "nice": export.options.for_task(task.name).nice,
                    "steps": plain(", ".join(task.steps)),
                }
                for task in export.plan.macro_tasks
            ],
        }
        own = templates_beside(__file__)
        text = render("sh/pipeline.sh.jinja", values, export.templates, own)
        script = GeneratedFile(f"{folder}.sh", text, editable=POLICIES)
        files = (*export.folder_files(folder), script)
        manifest = manifest_file(folder, self.name, export.plan.pipeline, folder, files)
        return (manifest, *files)
