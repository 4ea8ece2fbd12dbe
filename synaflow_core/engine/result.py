"""What a run gives back, and how a run is watched while it goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from synaflow_core.engine.ledger import SKIPPED, StepReport
from synaflow_core.engine.progress import is_weighted, share_done
from synaflow_core.engine.state import RunState, idle_reason


@dataclass(frozen=True)
class RunResult:
    """The outcome of a run that was not stopped.

    Attributes:
        outputs: Terminal step -> its value or collection (also ``exports`` and
            ``force_materialize`` streams, as lists). Steps that failed or were skipped are absent.
        steps: Step -> its report, in declaration order. An include has its steps here, and its
            adapter as ``<include>__params``.
        run_id: Identifies the run in events and logs.
    """

    outputs: dict[str, Any]
    steps: dict[str, StepReport]
    run_id: str


@dataclass
class Monitor:
    """Live counts of a run, for progress bars and logs.

    Hand one to ``run(monitor=...)`` and call :meth:`snapshot` from any thread at any time; the run
    pays nothing for it.
    """

    _state: RunState | None = field(default=None, repr=False)

    def attach(self, state: RunState) -> None:
        """Called by the engine when the run begins."""
        self._state = state

    def snapshot(self) -> list[StepReport]:
        """Reports of all steps as of now; empty before the run has begun."""
        return reports(self._state) if self._state is not None else []

    def progress(self) -> float:
        """How far the run is, from 0.0 to 1.0: by the weights of its steps, or by their number.

        A run that something has ended stays where it was.
        """
        state = self._state
        if state is None:
            return 0.0
        return share_done(state.tallies.values()) if state.stopped is None else state.reached

    def at_work(self) -> list[str]:
        """The steps that have begun and not ended, in order."""
        tallies = self._state.tallies.values() if self._state is not None else ()
        return [
            tally.node.name
            for tally in tallies
            if tally.started is not None and tally.ended is None and not tally.node.silent
        ]

    @property
    def undoing(self) -> bool:
        """Something has ended the run, and what can be undone of it is being rolled back."""
        state = self._state
        return state is not None and state.stopped is not None and state.journal is not None

    @property
    def weighted(self) -> bool:
        """Some step of the run has a ``progress_weight``."""
        state = self._state
        return state is not None and is_weighted(t.node for t in state.tallies.values())


def reports(state: RunState) -> list[StepReport]:
    """The reports of all steps of a run, finished or not; steps that run no code have none."""
    state.refresh()
    now = time.perf_counter()
    return [tally.report(now) for tally in state.tallies.values() if not tally.node.silent]


def explain_idle(state: RunState) -> None:
    """Give the steps that never began a reason, so that nothing is silent."""
    for tally in state.tallies.values():
        if tally.started is None and not tally.status:
            tally.status, tally.reason = SKIPPED, idle_reason(state)
