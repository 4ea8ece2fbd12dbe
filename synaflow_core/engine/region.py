"""A streaming region: its loops, its pull-style steps and how they end. For both engines.

A region whose loops have at most one consumer each is nested generators and nothing else. Where a
loop has several, its consumers become tasks that take turns (:mod:`synaflow_core.engine.fan`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from synaflow_core.dag import Edge, Node, Source
from synaflow_core.definition import PerItem
from synaflow_core.engine.act import Act
from synaflow_core.engine.binding import binding_of
from synaflow_core.engine.collect import checked
from synaflow_core.engine.events import logger
from synaflow_core.engine.fan import Branch, Fan, Task, Turns
from synaflow_core.engine.looprun import LoopRun
from synaflow_core.engine.loops import serves_alone
from synaflow_core.engine.materialize import CollectedBranch, given, is_materialised, materialised
from synaflow_core.engine.program import (
    BranchInput,
    CollectKey,
    JoinSource,
    Loop,
    Origin,
    RegionStage,
    StepSource,
)
from synaflow_core.engine.seam import Hub, Seam
from synaflow_core.engine.state import RunState


class Region:
    """One region of a run."""

    def __init__(self, state: RunState, stage: RegionStage, seam: Seam) -> None:
        self.state = state
        self.stage = stage
        self.seam = seam
        self.collected = {key: CollectedBranch(state, key) for key in stage.collects if not key.tap}
        self._unfinished = {key.producer for key in self.collected}
        """Steps whose end is told when their collections are finished."""
        self._stacks: dict[str, Any] = {}
        self._turns = Turns(self._lifted, state.strict_lockstep)
        self.loops = [LoopRun(self, loop) for loop in stage.loops]
        self._order = {name: index for index, name in enumerate(state.dag.steps)}
        self._hub: Hub | None = None

    def prepare(self) -> Act[bool]:
        """Make, once, what is the same for all calls of the EACH steps.

        Where that fails, the step has failed before it was called: then nothing has run yet, and
        the region is to be made anew without that step. Returns whether all is well.
        """
        well = True
        for loop in self.loops:
            for call in loop.loop.calls:
                tally = self.state.tally(call.step)
                try:
                    yield from loop.prepare(call)
                except Exception as error:
                    well = False
                    yield from self.state.start(tally)
                    try:
                        yield from self.state.step_failed(tally, error, lost=True)
                    finally:
                        yield from self.state.finish(tally)
        return well

    def run(self) -> Act[None]:
        """Run all loops and tasks to their end; every stream is closed whatever happens."""
        for branch in self.collected.values():
            yield from branch.begin()
        for name in self.stage.tasks:
            self.add_task(self._order[name], partial(self._pull, name))
        for loop in self.loops:
            if loop.form == "run" and serves_alone(loop.loop):
                self.add_task(loop.loop.order, loop.run)
        try:
            for loop in self.loops:
                if loop.form == "fan":
                    loop.fan = Fan(loop, self._fans_above(loop.loop))
                    self._turns.fans.append(loop.fan)
            for loop in self.loops:
                if loop.form == "run" and not serves_alone(loop.loop):
                    yield from loop.abandon()  # its consumers were skipped: free its inputs
            yield from self._run_tasks()
        except BaseException as error:
            self.state.end(error)
            raise
        finally:
            yield from self.close()

    def finish(self) -> Act[None]:
        """After the run: finish the collected branches, each of which may fail its producer."""
        state = self.state
        try:
            for key, branch in self.collected.items():
                try:
                    value = yield from branch.finish()
                except Exception as error:
                    yield from branch.abort(error)
                    yield from state.step_failed(
                        self.state.tally(branch.key.producer), error, lost=True
                    )
                else:
                    state.keep(key, value)
        finally:
            yield from self.abort(state.stopped)

    def abort(self, error: BaseException | None) -> Act[None]:
        """Clean up the collections that came to nothing, and tell the end of their steps."""
        for branch in self.collected.values():
            yield from branch.abort(error)
        for name in self.stage.steps:
            if name in self._unfinished:
                self._unfinished.discard(name)
                yield from self.state.finish(self.state.tally(name))

    def _run_tasks(self) -> Act[None]:
        if self._turns.fans:
            self._hub = self.seam.hub(self._turns)
            yield self._hub.run
            return
        while self._turns.pending:  # nobody takes turns, so no task needs a life of its own
            first = min(self._turns.pending, key=lambda task: task.order)
            self._turns.pending.remove(first)
            yield from first.work()

    def add_task(self, order: int, work: Callable[[], Act[None]]) -> None:
        """Something that runs on its own within the region."""
        self._turns.pending.append(Task(order, work))

    def _fans_above(self, loop: Loop) -> list[LoopRun]:
        """The fans from which the items of a loop's source come: pulling may wait for them."""
        if isinstance(loop.source, JoinSource):
            entries = [e for e in loop.source.inputs if isinstance(e, BranchInput)]
        elif isinstance(loop.source, StepSource):
            entries = [entry for _, entry in self.stage.pulls[loop.source.step].inputs]
        else:
            entries = []
        found: list[LoopRun] = []
        for above in (self.loops[entry.loop] for entry in entries):
            found += [above] if above.form == "fan" else []
            found += self._fans_above(above.loop)
        return found

    # -- what steps are called with -------------------------------------------------------------

    def stream(self, entry: BranchInput) -> Any:
        """The iterator behind an input."""
        loop = self.loops[entry.loop]
        if loop.fan is not None:
            return self.seam.items_of(loop.fan.branches[entry.branch], self._hub)
        bound = loop.loop.branches[entry.branch].bound
        if bound == 1:
            return loop.begin()
        return self.seam.ahead(loop.begin(), bound, None, keep_prefix=False)

    def is_per_item(self, edge: Edge) -> bool:
        """The edge brings a resource that is made anew for every item of an EACH step."""
        return edge.source is Source.RESOURCE and isinstance(
            self.state.dag.resources[edge.producer], PerItem
        )

    def constant(self, node: Node, edge: Edge) -> Act[Any]:
        """A parameter that is computed once for all calls of a step."""
        if edge.source is Source.RESOURCE:
            if node.name not in self._stacks:
                self._stacks[node.name] = self.seam.new_stack()
            made = yield self.state.dag.resources[edge.producer]
            return (yield from self.seam.enter(self._stacks[node.name], made))
        value = yield from given(self.state, edge, node.name)
        return self.seam.from_value(value, edge) if edge.delivery.is_lazy else value

    def arguments(self, node: Node) -> Act[tuple[list[Any], dict[str, Any]]]:
        """All arguments of an ALL step."""
        streams = dict(self.stage.pulls[node.name].inputs)
        found: dict[str, Any] = {}
        for edge in node.edges:
            if edge.parameter in streams:
                found[edge.parameter] = self.stream(streams[edge.parameter])
            else:
                found[edge.parameter] = yield from self.constant(node, edge)
        binding = binding_of(node)
        return (
            [found[edge.parameter] for edge in binding.positional],
            {edge.parameter: found[edge.parameter] for edge in binding.keywords},
        )

    def sink(self, key: CollectKey) -> Callable[..., Any]:
        """Where a loop puts the items of a collected branch."""
        return self.state.taps[key.producer] if key.tap else self.collected[key].put

    # -- tasks ----------------------------------------------------------------------------------

    def _pull(self, name: str) -> Act[None]:
        """Call a step that reads streams and returns a value."""
        state, node = self.state, self.state.dag.steps[name]
        tally = state.tally(name)
        yield from state.start(tally)
        try:
            arguments, keywords = yield from self.arguments(node)
            result = checked((yield partial(node.fn, *arguments, **keywords)), node)
            if state.stopped is not None:  # the step caught what was to end the run
                raise state.stopped
            if is_materialised(node):
                result = yield from materialised(state, tally.node, result)
            yield from self._leave(name, None)
            state.results[name, ""] = result
            tally.settled_ok = 1
        except Exception as error:
            yield from self._leave_failed(name, error)
            yield from state.step_failed(tally, error, lost=True)
        except BaseException as error:
            state.interrupt(tally, error)
            raise
        finally:
            yield from self.end(name)

    def end(self, name: str, made: Any = None) -> Act[None]:
        """A step of the region will not be called again: close what it holds."""
        tally = self.state.tally(name)
        if made is not None:
            try:
                yield from self.seam.close(made)
            except Exception as error:
                logger.warning("step '%s' failed while it was closed: %s", name, error)
                tally.note_error(error)
        emitted = self.state.emitting.pop(name, None)
        if emitted is not None:
            tally.settled_ok, tally.live_ok = emitted(), 0
        try:
            yield from self._leave(name, self.state.stopped)
        except Exception as error:
            if self.state.stopped is None:
                yield from self.state.step_failed(tally, error, lost=False)
        finally:
            if name not in self._unfinished:
                yield from self.state.finish(tally)
            if name in self.stage.pulls:
                for _, entry in self.stage.pulls[name].inputs:
                    yield from self.release(entry)

    def _leave(self, name: str, error: BaseException | None) -> Act[None]:
        """Leave the resources of a step; ``error`` is what it failed with."""
        stack = self._stacks.pop(name, None)
        if stack is not None:
            yield from self.seam.leave(stack, error)

    def _leave_failed(self, name: str, error: BaseException) -> Act[None]:
        """The same after a failure, which is told; another one in leaving is only logged."""
        try:
            yield from self._leave(name, error)
        except Exception:
            logger.exception("a resource of step '%s' failed while it was left", name)

    def release(self, entry: BranchInput | Origin) -> Act[None]:
        """The consumer behind an input has ended."""
        if isinstance(entry, BranchInput) and entry.branch in self.loops[entry.loop].live:
            yield from self.loops[entry.loop].close_branch(entry.branch)

    def _lifted(self, branch: Branch) -> Act[None]:
        yield from self.state.warn_lifted(branch.producer, branch.consumer)

    def close(self) -> Act[None]:
        """Consumers first, then sources: the reverse of the order in which items flow."""
        if self._hub is not None:
            yield self._hub.close
        for loop in reversed(self.loops):
            yield from loop.abandon()
        for name in list(self._stacks):  # of steps that were never called
            yield from self._leave(name, self.state.stopped)
