"""How far a run is: the weights of the steps that have ended. PURE.

Observers are told in steps (:class:`Progress`), only of pipelines in which some step has a
``progress_weight``; steps without one do not count. Whoever watches a run asks :func:`share_done`,
which also knows how far the steps at work say they are (:func:`set_progress`).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar

from synaflow_core.dag import Node
from synaflow_core.engine.ledger import SKIPPED, Tally
from synaflow_core.errors import ThresholdExceededException

GRAIN = 0.01
"""Least advance that is told, so that 2,000 steps make no more than a hundred events."""


class Progress:
    """The weighted share of ended steps."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._left = {node.name: node.progress_weight for node in nodes if node.progress_weight}
        self._total = sum(self._left.values())
        self._done = 0.0
        self._told = 0.0

    def ended(self, name: str) -> float | None:
        """Note that a step has ended; the progress to be told, or None when it is too little.

        The last step makes it exactly 1.0.
        """
        weight = self._left.pop(name, None)
        if weight is None:
            return None
        self._done += weight
        now = self._done / self._total if self._left else 1.0
        if self._left and now - self._told < GRAIN:
            return None
        self._told = now
        return now


AT_WORK: ContextVar[Tally | None] = ContextVar("synaflow_step_at_work", default=None)
"""The step whose one call runs in this context."""


def set_progress(current: float, total: float) -> None:
    """Say, inside a step that is called once, how far it is: ``current`` of ``total``, in any unit.

    It moves the progress that ``synaflow-export run`` and the logs of tasks show. Elsewhere (in a
    step that is called item by item, that makes or reads a stream, in a test) it does nothing.
    """
    tally = AT_WORK.get()
    if tally is not None and total > 0:
        tally.part = max(tally.part, min(max(current / total, 0.0), 1.0))


def is_weighted(nodes: Iterable[Node]) -> bool:
    """Some step has a weight."""
    return any(node.progress_weight for node in nodes)


def share_done(tallies: Iterable[Tally]) -> float:
    """How far a run is, from 0.0 to 1.0; all steps weigh the same where none has a weight."""
    known = tuple(tallies)
    weighted = is_weighted(tally.node for tally in known)
    total = done = 0.0
    ended = True
    for tally in known:
        weight = (tally.node.progress_weight or 0.0) if weighted else float(not tally.node.silent)
        over = tally.ended is not None or tally.status == SKIPPED
        if isinstance(tally.failure, ThresholdExceededException):
            over = False  # the run is about to end for it
        total += weight
        done += weight * (1.0 if over else tally.part)
        ended = ended and (over or not weight)
    if ended:
        return 1.0
    return min(done / total, 1.0)
