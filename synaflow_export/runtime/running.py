"""One macro-task of an export, whatever the orchestrator: the part that all of them share.

A target's own module reads its orchestrator's context (params, run, log), calls
:func:`run_exported` and tells failures in the orchestrator's terms (:mod:`.retry` says which are
final). What tasks pass on are the values of :func:`returned`, read again by :func:`references`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synaflow_core.compensation import rollback_at_work
from synaflow_core.engine import Monitor, StepReport
from synaflow_core.errors import HandoffError, ParamsError, Problem, did_you_mean
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro import task as macro
from synaflow_core.macro.shards import shard_from_json
from synaflow_core.macro.task import MacroResult, MacroSpec
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.progress import log_reports, progress_lines, report_values
from synaflow_export.runtime.storage import open_store
from synaflow_export.runtime.waiting import PATIENCE, wait_until_none

_AN_HOUR = 3600.0


@dataclass(frozen=True)
class Place:
    """Where a macro-task runs.

    Attributes:
        store: URL of the handoff store that the generated file names, if any.
        home: The orchestrator's own folder, for want of a store.
        run_key: Identifies the run; equal keys replace each other's datasets.
        logger: Where progress goes.
        on_report: Called once with the counts per inner step, also when one of them failed.
        on_progress: Called every few seconds, on a thread of its own, with how far the macro-task
            is, from 0.0 to 1.0; must not raise.
        run_id: The orchestrator's own id of the run: several may have one key, those of a window.
    """

    store: str | None
    home: Path
    run_key: str
    logger: logging.Logger
    on_report: Callable[[dict[str, Any]], None]
    on_progress: Callable[[float], None] | None = None
    run_id: str = ""


def run_exported(
    exported: Exported,
    macro_task: str,
    place: Place,
    *,
    params: Mapping[str, Any],
    inputs: Mapping[str, Any],
    shard: Mapping[str, Any] | None = None,
) -> tuple[MacroSpec, MacroResult]:
    """Run the steps of one macro-task, or of one shard of it (see :mod:`.shards`).

    Args:
        exported: The folder of the export.
        macro_task: Name of the macro-task in the plan.
        place: Where it runs.
        params: Values of the pipeline's params, as JSON values.
        inputs: Dataset -> what the upstream task returned for it; see :func:`references`.
        shard: One of those that :func:`~synaflow_export.runtime.shards.plan_shards` gave.

    Raises:
        SynaflowError: As :func:`synaflow_core.macro.task.run_macro_task` does.
    """
    spec = exported.macro_task(macro_task)
    store = open_store(
        place.store, place.home, allow_pickle=exported.allow_pickle, log=place.logger
    )
    monitor = Monitor()
    began = time.perf_counter()
    part = None if shard is None else shard_from_json(shard)
    name = macro_task if part is None else f"{macro_task} {part.label}"
    steps = f"step{'s' * (len(spec.steps) > 1)} {', '.join(spec.steps)}"
    place.logger.info("macro-task '%s': %s", name, steps)
    try:
        with (
            exported.pipeline() as pipeline,
            phases_logged(place.logger),
            progress_lines(monitor, place.logger, on_progress=place.on_progress),
        ):
            if exported.contract.undoable:
                wait_until_undone(exported.contract.name, place, store)
            result = macro.run_macro_task(
                pipeline,
                spec,
                params=params,
                inputs=references(spec, inputs),
                store=store,
                run_key=place.run_key,
                shard=part,
                exported=exported.contract,
                monitor=monitor,
                run_id=place.run_id,
            )
    finally:
        tell_reports(macro_task, monitor.snapshot(), time.perf_counter() - began, place)
    if shard is None:
        tell_done(exported, macro_task, place)
    return spec, result


def wait_until_undone(pipeline: str, place: Place, store: HandoffStore) -> None:
    """Wait for the end of a rollback of the run.

    Somebody may have cleared a task, or started the next run of a window, while it goes on: it
    would undo what is done anew. One that was killed on another machine is waited for in vain, and
    one in a process that goes on when the store has not taken the word of its end; but once only.

    Raises:
        HandoffError: The ledger cannot be read.
    """

    def at_work() -> bool | None:
        return rollback_at_work(pipeline, place.run_key, store)

    found = at_work()
    if found is not False:
        wait_until_none(
            lambda: [] if at_work() is False else ["the rollback of the run"],
            _AN_HOUR if found else PATIENCE,
            place.logger,
            "undoes what is done anew: run nothing again before it has ended",
        )


def phases_logged(task_log: logging.Logger) -> AbstractContextManager[None]:
    """What phases log goes to the log of the task; nothing where the pipeline has no phases."""
    phases = sys.modules.get("synaflow_core.phases.context")
    return nullcontext() if phases is None else phases.log_to(task_log)


def references(spec: MacroSpec, inputs: Mapping[str, Any]) -> dict[str, DatasetRef | None]:
    """The datasets that a macro-task reads; see :func:`reference`."""
    return {entry.dataset: reference(entry.dataset, inputs) for entry in spec.inputs}


def reference(dataset: str, inputs: Mapping[str, Any]) -> DatasetRef | None:
    """A dataset as the upstream task returned it; None for one that its step did not produce.

    Raises:
        HandoffError: A task upstream returned nothing, for example because it was marked as
            successful by hand and never ran.
    """
    given = inputs.get(dataset)
    if given is None:
        raise HandoffError(
            f"the reference of dataset '{dataset}' is missing: the task that makes it "
            "did not run, or what it returned is gone\n"
            "    -> run that task again, then this one"
        )
    return None if is_absent(given) else DatasetRef.from_dict(given)


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
                    hint=did_you_mean(name, sorted(declared), hint),
                )
                for name in unknown
            ],
        )
    return given


def _absent() -> dict[str, Any]:
    return {"uri": None, "reason": "its step failed or was skipped; see the report of the task"}


def tell_reports(
    macro_task: str, reports: Sequence[StepReport], duration: float, place: Place
) -> None:
    """Tell what each inner step did, also when one of them failed."""
    if not reports:
        return
    log_reports(reports, place.logger)
    try:
        place.on_report(report_values(macro_task, reports, duration))
    except Exception:
        # The counts are in the log; losing them here must neither fail nor hide the failure of
        # the work itself.
        place.logger.warning("the report could not be passed on", exc_info=True)


def tell_done(exported: Exported, macro_task: str, place: Place) -> None:
    """Log how far the run is, where steps have weights."""
    done = exported.done_after(macro_task)
    if done is not None:
        place.logger.info(
            "macro-task '%s' is done; with what it needs it is %.0f%% of the run",
            macro_task,
            100 * done,
        )
