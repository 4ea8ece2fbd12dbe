"""How far a run is: the weights of the steps that have ended. PURE.

Only for pipelines in which some step has a ``progress_weight``; steps without one do not count.
"""

from __future__ import annotations

from collections.abc import Iterable

from synaflow_core.dag import Node

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
