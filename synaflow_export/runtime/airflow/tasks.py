"""The bodies of the tasks that do the work of a run: each runs the steps of a macro-task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synaflow_core.handoff import DatasetRef
from synaflow_core.macro.task import MacroResult, MacroSpec
from synaflow_export.runtime import shards
from synaflow_export.runtime.airflow.placing import or_fail, place_of
from synaflow_export.runtime.airflow.stopped import end_told
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.running import returned, run_exported
from synaflow_export.runtime.shards import part_of
from synaflow_export.targets.airflow.xcom import xcom_keys


@end_told()
def run_macro_task(
    folder: Path,
    macro_task: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    shard: Mapping[str, Any] | None = None,
    store: str | None = None,
    outlets: Mapping[str, Any] | None = None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Run the steps of one macro-task; called from a task function.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> what the upstream task returned for it.
        shard: One of the slices of :func:`plan_shards`, for a mapped task.
        store: URL of the handoff store; the variable ``SYNAFLOW_STORE`` goes first.
        outlets: Dataset -> the asset that announces it.
        context: Airflow's context of the running task.

    Returns:
        The reference of the dataset that was written; with several, dataset -> reference; None
        when the macro-task writes none. For a shard, what :func:`join_shards` needs of it. The
        counts per step are pushed as an XCom of their own.

    Raises:
        AirflowFailException: A failure that another try would only repeat.
        Exception: Any other failure; Airflow tries again as the DAG file says.
    """
    exported = Exported(Path(folder))

    def work() -> tuple[MacroSpec, MacroResult]:
        params, place = place_of(exported, store, context)
        return run_exported(
            exported, macro_task, place, params=params, inputs=inputs or {}, shard=shard
        )

    spec, result = or_fail(work)
    return part_of(shard, result) if shard else _passed_on(spec, result, outlets, context)


@end_told()
def plan_shards(folder: Path, macro_task: str, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Cut the input of a sharded macro-task into slices, one per mapped task; at least one.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        inputs: Dataset -> what the upstream task returned for it.
    """
    exported = Exported(Path(folder))
    return or_fail(lambda: shards.plan_shards(exported, macro_task, inputs))


@end_told()
def join_shards(
    folder: Path,
    macro_task: str,
    parts: Iterable[Mapping[str, Any]],
    *,
    store: str | None = None,
    outlets: Mapping[str, Any] | None = None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Put together what the mapped tasks of a macro-task wrote.

    Args:
        folder: The folder beside the DAG file.
        macro_task: Name of the macro-task in the plan.
        parts: What the mapped tasks returned.
        store: As for :func:`run_macro_task`, which it returns the same as; so are the next two.
        outlets: Dataset -> the asset that announces it.
        context: Airflow's context of the running task.
    """
    exported = Exported(Path(folder))

    def work() -> tuple[MacroSpec, MacroResult]:
        _, place = place_of(exported, store, context)
        return shards.join_shards(exported, macro_task, place, _of_this_try(parts))

    return _passed_on(*or_fail(work), outlets, context)


def _of_this_try(parts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the instances returned, without those that only an earlier try of the run had.

    Airflow removes instances when a cleared run has fewer shards, and keeps what they returned. The
    first instance is always there, and knows how many there are.
    """
    found = list(parts)
    return found[: found[0]["shard"]["count"]] if found else found


def _passed_on(
    spec: MacroSpec,
    result: MacroResult,
    outlets: Mapping[str, Any] | None,
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Announce the datasets that were written, and return their references."""
    for dataset, asset in (outlets or {}).items():
        if dataset in result.refs:
            context["outlet_events"][asset].extra = _told(result.refs[dataset])
    values = {out.dataset: returned(result.refs[out.dataset]) for out in spec.outputs}
    if len(spec.outputs) == 1:
        return values[spec.outputs[0].dataset]
    return {key: values[dataset] for dataset, key in xcom_keys(values).items()} or None


def _told(ref: DatasetRef | None) -> dict[str, Any]:
    """What the event of an asset says of the data; there is none when the step failed."""
    if ref is None:
        return {"rows": 0, "uri": None, "errors": None}
    return {"rows": ref.count, "uri": ref.uri, "errors": ref.errors}
