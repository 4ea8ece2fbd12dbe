"""The key of a run's datasets, where a pipeline may be exported under several names.

Two exports of one pipeline must not share datasets, though orchestrators give their runs equal ids
and windows are the same for all. One export on two orchestrators, or made up for on this machine,
must share them, though not every orchestrator lets it have the pipeline's own name as it is.
"""

from __future__ import annotations

from synaflow_export.text.pyname import PyName, TaskId


def key_under(name: str, pipeline: str, key: str, *own: str) -> str:
    """The key of a run of an export: what is exported under the pipeline's own name has no prefix.

    Args:
        name: What the export is called: its id, as chosen or as made from the pipeline's name.
        pipeline: The pipeline's name.
        key: Of the run: its window, or its id.
        own: What else is made from the pipeline's name on this orchestrator when no id was chosen.
    """
    task_id = TaskId.of(pipeline, "pipeline")
    if name in (pipeline, task_id, PyName.of(task_id, "pipeline"), *own):
        return key
    return f"{name}@{key}"
