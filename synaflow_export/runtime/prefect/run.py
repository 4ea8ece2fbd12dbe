"""One run of a pipeline: what its tasks need to know of it, and how it begins.

The id of a flow run stays the same when it is retried. It is the key of the run's datasets, too,
unless the run covers a window: then a run of the same window, whenever, replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.settings import get_current_settings
from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from synaflow_export.runtime.prefect.artifacts import begin_progress, show_steps
from synaflow_export.runtime.prefect.flow_file import travels

if TYPE_CHECKING:
    from synaflow_export.runtime.exported import Exported
    from synaflow_export.runtime.running import Place

Refs = dict[str, dict[str, Any]]
"""What a task returns: dataset -> its reference (address, number of elements, digest)."""

Shard = dict[str, Any]
"""One slice of the dataset that a sharded macro-task works on."""

Part = dict[str, Any]
"""What one shard returns."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline, as its tasks need to know it.

    Attributes:
        id: Of the flow run; the same when it is retried.
        folder: The folder beside the flow file.
        key: Datasets of equal keys replace each other: the id, or the window that the run covers.
        params: Values of the pipeline's params, as JSON values.
        store: URL of the handoff store that the flow file names, if any.
        undone: How much of its work had been undone when it was started, or started again.
    """

    id: str
    folder: str
    key: str
    params: dict[str, Any]
    store: str | None = None
    undone: int = 0


def start_run(folder: Path, params: Mapping[str, Any], *, store: str | None = None) -> Run:
    """Begin a run; called first in a flow.

    Args:
        folder: The folder beside the flow file.
        params: Name of a param -> the flow's value of it.
        store: URL of the handoff store; the variable ``SYNAFLOW_STORE`` goes first.

    Raises:
        RuntimeError: If no flow run is going on.
        ParamsError: The run should cover a window, and does not know which.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("call the flow itself: without a flow run its data has no place")
    if context.flow is not None:
        travels(context.flow)
    exported = exported_in(str(folder))
    values, key = identity(exported, context.flow_run, params)
    run = Run(str(context.flow_run.id), str(folder), key, values, store)
    if exported.contract.undoable:
        from synaflow_export.runtime.rollback import undone_entries

        run = replace(run, undone=undone_entries(exported, place_of(run, get_run_logger())))
    begin_progress(folder.name, run.id, exported.weights)
    return run


def exported_in(folder: str) -> Exported:
    """What was exported to the folder beside the flow file."""
    from synaflow_export.runtime.exported import Exported

    return Exported(Path(folder))


def identity(
    exported: Exported, flow_run: FlowRun, params: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """The params of a run, and the key of its datasets.

    A scheduled run covers the last window that was over when it was due.

    Raises:
        ParamsError: The run should cover a window, and does not know which.
    """
    from synaflow_export.runtime.run_key import key_under
    from synaflow_export.runtime.windowing import windowed

    given = {n: _json_value(v) for n, v in params.items() if _is_given(exported, n, v)}
    given |= _as_prefect_reads(exported, given)
    start = end = None
    due = flow_run.expected_start_time
    if exported.window is not None and flow_run.auto_scheduled and due is not None:
        window = exported.window.calendar.window_before(due)
        start, end = window.start, window.end
    run_id = str(flow_run.id)
    values, key = windowed(exported, given, (start, end), run=run_id, run_key=run_id)
    if exported.window is None:  # ids of flow runs are not used twice
        return values, key
    return values, key_under(exported.id, exported.contract.name, key)


def place_of(
    run: Run,
    logger: Any,
    macro_task: str = "",
    on_progress: Callable[[float], None] | None = None,
) -> Place:
    """Where a macro-task of a run does its work."""
    from synaflow_export.runtime.running import Place

    return Place(
        store=run.store,
        home=get_current_settings().home,
        run_key=run.key,
        logger=logger,
        on_report=lambda report: show_steps(Path(run.folder).name, macro_task, report),
        on_progress=on_progress,
        run_id=run.id,
    )


def _is_given(exported: Exported, name: str, value: Any) -> bool:
    """None stands for a default that is only known on the worker."""
    from synaflow_export.params.form import computed_params

    return not (value is None and name in computed_params(exported.contract.params_schema))


def _as_prefect_reads(exported: Exported, given: Mapping[str, Any]) -> dict[str, Any]:
    """Params that say which window a run covers, as JSON values.

    The flow gets them as its annotations say, the hooks as somebody has written them: both have to
    come to one key.
    """
    from synaflow_export.params.form import forms

    bound = exported.window.bind if exported.window is not None else {}
    fields = forms(exported.contract.params_schema)
    types = {"date": date, "date-time": datetime}
    return {
        name: to_jsonable_python(TypeAdapter(types[form]).validate_python(given[name]))
        for name in bound
        if given.get(name) is not None and (form := fields[name].get("format")) in types
    }


def _json_value(value: Any) -> Any:
    """A parameter as the worker's own check understands it: what it was before Prefect read it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Mapping):
        return {key: _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return to_jsonable_python(value)
