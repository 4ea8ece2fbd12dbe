"""One macro-task of an export, whatever the orchestrator: the part that all of them share.

A target's own module reads its orchestrator's context (params, run, log), calls
:func:`run_exported` and tells failures in the orchestrator's terms (:mod:`.retry` says which are
final). What tasks pass on are the values of :func:`returned`, read again by :func:`references`.
"""

from __future__ import annotations

import difflib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synaflow_core import macro
from synaflow_core.engine import Monitor
from synaflow_core.errors import HandoffError, ParamsError, Problem
from synaflow_core.handoff import DatasetRef
from synaflow_core.macro import MacroResult, MacroSpec
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.progress import log_reports, progress_lines, report_values
from synaflow_export.runtime.storage import open_store


@dataclass(frozen=True)
class Place:
    """Where a macro-task runs.

    Attributes:
        store: URL of the handoff store that the generated file names, if any.
        home: The orchestrator's own folder, for want of a store.
        run_key: Identifies the run; equal keys replace each other's datasets.
        logger: Where progress goes.
        on_report: Called once with the counts per inner step, also when one of them failed.
    """

    store: str | None
    home: Path
    run_key: str
    logger: logging.Logger
    on_report: Callable[[dict[str, Any]], None]


def run_exported(
    exported: Exported,
    macro_task: str,
    place: Place,
    *,
    params: Mapping[str, Any],
    inputs: Mapping[str, Any],
) -> tuple[MacroSpec, MacroResult]:
    """Run the steps of one macro-task.

    Args:
        exported: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        place: Where it runs.
        params: Values of the pipeline's params, as JSON values.
        inputs: Dataset -> what the upstream task returned for it; see :func:`references`.

    Raises:
        SynaflowError: As :func:`synaflow_core.macro.run_macro_task` does.
    """
    spec = exported.macro_task(macro_task)
    store = open_store(place.store, place.home, allow_pickle=exported.allow_pickle)
    monitor = Monitor()
    began = time.perf_counter()
    place.logger.info("macro-task '%s': steps %s", macro_task, ", ".join(spec.steps))
    try:
        with exported.pipeline() as pipeline, progress_lines(monitor, place.logger):
            result = macro.run_macro_task(
                pipeline,
                spec,
                params=params,
                inputs=references(spec, inputs),
                store=store,
                run_key=place.run_key,
                exported=exported.contract,
                monitor=monitor,
            )
    finally:
        _report(macro_task, monitor, time.perf_counter() - began, place)
    return spec, result


def references(spec: MacroSpec, inputs: Mapping[str, Any]) -> dict[str, DatasetRef | None]:
    """Datasets as the upstream tasks returned them; None for one that its step did not produce.

    Raises:
        HandoffError: A task upstream returned nothing, for example because it was marked as
            successful by hand and never ran.
    """
    found: dict[str, DatasetRef | None] = {}
    for entry in spec.inputs:
        given = inputs.get(entry.dataset)
        if given is None:
            raise HandoffError(
                f"the reference of dataset '{entry.dataset}' is missing: the task that makes it "
                "did not run, or what it returned is gone\n"
                "    -> run that task again, then this one"
            )
        found[entry.dataset] = None if is_absent(given) else DatasetRef.from_dict(given)
    return found


def returned(ref: DatasetRef | None) -> dict[str, Any]:
    """What a task passes on for one dataset: small JSON values."""
    return ref.to_dict() if ref is not None else _absent()


def is_absent(given: Any) -> bool:
    """Whether a step failed to produce its dataset under ``OnError.CONTINUE``."""
    return isinstance(given, Mapping) and "uri" in given and given["uri"] is None


def checked_names(
    given: Mapping[str, Any], declared: set[str], *, run: str, hint: str
) -> Mapping[str, Any]:
    """The values a run was given, if all are known.

    Args:
        given: Name -> value.
        declared: Names that mean something.
        run: The run, for the message.
        hint: What to do where no name is close.

    Raises:
        ParamsError: A value that nothing declares: a misspelt name, most likely.
    """
    unknown = sorted(set(given) - declared)
    if unknown:
        raise ParamsError(
            "the configuration of this run does not fit",
            [
                Problem(
                    where=f"run {run}",
                    subject=f"param '{name}'",
                    code="unknown-param",
                    message=f"there is no such param; there is {', '.join(sorted(declared))}",
                    hint=_suggestion(name, declared, hint),
                )
                for name in unknown
            ],
        )
    return given


def _suggestion(name: str, declared: set[str], hint: str) -> str:
    close = difflib.get_close_matches(name, sorted(declared), n=1)
    return f"did you mean '{close[0]}'?" if close else hint


def _absent() -> dict[str, Any]:
    return {"uri": None, "reason": "its step failed or was skipped; see the report of the task"}


def _report(macro_task: str, monitor: Monitor, duration: float, place: Place) -> None:
    """Tell what each inner step did, also when one of them failed."""
    reports = monitor.snapshot()
    if not reports:
        return
    log_reports(reports, place.logger)
    try:
        place.on_report(report_values(macro_task, reports, duration))
    except Exception:
        # The counts are in the log; losing them here must neither fail nor hide the failure of
        # the work itself.
        place.logger.warning("the report could not be passed on", exc_info=True)
