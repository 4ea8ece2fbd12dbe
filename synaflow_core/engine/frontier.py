"""Which stages of a program may run now, when several may run at a time. PURE."""

from __future__ import annotations

from synaflow_core.dag import Node, Source
from synaflow_core.engine.program import CallStage, Program, Stage

Nodes = dict[str, Node]


class Frontier:
    """Hands out stages in the order of the program, each when all that it needs has ended."""

    def __init__(self, program: Program, nodes: Nodes) -> None:
        self._stages = program.stages
        home = {step: i for i, stage in enumerate(program.stages) for step in stage.steps}
        self._needs: list[set[int]] = [
            {
                home[edge.producer]
                for step in stage.steps
                for edge in nodes[step].edges
                if edge.source is Source.STEP and edge.producer in home
            }
            - {index}
            for index, stage in enumerate(program.stages)
        ]
        self._feeds: list[list[int]] = [[] for _ in program.stages]
        for index, needs in enumerate(self._needs):
            for need in needs:
                self._feeds[need].append(index)
        self._index = {id(stage): index for index, stage in enumerate(program.stages)}
        self._ready = [index for index, needs in enumerate(self._needs) if not needs]
        self._running = 0
        self._left = len(program.stages)

    @property
    def done(self) -> bool:
        """All stages have ended."""
        return not self._left

    @property
    def alone(self) -> bool:
        """One stage may run and none runs."""
        return len(self._ready) == 1 and not self._running

    def take_call(self) -> CallStage | None:
        """The next single call that may run."""
        for index in self._ready:
            stage = self._stages[index]
            if isinstance(stage, CallStage):
                self._take(index)
                return stage
        return None

    def take(self) -> Stage | None:
        """The next stage that may run, whatever it is."""
        if not self._ready:
            return None
        return self._take(self._ready[0])

    def _take(self, index: int) -> Stage:
        self._ready.remove(index)
        self._running += 1
        return self._stages[index]

    def ended(self, stage: Stage) -> None:
        """A stage that was taken has ended."""
        index = self._index[id(stage)]
        self._running -= 1
        self._left -= 1
        for later in self._feeds[index]:
            self._needs[later].discard(index)
            if not self._needs[later]:
                self._ready.append(later)
        self._ready.sort()
