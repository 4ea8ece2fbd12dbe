"""Rolling back a run that failed or was cancelled: another, visible run does it.

A sensor sees the end of every run of the code location, picks those in which steps of the pipeline
were to run, and asks for a run of the rollback job, which is named by the failed run's id, so there
is one. The failed run stays failed. What was undone is also taken out of Dagster's hands: the
references of its datasets are removed, so that nobody goes on with them, and an observation tells.

A run that Dagster itself will retry is not rolled back, because the retry goes on with what it did;
when the last one fails, all of them are. A run that somebody re-executes from its failure finds its
parent's work undone, and is told to run that again, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from synaflow_export.runtime.dagster.place import Placing

if TYPE_CHECKING:
    from synaflow_export.runtime.dagster.export import Export

ROLLBACK_OF = "synaflow/rollback_of"
"""Tag of a run of the rollback job: the run that it undoes."""

MACRO_TASK = "synaflow/macro_task"
"""Tag of an op: the macro-task that it runs."""

_WILL_RETRY = "dagster/will_retry"


def rollback_request(
    context: dg.RunStatusSensorContext, export: Export
) -> dg.RunRequest | dg.SkipReason:
    """What a sensor answers to a run that has ended badly.

    Args:
        context: Dagster's context of the sensor.
        export: The folder of the export.
    """
    run = context.dagster_run
    if not any(step.startswith(f"{export.name}__") for step in _steps_of(run, context.instance)):
        return dg.SkipReason(f"no run of {export.name}")
    if _will_be_retried(run):
        return dg.SkipReason("the run will be retried, and go on with what it did")
    return dg.RunRequest(run_key=run.run_id, tags={ROLLBACK_OF: run.run_id})


def roll_back(context: dg.OpExecutionContext, export: Export) -> None:
    """Undo what a run has done; called from the op of the rollback job.

    Args:
        context: Dagster's context of the op; a tag of its run names the run that failed.
        export: The folder of the export.

    Raises:
        Failure: Of dg: a rollback failed, and another try may do what is left; or nobody said
            which run is to be undone.
    """
    from synaflow_core.errors import ParamsError
    from synaflow_export.runtime import rollback

    failed = context.run.tags.get(ROLLBACK_OF)
    if failed is None:
        raise dg.Failure(f"the tag {ROLLBACK_OF} must name the run to undo", allow_retries=False)
    placing = Placing(context, export)
    exported = placing.exported
    left: list[str] = []
    datasets: set[str] = set()
    for run_id in _and_what_it_retried(failed, context.instance):
        error = f"run {failed} failed or was cancelled"
        try:
            place = placing.place(run_id)
        except ParamsError:  # it never came to know its window, and has done nothing
            context.log.info(f"run {run_id} is of no window: there is nothing to undo")
            continue
        result = rollback.roll_back(exported, place, error=error)
        datasets |= {  # one run's rollback undoes all of a window, also what it was a retry of
            out.dataset
            for name in result.macro_tasks
            if name in exported.weights  # an export may have come between the runs of a window
            for out in exported.macro_task(name).outputs
        }
        _forget(context, export, run_id, datasets)
        left += [f"{step.step}: {step.error}" for step in result.failed]
    if left:
        raise dg.Failure(f"could not be undone: {'; '.join(left)}")


def refuse_undone(placing: Placing) -> None:
    """Stop a run that was re-executed in part when the part that is left out is undone.

    Raises:
        Failure: Of dg: names what has to run again; or the rollback is still due.
    """
    from synaflow_export.runtime.rollback import undone_in_plan

    context, exported, pipeline = placing.context, placing.exported, placing.pipeline
    parent = context.run.parent_run_id
    if parent is None or not exported.contract.undoable:
        return
    before = context.instance.get_run_by_id(parent)
    if before is None or before.is_success or _will_be_retried(before):
        return
    if not _was_rolled_back(parent, context.instance):
        raise dg.Failure(
            f"run {parent}, which this one goes on from, is still to be rolled back: wait for the "
            f"job {pipeline}_rollback, then run everything again"
        )
    running = {_op_of(step) for step in _steps_of(context.run, context.instance)}
    again = {
        node.tags[MACRO_TASK]
        for node in context.job_def.all_node_defs
        if node.name in running and node.name.startswith(f"{pipeline}__")
    }
    run_key = placing.place(parent).run_key
    undone = undone_in_plan(exported, run_key, placing.store())
    gone = dict.fromkeys(task for task, _ in undone if task not in again)
    if gone:
        raise dg.Failure(
            f"what {', '.join(gone)} did was undone when run {parent} was rolled back: "
            "run everything again, not from the failure",
            allow_retries=False,
        )


def _steps_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> list[str]:
    """The steps that a run was to execute."""
    snapshot = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    return list(run.step_keys_to_execute or snapshot.step_keys_to_execute)


def _op_of(step: str) -> str:
    """Name of the op of a step: ``graph.op[mapping key]``."""
    return step.partition("[")[0].rpartition(".")[2]


def _will_be_retried(run: dg.DagsterRun) -> bool:
    return bool(run.tags.get(_WILL_RETRY) == "true")


def _and_what_it_retried(run_id: str, instance: dg.DagsterInstance) -> Iterator[str]:
    """A run, and before it those that it was Dagster's own retry of: newest first."""
    run = instance.get_run_by_id(run_id)
    yield run_id
    while run is not None and run.parent_run_id is not None:
        run = instance.get_run_by_id(run.parent_run_id)
        if run is None or not _will_be_retried(run):
            return
        yield run.run_id


def _was_rolled_back(run_id: str, instance: dg.DagsterInstance) -> bool:
    done = dg.RunsFilter(tags={ROLLBACK_OF: run_id}, statuses=[dg.DagsterRunStatus.SUCCESS])
    return bool(instance.get_runs(filters=done, limit=1))


def _forget(
    context: dg.OpExecutionContext, export: Export, run_id: str, datasets: set[str]
) -> None:
    """Remove the references of undone datasets, and tell the assets."""
    references = export.io_manager()
    logged = context.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    for entry in logged:
        key = entry.dagster_event.asset_key
        if references.forget(key, run_id, datasets, context.instance):
            context.log_event(
                dg.AssetObservation(
                    key,
                    description="rolled back: what the run did for it was undone",
                    metadata={"rolled back run": dg.MetadataValue.dagster_run(run_id)},
                )
            )
