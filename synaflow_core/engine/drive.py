"""The course of a run, stage by stage, written once for both engines.

Functions here are generators of *effects*: callables that the engine's shell performs, awaiting
the result where it is asynchronous. So nothing in this module knows which engine it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol, TypeVar

from synaflow_core.dag import Node, Source
from synaflow_core.engine.collect import Collector
from synaflow_core.engine.events import EventContext, PipelineEvent, dispatch
from synaflow_core.engine.ledger import exceeded
from synaflow_core.engine.lower import lower
from synaflow_core.engine.program import CallStage, Program, RegionStage, Stage
from synaflow_core.engine.state import RunState, binding_of

T = TypeVar("T")
Act = Generator[Callable[[], Any], Any, T]


class Region(Protocol):
    """A streaming region in one of the engines."""

    collectors: dict[Any, Collector]

    def run(self) -> Any:
        """Run it to its end; awaited by the asynchronous engine."""


MakeRegion = Callable[[RunState, RegionStage], Region]


def perform(act: Act[T]) -> T:
    """Carry out an act on the caller's thread: the synchronous shell."""
    try:
        effect = next(act)
        while True:
            try:
                value = effect()
            except BaseException as error:
                effect = act.throw(error)
            else:
                effect = act.send(value)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # what the act returned


def execute(state: RunState, program: Program, make_region: MakeRegion) -> Act[None]:
    """Run all stages; tells the pipeline's observers how it began and ended."""
    pipeline = partial(EventContext, state.dag.name, state.run_id)
    dispatch(state.dag.observers, pipeline(PipelineEvent.STARTED))
    try:
        uses = _uses(state, program)
        for stage in program.stages:
            for part in _without_skipped(state, stage):
                if isinstance(part, CallStage):
                    yield from _call(state, part.step)
                else:
                    yield from _region(state, part, make_region)
            _free(state, stage, uses)
    except BaseException as error:
        if state.stopped is None:
            state.stopped = error
        dispatch(state.dag.observers, pipeline(PipelineEvent.FAILED, exception=error))
        raise
    dispatch(state.dag.observers, pipeline(PipelineEvent.COMPLETED))


def _without_skipped(state: RunState, stage: Stage) -> Iterable[Stage]:
    """The stage without the steps whose inputs are not to be had; they are marked skipped."""
    if not state.unavailable:
        return (stage,)
    left = []
    for name in stage.steps:
        node = state.dag.steps[name]
        lacking = _lacking(state, node)
        if lacking:
            state.skip(name, lacking)
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


def _call(state: RunState, name: str) -> Act[None]:
    """One step that is called once with finished values."""
    node, tally = state.dag.steps[name], state.tally(name)
    state.start(tally)
    try:
        with ExitStack() as stack:

            def argument(edge: Any) -> Any:
                if edge.source is Source.RESOURCE:
                    return state.resource(edge.producer, stack)
                return state.value(edge, name)

            binding = binding_of(node)
            arguments = [argument(edge) for edge in binding.positional]
            keywords = {edge.parameter: argument(edge) for edge in binding.keywords}
            result = yield partial(node.fn, *arguments, **keywords)
            if node.materializer is not None and node.output_kind.is_collection:
                result = yield partial(node.materializer, result)
        state.results[name, ""] = result
        tally.settled_ok = 1
    except Exception as error:
        state.step_failed(tally, error, lost=True)
    finally:
        state.finish(tally)


def _region(state: RunState, stage: RegionStage, make_region: MakeRegion) -> Act[None]:
    """Steps connected by streams; then their collections and thresholds."""
    region = make_region(state, stage)
    yield region.run
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
            state.step_failed(tally, error, lost=True)
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
