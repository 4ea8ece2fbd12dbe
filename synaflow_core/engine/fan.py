"""Several pull-style consumers on one stream: who may go on, and who goes first. PURE.

A loop with several consumers runs in its ``fan`` form. A consumer that asks its branch for an item
runs the loop until it hands out something; another consumer's item is handed over together with
the turn. How consumers are made to wait and resumed is the business of the engines
(:mod:`synaflow_core.engine.sync`, :mod:`synaflow_core.engine.aio`); every decision is taken here.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from synaflow_core.engine.act import Act
from synaflow_core.engine.loops import PAUSE
from synaflow_core.errors import LockstepDeadlockError

if TYPE_CHECKING:
    from synaflow_core.engine.looprun import LoopRun

END: Final = (-2, None)
"""What a loop is taken to yield when it has ended."""
RECHECK: Final = object()
"""What a waiting consumer is resumed with when it got no item: look again."""
HELD: Final = object()
"""Keeps a loop from pulling its next item, while a consumer still works on the last one."""


class Branch:
    """One consumer's place in a fan.

    Attributes:
        window: Items that a request tops the branch up to.
        limit: Items that may be kept; grows when the bound is lifted.
        order: Declaration position of the consumer.
        waiting: What resumes the consumer while it waits here, else None.
        taker: The task that took the last item, where the engine needs to know.
    """

    __slots__ = (
        "buffer",
        "closed",
        "consumer",
        "fan",
        "index",
        "limit",
        "order",
        "taker",
        "waiting",
        "window",
    )

    def __init__(self, fan: Fan, index: int) -> None:
        branch = fan.run.loop.branches[index]
        self.fan = fan
        self.index = index
        self.window = branch.bound
        self.limit = branch.bound
        self.order = branch.order
        self.consumer = branch.consumer
        self.buffer: deque[Any] = deque()
        self.waiting: Any = None
        self.taker: Any = None
        self.closed = False

    @property
    def producer(self) -> str:
        """The step whose items these are."""
        return self.fan.run.loop.branches[self.index].slots[0]

    @property
    def text(self) -> str:
        """The branch, as messages name it."""
        return f"'{self.producer}' -> '{self.consumer}'"

    def take(self) -> Any:
        """The oldest kept item."""
        item = self.buffer.popleft()
        self.fan.removed(self, 1)
        return item

    @property
    def ready(self) -> bool:
        """A consumer waiting here would get on."""
        return bool(self.buffer) or self.fan.ended or self.fan.can_advance()

    def close(self) -> None:
        """The consumer has ended: nothing more is kept for it."""
        self.closed = True
        self.waiting = None
        kept = len(self.buffer)
        self.buffer.clear()
        self.fan.removed(self, kept)


class Fan:
    """A running loop in its ``fan`` form, and its branches.

    Attributes:
        generator: The loop.
        in_step: Nothing waits in any branch, so an item may go straight to its consumer.
        upstream: The loops with several consumers that its items are made from, at any distance.
        ended: The loop has no more items.
        busy: The loop is being advanced; its source may itself wait for somebody.
    """

    def __init__(self, run: LoopRun, upstream: list[LoopRun]) -> None:
        self.run = run
        self.upstream = upstream
        self.branches = [Branch(self, index) for index in range(len(run.loop.branches))]
        self.full = run.full
        self._steppable = not upstream and all(branch.window == 1 for branch in self.branches)
        self.in_step = self._steppable
        self.generator: Any = run.begin()
        self.ended = False
        self.busy = False
        self._paused = False
        self._kept = 0

    def can_advance(self) -> bool:
        """The loop may go on now: nobody is in it and it does not wait for a full branch."""
        return not (self.busy or self.ended or self._paused)

    def note(self, index: int, item: Any) -> bool:
        """Act on what the loop yielded; True when the loop is to be rebuilt."""
        if index >= 0:
            branch = self.branches[index]
            if not branch.closed:
                branch.buffer.append(item)
                self._kept += 1
                self.in_step = False
                if len(branch.buffer) >= branch.limit:
                    self.full.append(branch)
        elif index == PAUSE[0]:
            if self.run.stale:
                return True
            self._paused = True
        else:
            self.ended = True
            self.in_step = False
        return False

    def rebuild(self) -> Act[None]:
        """Go on without the consumers that have left."""
        yield from self.run.rebuild()
        self._paused = bool(self.full)
        self.ended = self.ended or not self.run.live

    def removed(self, branch: Branch, count: int) -> None:
        """Items have left a branch; the loop may go on when no branch is full."""
        self._kept -= count
        if branch in self.full and len(branch.buffer) < branch.limit:
            self.full.remove(branch)
            self._paused = False
        if not self._kept and not self.ended:
            self.in_step = self._steppable

    def hold(self) -> None:
        """Pull no further item until :meth:`release`; the consumers get the rest of this one."""
        self.full.append(HELD)

    def release(self) -> None:
        """Undo one :meth:`hold`."""
        if HELD in self.full:  # a loop that goes on without consumers has forgotten it
            self.full.remove(HELD)
            self._paused = False

    def end(self) -> None:
        """Nothing more is handed out."""
        self.ended = True
        self.in_step = False
        for branch in self.branches:
            branch.buffer.clear()

    @property
    def stuck_on(self) -> list[Branch]:
        """The full branches that keep the loop from going on."""
        return [b for b in self.full if isinstance(b, Branch)] if self._paused else []

    def lift(self) -> list[Branch]:
        """Let full branches grow without bound; returns them."""
        lifted = self.stuck_on
        for branch in lifted:
            branch.limit = sys.maxsize
            self.full.remove(branch)
        self._paused = False
        return lifted


@dataclass
class Task:
    """A consumer that runs on its own, in its turn. ``handle`` belongs to the engine."""

    order: int
    work: Callable[[], Act[None]]
    handle: Any = None


def taken_by(fans: list[Fan], taker: object) -> list[Fan]:
    """The fans from which a task has taken what it works on, and those above them."""
    own = [fan for fan in fans if any(b.taker is taker and not b.closed for b in fan.branches)]
    return [fan for fan in fans if fan in own or any(fan.run in f.upstream for f in own)]


@dataclass
class Turns:
    """Decides who goes on when nobody else knows: in declaration order wherever there is a choice.

    Attributes:
        lifted: Told about every branch that loses its bound.
        strict: Fail instead of lifting a bound.
        pending: Tasks that have not started.
        urgent: Position of the task that just got its first item and so starts next.
    """

    lifted: Callable[[Branch], Act[None]]
    strict: bool
    fans: list[Fan] = field(default_factory=list)
    pending: list[Task] = field(default_factory=list)
    urgent: int | None = None

    def next(self, *, patient: bool = False) -> Act[Task | Branch | None]:
        """The task to start, or the branch whose consumer to resume; None when all have ended.

        Args:
            patient: Somebody works on an item: who cannot go on waits for that (None).

        Raises:
            LockstepDeadlockError: Nothing can advance within the bounds and lifting is forbidden.
        """
        while True:
            waiting = [b for fan in self.fans for b in fan.branches if b.waiting is not None]
            able = min((b for b in waiting if b.ready), key=lambda b: b.order, default=None)
            urgent, self.urgent = self.urgent, None
            task = min(self.pending, key=lambda t: (t.order != urgent, t.order), default=None)
            if task is not None and (
                able is None or task.order == urgent or task.order < able.order
            ):
                self.pending.remove(task)
                return task
            if able is not None or not waiting or patient:
                return able
            yield from self._unlock(waiting)

    def end(self) -> None:
        """The run is over: consumers that are being ended get no more items."""
        for fan in self.fans:
            fan.end()

    def unfinished(self) -> Fan | None:
        """A fan that owes calls for an item which all its consumers have, or will get later."""
        return next((f for f in self.fans if f.can_advance() and f.run.owes_calls), None)

    def starts_with(self, branch: Branch) -> bool:
        """The consumer of a branch is a task that has not started: make it the next."""
        if any(task.order == branch.order for task in self.pending):
            self.urgent = branch.order
            return True
        return False

    def _unlock(self, waiting: list[Branch]) -> Act[None]:
        stuck = [fan for fan in self.fans if fan.stuck_on]
        if self.strict or not stuck:
            asks = " and ".join(branch.text for branch in waiting)
            full = " and ".join(b.text for fan in stuck for b in fan.stuck_on)
            raise LockstepDeadlockError(
                f"nothing can advance: the next item is wanted on the branch {asks}, but the same "
                f"stream may only make it after {full or 'another branch'} has been read. Collect "
                f"one side (ask for a list), raise max_in_flight, or run without strict_lockstep."
            )
        for branch in stuck[0].lift():
            yield from self.lifted(branch)
