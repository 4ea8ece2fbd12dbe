"""The pipeline's block of ``prefect.yaml``: its deployment, with schedule, work pool and limits.

The file is shared by all pipelines of the folder and with whatever else is deployed from there, so
only the block between two marks is ours; its owner may edit it and the next export keeps the edit.
Scalars are written so that any YAML reader gives back the same text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synaflow_export.files.generated import Editable, GeneratedFile, Role
from synaflow_export.options.schedule import as_cron
from synaflow_export.target import Export
from synaflow_export.targets.prefect.options import PrefectOptions
from synaflow_export.text.yaml_text import scalar

_PATH = "prefect.yaml"
_ANCHOR = "deployments:"
_HEADER = """\
# Deployments of the flows in this folder. To put them into effect, in this folder:
#   prefect work-pool create default --type process    # once
#   prefect --no-prompt deploy --all
#   prefect worker start --pool default
"""


def deployment_file(flow_id: str, entrypoint: str, export: Export[PrefectOptions]) -> GeneratedFile:
    """Make ``prefect.yaml`` with the one deployment of a pipeline.

    It has no description: Prefect then shows the flow's, with the table of its steps.

    Args:
        flow_id: Name of the flow, and of its deployment.
        entrypoint: ``orders_flow.py:orders``.
        export: Its options say schedule, time zone, work pool, tags and limits.
    """
    marks = Editable(
        begin=f"  # --- {flow_id}: may be edited, the next export keeps it",
        end=f"  # --- end of {flow_id}",
    )
    lines = [
        marks.begin,
        *_item(list(_entries(flow_id, entrypoint, export))),
        marks.end,
    ]
    text = f"{_HEADER}{_ANCHOR}\n" + "\n".join(lines) + "\n"
    return GeneratedFile(_PATH, text, Role.PART, marks, anchor=_ANCHOR)


def _entries(flow_id: str, entrypoint: str, export: Export[PrefectOptions]) -> Iterator[str]:
    options = export.options
    yield f"name: {scalar(flow_id)}"
    yield f"entrypoint: {scalar(entrypoint)}"
    tags = [*options.tags, *([f"owner:{options.owner}"] if options.owner is not None else [])]
    yield f"tags: {_list(tags)}"
    yield "# Values of the flow's parameters that differ from its defaults."
    yield "parameters: {}"
    yield "work_pool:"
    yield f"  name: {scalar(options.work_pool)}"
    if options.queue is not None:
        yield f"  work_queue_name: {scalar(options.queue)}"
    yield "# Runs at a time; further ones wait."
    yield "concurrency_limit:"
    yield f"  limit: {options.max_active_runs}"
    yield "  collision_strategy: ENQUEUE"
    if export.schedule is None:
        yield '# For example [{cron: "0 2 * * *", timezone: UTC}]; empty: only on demand.'
        yield "schedules: []"
    else:
        yield "schedules:"
        yield f"  - cron: {scalar(as_cron(export.schedule))}"
        yield f"    timezone: {scalar(options.timezone)}"


def _item(lines: Sequence[str]) -> list[str]:
    first, *rest = lines
    return [f"  - {first}", *(f"    {line}" for line in rest)]


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(scalar, texts))}]"
