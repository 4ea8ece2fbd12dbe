"""The course of a run, stage by stage, as acts: for both engines."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any

from synaflow_core.dag import Node, Source
from synaflow_core.engine.act import Act
from synaflow_core.engine.call import Call
from synaflow_core.engine.events import EventContext, PipelineEvent, tell
from synaflow_core.engine.frontier import Frontier
from synaflow_core.engine.journal import roll_back
from synaflow_core.engine.lower import lower
from synaflow_core.engine.positions import aligned_inputs
from synaflow_core.engine.program import CallStage, Program, RegionStage, Stage
from synaflow_core.engine.progress import Progress
from synaflow_core.engine.region import Region
from synaflow_core.engine.seam import Seam
from synaflow_core.engine.state import RunState, idle_reason


def execute(state: RunState, program: Program, seam: Seam, workers: int = 1) -> Act[None]:
    """Run all stages; tells the pipeline's observers how it began and ended.

    With several ``workers`` steps that are called once with finished values run side by side.
    """
    pipeline = partial(EventContext, state.dag.name, state.run_id)
    yield from tell(state.dag.observers, pipeline(PipelineEvent.STARTED))
    if state.dag.observers:
        state.progress = Progress(tally.node for tally in state.tallies.values())
    try:
        uses = _uses(state, program)
        if workers > 1:
            yield from _side_by_side(state, program, seam, uses, workers)
        else:
            for stage in program.stages:
                yield from _stage(state, stage, seam)
                _after(state, stage, uses)
        yield from _skip_idle(state)
    except BaseException as error:
        state.end(error)
        yield from _skip_idle(state)
        with nullcontext() if state.journal is None else state.journal.undisturbed():
            yield from roll_back(state, seam, error)
            yield from tell(state.dag.observers, pipeline(PipelineEvent.FAILED, exception=error))
        raise
    yield from tell(state.dag.observers, pipeline(PipelineEvent.COMPLETED))


def _stage(state: RunState, stage: Stage, seam: Seam) -> Act[None]:
    """One stage, without the steps that have to be skipped."""
    parts = yield from _without_skipped(state, stage)
    for part in parts:
        if isinstance(part, CallStage):
            call = Call(state, part.step, seam)
            yield from call.begin()
            yield from call.work()
            yield from call.settle()
        else:
            yield from _region(state, part, seam)


def _skip_idle(state: RunState) -> Act[None]:
    """Tell of the steps that never began, so that nothing is silent."""
    for name, tally in state.tallies.items():
        if tally.started is None and not tally.status:
            yield from state.skip(name, idle_reason(state))


def _side_by_side(
    state: RunState, program: Program, seam: Seam, uses: dict[str, int], workers: int
) -> Act[None]:
    """All stages, each as soon as those that it needs have ended; calls are made by a crew.

    Everything but the calls themselves happens here, one after the other, so events, counts and
    verdicts need no locks. Regions run here as well, while the crew works.
    """
    frontier = Frontier(program, dict(state.dag.steps))
    crew = seam.crew(workers)
    running: dict[Any, tuple[Stage, Call]] = {}
    try:
        while not frontier.done:
            while not frontier.alone and len(running) < workers:
                stage = frontier.take_call()
                if stage is None:
                    break
                if (yield from _without_skipped(state, stage)):
                    call = Call(state, stage.step, seam)
                    yield from call.begin()
                    running[crew.submit(call.work)] = stage, call
                else:
                    _ended(state, frontier, stage, uses)
            here = frontier.take() if len(running) < workers else None
            if here is not None:
                yield from _stage(state, here, seam)
                _ended(state, frontier, here, uses)
            for handle in (yield partial(crew.wait, list(running), here is None)):
                begun, call = running.pop(handle)
                yield from call.settle()
                _ended(state, frontier, begun, uses)
    except BaseException as error:
        state.end(error)
        raise
    finally:
        yield crew.close
        for _, call in running.values():
            yield from call.close()


def _ended(state: RunState, frontier: Frontier, stage: Stage, uses: dict[str, int]) -> None:
    frontier.ended(stage)
    _after(state, stage, uses)


def _without_skipped(state: RunState, stage: Stage) -> Act[Iterable[Stage]]:
    """The stage without the steps whose inputs are not to be had; they are marked skipped."""
    if not state.unavailable:
        return (stage,)
    left = []
    for name in stage.steps:
        node = state.dag.steps[name]
        lacking = _lacking(state, node)
        if name in state.unavailable:
            continue  # it has failed before it was called
        if lacking:
            yield from state.skip(name, lacking)
        else:
            left.append(name)
    if len(left) == len(stage.steps):
        return (stage,)
    readers = frozenset(state.tallies) - frozenset(stage.steps)  # they still collect from here
    return lower(
        state.dag,
        left,
        taps=frozenset(state.taps),
        keep=state.kept,
        readers=readers,
        aligned=aligned_inputs(state.inputs),
        placed=state.placed,
    ).stages


def _lacking(state: RunState, node: Node) -> str:
    for edge in node.edges:
        if edge.source is Source.STEP and edge.producer in state.unavailable:
            why = state.unavailable[edge.producer]
            known = why.startswith(f"'{edge.producer}'") or state.dag.steps[edge.producer].silent
            return why if known else f"needs '{edge.producer}': {why}"
    return ""


def _region(state: RunState, stage: RegionStage, seam: Seam) -> Act[None]:
    """Steps connected by streams; then their collections and thresholds."""
    region = Region(state, stage, seam)
    well = False
    try:
        well = yield from region.prepare()
        if well:
            yield from region.run()
            yield from region.finish()
    finally:
        if not well:
            yield from region.close()
        yield from region.abort(state.stopped)
    if not well:
        yield from _stage(state, stage, seam)
        return
    for name in stage.steps:
        failure = state.exceeded(state.tally(name))
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


def _after(state: RunState, stage: Stage, uses: dict[str, int]) -> None:
    """Hand out what is finished before anybody can change it; forget what nobody reads any more.

    So memory follows the live part of the run.
    """
    if state.journal is not None and state.journal.failure is not None:
        state.stop(state.journal.failure)
    for name in stage.steps:
        if name in state.takers and (name, "") in state.results:
            state.takers[name](state.results[name, ""])
        for edge in state.dag.steps[name].edges:
            if edge.source is Source.STEP:
                state.results.pop((edge.producer, name), None)
                uses[edge.producer] -= 1
                if not uses[edge.producer] and edge.producer not in state.wanted:
                    state.results.pop((edge.producer, ""), None)
