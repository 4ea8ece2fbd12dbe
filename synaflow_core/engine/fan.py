"""Several pull-style consumers on one stream, on the caller's thread: greenlets taking turns.

A consumer that asks its branch for an item runs the loop until it hands out something: its own
item is returned at once, another consumer's item goes to that consumer together with control
(one greenlet switch an item and consumer). No queue and no scheduler is involved while the
consumers keep in step; what follows in :meth:`FanBranch._slowly` is for those that do not.
"""

from __future__ import annotations

import contextvars
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from greenlet import getcurrent, greenlet

from synaflow_core.engine.loops import PAUSE
from synaflow_core.errors import LockstepDeadlockError

if TYPE_CHECKING:
    from synaflow_core.engine.looprun import LoopRun

_END: Final = (-2, None)
_RECHECK: Final = object()
"""What the hub switches to a waiting consumer with: look again."""


class FanBranch:
    """One consumer's view of a loop with several consumers."""

    __slots__ = (
        "_hub",
        "buffer",
        "closed",
        "consumer",
        "fan",
        "index",
        "limit",
        "order",
        "waiting",
        "window",
    )

    def __init__(self, fan: Fan, index: int, hub: Hub) -> None:
        branch = fan.run.loop.branches[index]
        self.fan = fan
        self.index = index
        self._hub = hub
        self.window = branch.bound
        self.limit = branch.bound
        self.order = branch.order
        self.consumer = branch.consumer
        self.buffer: deque[Any] = deque()
        self.waiting: greenlet | None = None
        self.closed = False

    def items(self) -> Iterator[Any]:
        """The branch as its consumer sees it (a generator: resuming one is cheaper than a call)."""
        fan, mine, branches = self.fan, self.index, self.fan.branches
        while True:
            if fan.in_step:
                index, item = next(fan.generator, _END)
                if index == mine:
                    yield item
                    continue
                if index >= 0:
                    target = branches[index]
                    other = target.waiting
                    if other is not None:
                        target.waiting = None
                        self.waiting = getcurrent()
                        item = other.switch(item)
                    else:
                        fan.note(index, item)
                        item = self._hub.hand_over(self, target)
                    if item is not _RECHECK:
                        yield item
                        continue
                else:
                    fan.note(index, item)
            item = self._slowly()
            if item is _END:
                return
            yield item

    def _slowly(self) -> Any:
        """The general rule: top the window up, hand out one, else wait for the others."""
        fan, buffer = self.fan, self.buffer
        while True:
            if fan.can_advance() and len(buffer) < self.window:
                target = fan.advance()
                if target is None or target is self:
                    continue
                item = self._hub.hand_over(self, target)
            elif buffer:
                return self._take()
            elif fan.ended:
                return _END
            else:
                item = self._hub.wait(self)
            if item is not _RECHECK:
                return item

    def _take(self) -> Any:
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
        ended: The loop has no more items.
        busy: The loop is being advanced; its source may itself wait for somebody.
    """

    def __init__(self, run: LoopRun, hub: Hub, nested: bool) -> None:
        self.run = run
        self.branches = [FanBranch(self, i, hub) for i in range(len(run.loop.branches))]
        self.full = run.full
        self._steppable = not nested and all(branch.window == 1 for branch in self.branches)
        self.in_step = self._steppable
        self.generator: Iterator[tuple[int, Any]] = run.begin()
        self.ended = False
        self.busy = False
        self._paused = False
        self._kept = 0

    def can_advance(self) -> bool:
        """The loop may go on now: nobody is in it and it does not wait for a full branch."""
        return not (self.busy or self.ended or self._paused)

    def advance(self) -> FanBranch | None:
        """Run the loop until it hands out something (to the branch returned), pauses or ends."""
        self.busy = True
        try:
            index, item = next(self.generator, _END)
        finally:
            self.busy = False
        self.note(index, item)
        return self.branches[index] if index >= 0 else None

    def note(self, index: int, item: Any) -> None:
        """Act on what the loop yielded."""
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
                self.generator = self.run.rebuild()
                self._paused = bool(self.full)
            else:
                self._paused = True
        else:
            self.ended = True
            self.in_step = False

    def removed(self, branch: FanBranch, count: int) -> None:
        """Items have left a branch; the loop may go on when no branch is full."""
        self._kept -= count
        if branch in self.full and len(branch.buffer) < branch.limit:
            self.full.remove(branch)
            self._paused = False
        if not self._kept and not self.ended:
            self.in_step = self._steppable

    @property
    def stuck_on(self) -> list[FanBranch]:
        """The full branches that keep the loop from going on."""
        return [b for b in self.full if isinstance(b, FanBranch)] if self._paused else []

    def lift(self) -> list[FanBranch]:
        """Let full branches grow without bound; returns them."""
        lifted = self.stuck_on
        for branch in lifted:
            branch.limit = sys.maxsize
            self.full.remove(branch)
        self._paused = False
        return lifted


class Task:
    """A consumer that runs on its own: a greenlet, started when its turn comes."""

    def __init__(self, hub: Hub, order: int, work: Callable[[], None]) -> None:
        self.order = order
        self.greenlet = greenlet(lambda: hub.guard(work))
        # Each task sees the caller's context variables and keeps its own changes to itself.
        self.greenlet.gr_context = contextvars.copy_context()


class Hub:
    """Runs the tasks of a region in turns; the only place that decides who goes on."""

    def __init__(self, lifted: Callable[[FanBranch], None], strict: bool) -> None:
        self.fans: list[Fan] = []
        self._main = getcurrent()
        self._pending: list[Task] = []
        self._started: list[Task] = []
        self._lifted = lifted
        self._strict = strict
        self._error: BaseException | None = None
        self._urgent: int | None = None

    def add(self, order: int, work: Callable[[], None]) -> None:
        """A task to be run."""
        self._pending.append(Task(self, order, work))

    def wait(self, branch: FanBranch) -> Any:
        """Called by a consumer that cannot go on; returns when it may look again, or an item."""
        branch.waiting = getcurrent()
        return self._main.switch()

    def hand_over(self, branch: FanBranch, target: FanBranch) -> Any:
        """Let the consumer that just got an item go first, as the order of the calls asks for."""
        other = target.waiting
        if other is not None:
            branch.waiting, target.waiting = getcurrent(), None
            return other.switch(_RECHECK)
        if any(task.order == target.order for task in self._pending):
            self._urgent = target.order
            return self.wait(branch)
        return _RECHECK

    def guard(self, work: Callable[[], None]) -> None:
        """Run a task's work; what it raises is raised by :meth:`run`."""
        try:
            work()
        except BaseException as error:
            if self._error is None:
                self._error = error

    def run(self) -> None:
        """Run until every task has ended, in declaration order wherever there is a choice.

        Raises:
            LockstepDeadlockError: Nothing can advance within the bounds and lifting is forbidden.
        """
        self._main = getcurrent()
        while self._error is None:
            waiting = [b for fan in self.fans for b in fan.branches if b.waiting is not None]
            able = [branch for branch in waiting if branch.ready]
            first = min(able, key=lambda b: b.order, default=None)
            task = min(self._pending, key=self._rank, default=None)
            urgent, self._urgent = self._urgent, None
            if task is not None and task.order == urgent:
                first = None
            if task is not None and (first is None or task.order < first.order):
                self._pending.remove(task)
                self._started.append(task)
                task.greenlet.switch()
            elif first is not None:
                resumed, first.waiting = first.waiting, None
                if resumed is not None:
                    resumed.switch(_RECHECK)
            elif waiting:
                self._unlock(waiting)
            else:
                return
        raise self._error

    def _rank(self, task: Task) -> tuple[bool, int]:
        return (task.order != self._urgent, task.order)

    def _unlock(self, waiting: list[FanBranch]) -> None:
        stuck = [fan for fan in self.fans if fan.stuck_on]
        if self._strict or not stuck:
            asks = ", ".join(f"'{branch.consumer}'" for branch in waiting)
            full = ", ".join(f"'{b.consumer}'" for fan in stuck for b in fan.stuck_on)
            raise LockstepDeadlockError(
                f"nothing can advance: {asks} wait(s) for items that the same stream may only make "
                f"after {full or 'another step'} has taken its own. Collect one side (ask for a "
                f"list), raise max_in_flight, or run without strict_lockstep."
            )
        for branch in stuck[0].lift():
            self._lifted(branch)

    def close(self) -> None:
        """End the tasks that have not ended; their ``finally`` blocks run."""
        for task in reversed(self._started):
            if not task.greenlet.dead:
                task.greenlet.throw()
