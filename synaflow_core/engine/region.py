"""A streaming region on the caller's thread: its loops, its pull-style steps and how they end.

A region whose loops have at most one consumer each is nested generators and nothing else. Where a
loop has several, its consumers become tasks (:mod:`synaflow_core.engine.fan`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from synaflow_core.dag import Edge, Node, Source
from synaflow_core.engine.collect import Collector
from synaflow_core.engine.events import logger
from synaflow_core.engine.fan import Fan, FanBranch, Hub
from synaflow_core.engine.looprun import LoopRun, ahead
from synaflow_core.engine.loops import serves_alone
from synaflow_core.engine.program import (
    BranchInput,
    CollectKey,
    JoinSource,
    Loop,
    Origin,
    RegionStage,
    StepSource,
)
from synaflow_core.engine.state import RunState, binding_of


class Region:
    """One region of a run."""

    def __init__(self, state: RunState, stage: RegionStage) -> None:
        self.state = state
        self.stage = stage
        self.collectors = {key: Collector(key) for key in stage.collects if not key.tap}
        self._stacks: dict[str, ExitStack] = {}
        self._tasks: list[tuple[int, Callable[[], None]]] = []
        self.loops = [LoopRun(self, loop) for loop in stage.loops]
        self._order = {name: index for index, name in enumerate(state.dag.steps)}
        self._hub: Hub | None = None

    def run(self) -> None:
        """Run all loops and tasks to their end; every stream is closed whatever happens."""
        fans = [loop for loop in self.loops if loop.form == "fan"]
        hub = self._hub = Hub(self._lifted, self.state.strict_lockstep) if fans else None
        for name in self.stage.tasks:
            self.add_task(self._order[name], partial(self._pull, name))
        for loop in self.loops:
            if loop.form == "run" and serves_alone(loop.loop):
                self.add_task(loop.loop.order, loop.run)
        try:
            if hub is None:
                self._run_in_order()
            else:
                for loop in fans:
                    loop.fan = Fan(loop, hub, self._nested(loop.loop))
                    hub.fans.append(loop.fan)
                hub.run()
        finally:
            self._close()

    def _run_in_order(self) -> None:
        while self._tasks:
            first = min(self._tasks, key=lambda task: task[0])
            self._tasks.remove(first)
            first[1]()

    def add_task(self, order: int, work: Callable[[], None]) -> None:
        """Something that runs on its own within the region."""
        if self._hub is not None:
            self._hub.add(order, work)
        else:
            self._tasks.append((order, work))

    def _nested(self, loop: Loop) -> bool:
        """Pulling from the loop's source may make the puller wait for another fan."""
        if isinstance(loop.source, JoinSource):
            entries = [e for e in loop.source.inputs if isinstance(e, BranchInput)]
        elif isinstance(loop.source, StepSource):
            entries = [entry for _, entry in self.stage.pulls[loop.source.step].inputs]
        else:
            entries = []
        return any(
            self.loops[entry.loop].form == "fan" or self._nested(self.stage.loops[entry.loop])
            for entry in entries
        )

    # -- what steps are called with -------------------------------------------------------------

    def stream(self, entry: BranchInput | Origin) -> Iterator[Any]:
        """The iterator behind an input."""
        if isinstance(entry, Origin):
            return self.state.origin(entry)
        loop = self.loops[entry.loop]
        if loop.fan is not None:
            return loop.fan.branches[entry.branch].items()
        bound = loop.loop.branches[entry.branch].bound
        return ahead(loop.begin(), bound) if bound > 1 else loop.begin()

    def constant(self, node: Node, edge: Edge) -> Any:
        """A parameter that is computed once for all calls of a step."""
        if edge.source is Source.RESOURCE:
            stack = self._stacks.setdefault(node.name, ExitStack())
            return self.state.resource(edge.producer, stack)
        return self.state.value(edge, node.name)

    def arguments(self, node: Node) -> tuple[list[Any], dict[str, Any]]:
        """All arguments of an ALL step."""
        pull = self.stage.pulls[node.name]
        streams = dict(pull.inputs)

        def argument(edge: Edge) -> Any:
            if edge.parameter in streams:
                return self.stream(streams[edge.parameter])
            return self.constant(node, edge)

        binding = binding_of(node)
        return (
            [argument(edge) for edge in binding.positional],
            {edge.parameter: argument(edge) for edge in binding.keywords},
        )

    def sink(self, key: CollectKey) -> Callable[[Any], Any]:
        """Where a loop puts the items of a collected branch."""
        return self.state.taps[key.producer] if key.tap else self.collectors[key].put

    # -- tasks ----------------------------------------------------------------------------------

    def _pull(self, name: str) -> None:
        """Call a step that reads streams and returns a value."""
        state, node = self.state, self.state.dag.steps[name]
        tally = state.tally(name)
        state.start(tally)
        try:
            arguments, keywords = self.arguments(node)
            result = node.fn(*arguments, **keywords)
            if state.stopped is not None:  # the step caught what was to end the run
                raise state.stopped
            state.results[name, ""] = result
            tally.settled_ok = 1
        except Exception as error:
            state.step_failed(tally, error, lost=True)
        finally:
            self.end(name)

    def end(self, name: str, made: Any = None) -> None:
        """A step of the region will not be called again: close what it holds."""
        tally = self.state.tally(name)
        if made is not None and hasattr(made, "close"):
            try:
                made.close()
            except Exception as error:
                logger.warning("step '%s' failed while it was closed: %s", name, error)
                tally.note_error(error)
        emitted = self.state.emitting.pop(name, None)
        if emitted is not None:
            tally.settled_ok, tally.live_ok = emitted(), 0
        stack = self._stacks.pop(name, None)
        if stack is not None:
            stack.close()
        self.state.finish(tally)
        if name in self.stage.pulls:
            for _, entry in self.stage.pulls[name].inputs:
                self.release(entry)

    def release(self, entry: BranchInput | Origin) -> None:
        """The consumer behind an input has ended."""
        if isinstance(entry, BranchInput) and entry.branch in self.loops[entry.loop].live:
            self.loops[entry.loop].close_branch(entry.branch)

    def _lifted(self, branch: FanBranch) -> None:
        slots = branch.fan.run.loop.branches[branch.index].slots
        self.state.warn_lifted(slots[0], branch.consumer)

    def _close(self) -> None:
        """Consumers first, then sources: the reverse of the order in which items flow."""
        if self._hub is not None:
            self._hub.close()
        for loop in reversed(self.loops):
            loop.abandon()
        for stack in self._stacks.values():
            stack.close()
