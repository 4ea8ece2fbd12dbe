"""The course of a run, stage by stage, as acts: for both engines."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from synaflow_core.dag import Node, Source
from synaflow_core.engine.act import Act
from synaflow_core.engine.events import EventContext, PipelineEvent, tell
from synaflow_core.engine.ledger import exceeded
from synaflow_core.engine.lower import lower
from synaflow_core.engine.program import CallStage, Program, RegionStage, Stage
from synaflow_core.engine.region import Region
from synaflow_core.engine.seam import Seam
from synaflow_core.engine.state import RunState, binding_of


def execute(state: RunState, program: Program, seam: Seam) -> Act[None]:
    """Run all stages; tells the pipeline's observers how it began and ended."""
    pipeline = partial(EventContext, state.dag.name, state.run_id)
    yield from tell(state.dag.observers, pipeline(PipelineEvent.STARTED))
    try:
        uses = _uses(state, program)
        for stage in program.stages:
            parts = yield from _without_skipped(state, stage)
            for part in parts:
                if isinstance(part, CallStage):
                    yield from _call(state, part.step, seam)
                else:
                    yield from _region(state, part, seam)
            _free(state, stage, uses)
    except BaseException as error:
        if state.stopped is None:
            state.stopped = error
        yield from tell(state.dag.observers, pipeline(PipelineEvent.FAILED, exception=error))
        raise
    yield from tell(state.dag.observers, pipeline(PipelineEvent.COMPLETED))


def _without_skipped(state: RunState, stage: Stage) -> Act[Iterable[Stage]]:
    """The stage without the steps whose inputs are not to be had; they are marked skipped."""
    if not state.unavailable:
        return (stage,)
    left = []
    for name in stage.steps:
        node = state.dag.steps[name]
        lacking = _lacking(state, node)
        if lacking:
            yield from state.skip(name, lacking)
        else:
            left.append(name)
    if len(left) == len(stage.steps):
        return (stage,)
    return lower(state.dag, left, taps=frozenset(state.taps), keep=state.kept).stages


def _lacking(state: RunState, node: Node) -> str:
    for edge in node.edges:
        if edge.source is Source.STEP and edge.producer in state.unavailable:
            why = state.unavailable[edge.producer]
            return (
                why if why.startswith(f"'{edge.producer}'") else f"needs '{edge.producer}': {why}"
            )
    return ""


def _call(state: RunState, name: str, seam: Seam) -> Act[None]:
    """One step that is called once with finished values."""
    node, tally = state.dag.steps[name], state.tally(name)
    yield from state.start(tally)
    stack = seam.new_stack()
    try:
        try:
            found: dict[str, Any] = {}
            for edge in node.edges:
                if edge.source is Source.RESOURCE:
                    made = yield state.dag.resources[edge.producer]
                    found[edge.parameter] = yield from seam.enter(stack, made)
                else:
                    value = state.value(edge, name)
                    lazy = edge.delivery.is_lazy
                    found[edge.parameter] = seam.from_value(value, edge) if lazy else value
            binding = binding_of(node)
            arguments = [found[edge.parameter] for edge in binding.positional]
            keywords = {edge.parameter: found[edge.parameter] for edge in binding.keywords}
            result = yield partial(node.fn, *arguments, **keywords)
            if node.materializer is not None and node.output_kind.is_collection:
                result = yield partial(node.materializer, result)
        finally:
            yield from seam.leave(stack)
        state.results[name, ""] = result
        tally.settled_ok = 1
    except Exception as error:
        yield from state.step_failed(tally, error, lost=True)
    finally:
        yield from state.finish(tally)


def _region(state: RunState, stage: RegionStage, seam: Seam) -> Act[None]:
    """Steps connected by streams; then their collections and thresholds."""
    region = Region(state, stage, seam)
    yield from region.run()
    for key, collector in region.collectors.items():
        tally = state.tally(key.producer)
        try:
            if collector.error is not None:
                raise collector.error
            value = collector.finish()
            materializer = tally.node.materializer
            if materializer is not None:
                value = yield partial(materializer, value)
        except Exception as error:
            yield from state.step_failed(tally, error, lost=True)
        else:
            state.keep(key, value)
    for name in stage.steps:
        failure = exceeded(state.tally(name))
        if failure is not None:
            state.stop(failure)


def _uses(state: RunState, program: Program) -> dict[str, int]:
    """How many steps of the run still read each step's finished output."""
    uses: dict[str, int] = {}
    for stage in program.stages:
        for name in stage.steps:
            for edge in state.dag.steps[name].edges:
                if edge.source is Source.STEP:
                    uses[edge.producer] = uses.get(edge.producer, 0) + 1
    return uses


def _free(state: RunState, stage: Stage, uses: dict[str, int]) -> None:
    """Forget values that nobody reads any more, so that memory follows the live part of the run."""
    for name in stage.steps:
        for edge in state.dag.steps[name].edges:
            if edge.source is Source.STEP:
                state.results.pop((edge.producer, name), None)
                uses[edge.producer] -= 1
                if not uses[edge.producer] and edge.producer not in state.wanted:
                    state.results.pop((edge.producer, ""), None)
