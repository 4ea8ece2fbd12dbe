"""One macro-task on a worker: a part of a Dag on the ordinary engine, references in and out.

The generated files of every orchestrator end up here. Inputs are opened lazily, boundary outputs
are written while their stream runs (:mod:`.boundary`), and a dataset becomes visible
only when the whole macro-task has succeeded. What a failing macro-task has done is undone before
the failure is raised; what any has done is in the run's ledger
(:mod:`synaflow_core.compensation`). The planner (:mod:`synaflow_export.plan`) wrote the spec;
nothing is decided here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from synaflow_core.compensation import begin_attempt
from synaflow_core.compensation.remembered import RememberedJournal
from synaflow_core.compensation.rollback import undo_done
from synaflow_core.contract import Contract, contract_of
from synaflow_core.contract.digest import STEP_TEXTS
from synaflow_core.dag import Dag
from synaflow_core.engine.ledger import StepReport
from synaflow_core.engine.lower import lower
from synaflow_core.engine.positions import aligned_inputs
from synaflow_core.engine.result import Monitor, reports
from synaflow_core.engine.run import new_state, run_program, run_program_async
from synaflow_core.engine.state import RunState
from synaflow_core.errors import DriftError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.boundary import InputSpec, Outputs, OutputSpec, open_inputs
from synaflow_core.macro.shards import Shard, ShardSpec
from synaflow_core.pipeline import Pipeline

logger = logging.getLogger("synaflow.macro")


class MacroSpec(msgspec.Struct, frozen=True):
    """What one macro-task runs, as the plan says; further fields of the plan are ignored.

    ``shards``: it may run as several instances, each on a slice of one input.
    """

    name: str
    steps: tuple[str, ...]
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    fingerprint: str
    shards: ShardSpec | None = None


@dataclass(frozen=True)
class MacroReport:
    """What happened inside a macro-task.

    Attributes:
        macro_task: Its name.
        steps: One report per inner step, in declaration order.
        duration: Seconds, reading and writing of datasets included.
    """

    macro_task: str
    steps: tuple[StepReport, ...]
    duration: float

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values, small enough for an orchestrator's own database."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


@dataclass(frozen=True)
class MacroResult:
    """Outcome of a macro-task.

    Attributes:
        refs: Dataset -> reference; None where the step failed or was skipped under CONTINUE, so
            that the steps that need it are skipped as they would be in process.
        report: Counts per inner step.
    """

    refs: dict[str, DatasetRef | None]
    report: MacroReport


def run_macro_task(
    pipeline: Pipeline,
    spec: MacroSpec,
    *,
    params: Mapping[str, Any],
    inputs: Mapping[str, DatasetRef | None],
    store: HandoffStore,
    run_key: str,
    shard: Shard | None = None,
    exported: Contract | None = None,
    on_drift: Literal["fail", "warn"] = "fail",
    monitor: Monitor | None = None,
    run_id: str = "",
) -> MacroResult:
    """Run the steps of one macro-task in this process and write its boundary datasets.

    Args:
        pipeline: The user's pipeline, imported and compiled on this worker.
        spec: The macro-task, from the plan.
        params: Run parameters as JSON values; validated here again.
        inputs: Dataset name -> reference; None for a dataset that was not produced.
        store: Where datasets live.
        run_key: Identifies the run; equal keys replace each other's datasets.
        shard: Work on this slice only, and write parts of the datasets, which
            :func:`.joining.join_shards` puts together; thresholds are judged there.
        exported: The contract that was exported, to say what drifted.
        on_drift: What to do when the code is not the one that was exported.
        monitor: Receives live counts.
        run_id: The orchestrator's own name of the run, where several may have one key: the runs of
            a window. Tells their work apart when one of them is rolled back.

    Raises:
        DriftError: The pipeline's code differs from the plan's.
        ParamsError: The params do not fit.
        HandoffError: A dataset could not be read or written.
        PipelineStopException: A step failed under ``OnError.STOP``.
        ThresholdExceededException: Too many items of an EACH step failed.
        SupersededError: The run was rolled back, or another attempt began, in the meantime.
    """
    began = time.perf_counter()
    dag = pipeline.dag
    _check_drift(dag, spec, exported, on_drift)
    sliced = spec.shards.dataset if spec.shards is not None else None
    with Outputs(spec.outputs, dag, store, run_key, shard) as outputs, ExitStack() as ended:
        journal = begin_attempt(
            dag,
            store,
            run_key,
            macro_task=spec.name,
            part=None if shard is None else (shard.index, shard.count),
            datasets=outputs.uris,
            run_id=run_id,
        )
        if journal is not None:
            ended.callback(journal.close)
        state = new_state(
            dag,
            params,
            wanted=frozenset(outputs.takers),
            only=spec.steps,
            inputs=open_inputs(spec.inputs, dag, inputs, store, shard, sliced),
            partial=shard is not None,
            taps=outputs.taps,
            takers=outputs.takers,
            placed=outputs.placed,
            journal=journal,
        )
        for entry in spec.inputs:
            if inputs.get(entry.dataset) is None:
                state.unavailable[entry.producer] = f"'{entry.producer}' produced no dataset"
        program = lower(
            dag,
            spec.steps,
            taps=outputs.streams,
            aligned=aligned_inputs(state.inputs),
            placed=outputs.placed,
        )
        try:
            if dag.is_async:
                import asyncio  # 30 ms that a synchronous macro-task does not pay

                asyncio.run(run_program_async(state, program, monitor))
            else:
                run_program(state, program, monitor)
            refs = _commit(outputs, state, journal)
        except BaseException as error:
            undo_done(state, error)  # the engine has, unless it is a dataset that failed
            raise
        report = MacroReport(spec.name, tuple(reports(state)), time.perf_counter() - began)
    return MacroResult(refs, report)


def _commit(
    outputs: Outputs, state: RunState, journal: RememberedJournal | None
) -> dict[str, DatasetRef | None]:
    """Make the datasets visible, unless the attempt is no longer the one that counts."""
    if journal is None:
        return outputs.commit(state)
    journal.refuse_superseded()
    refs = outputs.commit(state)
    journal.refuse_superseded()  # somebody may have withdrawn them right before they were there
    journal.well = True
    return refs


def _check_drift(
    dag: Dag, spec: MacroSpec, exported: Contract | None, on_drift: Literal["fail", "warn"]
) -> None:
    """Compare the code on this worker with the code that was exported."""
    current = contract_of(dag)
    if current.fingerprint == spec.fingerprint:
        return
    message = (
        f"the code of pipeline '{dag.name}' on this worker is not the code that was exported"
        f"{_differences(exported, current) if exported is not None else ''}. "
        f"Export again, or deploy the code that belongs to this export."
    )
    if on_drift == "fail":
        raise DriftError(message)
    logger.warning("%s (on_drift='warn': going on)", message)


def _differences(exported: Contract, current: Contract) -> str:
    """Which steps were added, removed or changed, and in which of their fields."""
    parts = []
    for name, step in current.steps.items():
        before = exported.steps.get(name)
        if before is None:
            parts.append(f"step '{name}' was added")
            continue
        changed = [
            field
            for field in step.__struct_fields__
            if field not in STEP_TEXTS and getattr(step, field) != getattr(before, field)
        ]
        if changed:
            parts.append(f"step '{name}' was changed ({', '.join(changed)})")
    parts += [f"step '{name}' was removed" for name in exported.steps if name not in current.steps]
    if exported.params_schema != current.params_schema:
        parts.append("the params were changed")
    return f": {'; '.join(parts)}" if parts else ""
