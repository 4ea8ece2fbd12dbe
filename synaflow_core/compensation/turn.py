"""Whose turn it is to undo something, where several may want to: see :mod:`.fences`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from synaflow_core.compensation.fences import Fence
from synaflow_core.compensation.ledger import UNDOING, UNDONE, Entry, Ledger
from synaflow_core.errors import HandoffError

SECONDS_TO_TAKE_OVER = 20.0
"""Whoever puts a fence in place says right afterwards what they take over."""


@dataclass
class Turn:
    """Somebody who undoes entries, and their fence."""

    ledger: Ledger
    fence: Fence
    _taken: dict[Fence, frozenset[str] | None] = field(default_factory=dict)

    def begins(self, entry: Entry) -> bool | None:
        """Withdraw the datasets of an entry, then mark it: a kill from here on is noticed.

        Returns:
            Whether its rollback may have been called before; None when it need not be called, or
            somebody who has taken over calls it.

        Raises:
            HandoffError: The storage failed, or somebody has taken over and did not say what.
        """
        newer = self._newer()
        if self._is_taken_over(entry, newer) or self.ledger.has(entry, UNDONE):
            return None
        repeated = self.ledger.has(entry, UNDOING)
        if newer is None or newer.of_run:  # else the datasets may be those of the next attempt
            self.ledger.withdraw(entry.datasets)
        if not repeated:
            self.ledger.mark(entry, UNDOING)
        # Whoever has taken over since the first look sees the mark; whoever does it from here on
        # does, too. So of two that call a rollback, one says that it may have been called before.
        return None if self._is_taken_over(entry, self._newer()) else repeated

    def _newer(self) -> Fence | None:
        return self.ledger.listing().fences.newer(self.fence)

    def _is_taken_over(self, entry: Entry, newer: Fence | None) -> bool:
        return newer is not None and entry.name in self._taken_over(newer)

    def _taken_over(self, newer: Fence) -> frozenset[str]:
        if newer not in self._taken:
            self._taken[newer] = self._wait_for_what_is_taken_over(newer)
        taken = self._taken[newer]
        if taken is None:
            raise HandoffError(
                "it was superseded by somebody who did not say what they undo: "
                "it is left to the next attempt, or the next rollback of the run"
            )
        return taken

    def _wait_for_what_is_taken_over(self, newer: Fence) -> frozenset[str] | None:
        end, pause = time.monotonic() + SECONDS_TO_TAKE_OVER, 0.001
        while (taken := self.ledger.taken_over(newer)) is None and time.monotonic() < end:
            time.sleep(pause)
            pause = min(2 * pause, 1.0)
        return taken
