"""The end of a sharded macro-task: the parts that its instances wrote become whole datasets.

Each instance returns a :class:`ShardResult`. :func:`join_shards` takes all of them, sums up what
happened, judges error thresholds on the sums, and only then makes the datasets visible. It needs
neither the user's code nor the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from synaflow_core.contract import Contract
from synaflow_core.engine.ledger import CANCELLED, FAILED, OK, SKIPPED, StepReport, over_threshold
from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.shards import Shard
from synaflow_core.macro.task import MacroReport, MacroResult, MacroSpec


class ShardResult(msgspec.Struct, frozen=True):
    """What one instance of a sharded macro-task did; small JSON.

    Attributes:
        shard: The slice that it worked on.
        refs: Dataset -> reference to the part that it wrote; None as in a ``MacroResult``.
        report: Counts per inner step.
    """

    shard: Shard
    refs: dict[str, DatasetRef | None]
    report: MacroReport

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values, for whatever an orchestrator hands on between tasks."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ShardResult:
        """Read a result back.

        Raises:
            HandoffError: It is none.
        """
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as problem:
            raise HandoffError(
                f"this is no result of a shard: {problem}\n"
                "    -> pass on what the tasks of the shards returned, unchanged"
            ) from problem


def join_shards(
    spec: MacroSpec,
    results: Iterable[ShardResult],
    *,
    contract: Contract,
    store: HandoffStore,
    run_key: str,
) -> MacroResult:
    """Put together what the shards of a macro-task wrote.

    Args:
        spec: The macro-task, from the plan.
        results: One result per shard, in any order.
        contract: The contract that was exported: its thresholds hold for all shards together.
        store: Where the parts are.
        run_key: Key of the run.

    Returns:
        One reference per dataset, which reads as if it had been written unsharded, and the sums.

    Raises:
        ThresholdExceededException: Too many items of an EACH step failed, over all shards.
        HandoffError: A shard is missing or there twice, or its part is not there.
    """
    ordered = in_order(spec, results)
    report = joined_report(spec.name, ordered)
    _judge(report, contract)
    errors = {step.name: step.errors for step in report.steps}
    refs = {
        output.dataset: _join(
            [result.refs[output.dataset] for result in ordered],
            contract.name,
            output.dataset,
            errors.get(output.step, 0),  # steps that run no code have no report
            store,
            run_key,
        )
        for output in spec.outputs
    }
    return MacroResult(refs, report)


def joined_report(macro_task: str, results: Sequence[ShardResult]) -> MacroReport:
    """The sums of the reports of all shards; durations are seconds of work, added up."""
    columns = zip(*(result.report.steps for result in results), strict=True)
    return MacroReport(
        macro_task,
        tuple(_summed(column) for column in columns),
        sum(result.report.duration for result in results),
    )


def _summed(reports: Sequence[StepReport]) -> StepReport:
    statuses = {report.status for report in reports}
    # A shard without rows skips nothing, so steps that no shard called were skipped in all of them.
    status = next((s for s in (FAILED, CANCELLED, OK) if s in statuses), SKIPPED)
    return StepReport(
        name=reports[0].name,
        status=status,
        ok=sum(report.ok for report in reports),
        errors=sum(report.errors for report in reports),
        skipped=sum(report.skipped for report in reports),
        duration=sum(report.duration for report in reports),
        reason=next((r.reason for r in reports if r.status == status and r.reason), ""),
        first_error=next((r.first_error for r in reports if r.first_error), ""),
        rollback=next((r.rollback for r in reports if r.rollback), ""),
    )


def _judge(report: MacroReport, contract: Contract) -> None:
    """Thresholds, on the sums: a shard sees only its own items and so must not judge."""
    for step in report.steps:
        declared = contract.steps[step.name]
        failure = over_threshold(
            step.name,
            step.errors,
            step.ok,
            declared.error_threshold_absolute,
            declared.error_threshold_pct,
        )
        if failure is not None:
            raise failure


def in_order(spec: MacroSpec, results: Iterable[ShardResult]) -> list[ShardResult]:
    """The results by shard, after a check that each is there once and that none is of another cut.

    Raises:
        HandoffError: That is not so.
    """
    found = sorted(results, key=lambda result: result.shard.index)
    shards = [result.shard for result in found]
    count = shards[0].count if shards else 1
    indices = [shard.index for shard in shards]
    problem = ""
    if missing := sorted(set(range(count)).difference(indices)):
        problem = f"nothing came from {_named(missing, count)}"
    elif twice := sorted({index for index in indices if indices.count(index) > 1}):
        problem = f"there are several results of {_named(twice, count)}"
    elif (
        len({(shard.count, shard.rows) for shard in shards}) > 1
        or len(shards) != count
        or [s.stop for s in shards] != [*(s.start for s in shards[1:]), shards[0].rows]
        or shards[0].start
    ):
        problem = "their results belong to shards that were planned at different times"
    elif any(set(r.refs) != {output.dataset for output in spec.outputs} for r in found):
        problem = "a result lacks a dataset of the plan, or has one that is not in it"
    elif len({tuple(step.name for step in r.report.steps) for r in found}) > 1:
        problem = "their reports are of different steps"
    if problem:
        raise HandoffError(
            f"the shards of macro-task '{spec.name}' cannot be joined: {problem}\n"
            "    -> clear the task that plans the shards and the tasks of all shards"
        )
    return found


def _named(indices: Sequence[int], count: int) -> str:
    shown = ", ".join(f"{index + 1}/{count}" for index in indices[:10])
    return f"shard{'s' * (len(indices) > 1)} {shown}{' ...' * (len(indices) > 10)}"


def _join(
    parts: Sequence[DatasetRef | None],
    pipeline: str,
    dataset: str,
    errors: int,
    store: HandoffStore,
    run_key: str,
) -> DatasetRef | None:
    """One dataset; None where its step gave nothing that could be used, even if only once."""
    written = [part for part in parts if part is not None]
    if len(written) < len(parts):
        return None
    if written[0].kind == "value":  # what a step gives that returns nothing: the same everywhere
        return dataclasses.replace(written[0], errors=errors)
    return store.join(pipeline, run_key, dataset, written, errors=errors)
