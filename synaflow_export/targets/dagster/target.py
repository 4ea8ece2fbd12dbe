"""Dagster: one folder per pipeline, with the definitions and what they read.

    <name>/definitions.py   imports Dagster and one module of ours; a function per macro-task
    <name>/defs.yaml        tells a dg project that this file is all that it reads here
    <name>/                 contract.json, plan.json, src/ (the user's loose modules), export.json

The folder works by itself (``dagster dev -f <name>/definitions.py``) and inside the ``defs`` folder
of a ``dg`` project, which would import every file below it, ``src/`` too, but for ``defs.yaml``.
This module decides *what* the file says; ``templates/dagster/definitions.py.jinja``
says where it stands. It imports no Dagster. The worker side is
:mod:`synaflow_export.runtime.dagster`. Facts about Dagster that shape the file:

* ``from __future__ import annotations`` breaks ``context: dg.AssetExecutionContext``: the file has
  none;
* keys of resources and names of ops are shared by a whole code location: they begin with the
  pipeline's name;
* a resource with a required field must be configured at launch, or nothing loads;
* a failing blocking check fails its step without another try, also when no dataset was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from synaflow_core.errors import ExportError, Problem
from synaflow_export.files.generated import GeneratedFile, manifest_file
from synaflow_export.plan.model import Plan
from synaflow_export.target import Export, Target
from synaflow_export.targets.dagster.file import POLICIES, FileView
from synaflow_export.targets.dagster.names import is_pipeline_name, pipeline_name
from synaflow_export.targets.dagster.options import DagsterOptions
from synaflow_export.targets.dagster.partitions import key_format
from synaflow_export.text.render import render
from synaflow_export.windows.calendar import Window

_TEMPLATE = "dagster/definitions.py.jinja"
_MODULE = "definitions"

_DEFS_YAML = """\
# In a dg project this is all that Dagster reads in this folder: src/ is the pipeline's own code.
type: dagster.DefinitionsComponent
attributes:
  path: definitions.py
"""


class DagsterTarget(Target[DagsterOptions]):
    """Exports to Dagster."""

    name: ClassVar[str] = "dagster"
    title: ClassVar[str] = "Dagster"
    options_type: ClassVar[type[DagsterOptions]] = DagsterOptions
    default_out: ClassVar[str] = "defs"
    maps_shards: ClassVar[bool] = True  # as processes of one step, or as steps
    runs_rollbacks: ClassVar[bool] = True
    runs_async_pipelines: ClassVar[bool] = True  # in a sync asset; the runner starts the event loop
    limits_concurrency: ClassVar[bool] = True
    groups_includes: ClassVar[bool] = True
    publishes_lineage: ClassVar[bool] = True
    binds_windows: ClassVar[bool] = True

    def backfill_commands(
        self,
        plan: Plan,
        options: DagsterOptions,
        windows: Sequence[Window],
        values: Sequence[Mapping[str, Any]],
    ) -> Iterator[str]:
        """The one command for a span of partitions."""
        assert plan.window is not None, "there are no windows without"
        wrong = list(_bad_name(options))
        if wrong:
            raise ExportError(
                f"'{plan.pipeline}' cannot be exported to {self.title} as asked", wrong
            )
        form = key_format(plan.window.unit)
        first, last = (windows[index].start.strftime(form) for index in (0, -1))
        name = options.id or pipeline_name(plan.pipeline)
        yield (
            f"dagster job backfill --noprompt -f {name}/{_MODULE}.py -j {name} "
            f"--from {first} --to {last}"
        )

    def view(self, export: Export[DagsterOptions]) -> tuple[GeneratedFile, ...]:
        """Make the folder of one pipeline; see :meth:`Target.view`."""
        pipeline = export.plan.pipeline
        name = export.options.id or pipeline_name(pipeline)
        self.refuse(export, module=_MODULE, more=_bad_name(export.options))

        text = render(_TEMPLATE, {"file": FileView.of(export, name)}, export.templates)
        in_folder = (
            *export.folder_files(name),
            GeneratedFile(f"{name}/defs.yaml", _DEFS_YAML),
        )
        definitions = GeneratedFile(f"{name}/{_MODULE}.py", text, editable=POLICIES)
        manifest = manifest_file(name, self.name, pipeline, name, (*in_folder, definitions))
        # The definitions come last: Dagster must not see them before all that they refer to.
        return (*in_folder, manifest, definitions)


def _bad_name(options: DagsterOptions) -> Iterator[Problem]:
    if options.id is not None and not is_pipeline_name(options.id):
        yield Problem(
            options.place("id"),
            "option 'id'",
            "bad-option",
            f"it must be a word of at most 48 letters, digits and '_', got {options.id!r}",
            f"for example --id {pipeline_name(options.id)}",
        )
