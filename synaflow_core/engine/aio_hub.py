"""Consumers of one stream as asyncio tasks that take turns.

Twin of :class:`synaflow_core.engine.sync.SyncHub`. One task has the turn at a time. It gives the
turn back when it asks for an item that is not there, and also when it awaits anything *outside*
the streams: then its siblings get the same item, and one that fails ends the run, whatever the
first one waits for. But the loop that its item came from does not pull the next one before it is
back, so consumers get items in the same order, whatever each of them does with an item.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from typing import Any

from synaflow_core.engine.act import perform_async
from synaflow_core.engine.fan import END, RECHECK, Branch, Fan, Task, Turns, taken_by


class _Consumer:
    """A task while it runs.

    Attributes:
        asks: The future that it waits for in :meth:`AsyncHub.wait`, from its last time there.
        has_turn: Nobody else is to be resumed before it waits for something.
        outside: It awaits something else than an item.
        aside: Waits of tasks that it made itself, in its place, such as ``asyncio.wait_for`` does.
        held: The fans that pull no further item until it is back.
    """

    __slots__ = ("aside", "asks", "handle", "has_turn", "held", "hub", "outside")

    def __init__(self, hub: AsyncHub) -> None:
        self.hub = hub
        self.handle: Any = None
        self.asks: Any = self  # a bare yield is None
        self.has_turn = False
        self.outside = False
        self.aside = 0
        self.held: list[Fan] = []


_own: ContextVar[_Consumer | None] = ContextVar("synaflow_consumer", default=None)
"""The consumer in whose name a task runs; tasks that it makes inherit it."""


class AsyncHub:
    """Runs the tasks of a region; who goes on is decided when nobody has the turn.

    Attributes:
        stepping: The consumer whose code runs right now; None in a task that it made itself.
    """

    def __init__(self, turns: Turns) -> None:
        self.stepping: _Consumer | None = None
        self._turns = turns
        self._started: list[_Consumer] = []
        self._with_turn = 0
        self._change = asyncio.Event()
        self._error: BaseException | None = None

    # -- what branches ask for ------------------------------------------------------------------

    async def wait(self, branch: Branch) -> Any:
        """Called by a consumer that cannot go on; returns when it may look again, or an item."""
        consumer = branch.taker = self.stepping
        branch.waiting = asked = asyncio.get_running_loop().create_future()
        try:
            if consumer is None:
                return await self._wait_aside(asked)
            consumer.asks = asked
            return await asked
        finally:
            if branch.waiting is asked:  # cancelled
                branch.waiting = None

    async def _wait_aside(self, asked: asyncio.Future[Any]) -> Any:
        consumer = _own.get()
        if consumer is None or consumer.hub is not self:
            self._wake()
            return await asked
        consumer.aside += 1
        self._release(consumer)
        self._wake()
        try:
            return await asked
        finally:
            consumer.aside -= 1

    async def hand_over(self, branch: Branch, target: Branch) -> Any:
        """Let the consumer that just got an item go first, as the order of the calls asks for."""
        if target.waiting is not None:
            self._resume(target)
            return await self.wait(branch)
        consumer = self.stepping
        back = consumer is not None and not consumer.has_turn and self._with_turn
        if self._turns.starts_with(target) or back:  # somebody goes on before who came back
            return await self.wait(branch)
        return RECHECK

    # -- turns ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until every task has ended or one has failed."""
        while self._error is None:
            self._change.clear()
            if self._with_turn:
                await self._change.wait()
                continue
            patient = any(each.outside and not each.aside for each in self._started)
            chosen = await perform_async(self._turns.next(patient=patient))
            if isinstance(chosen, Task):
                self._start(perform_async(chosen.work()))
            elif chosen is not None:
                self._resume(chosen)
                if not self._with_turn:  # whoever waited there is no consumer, or is gone
                    await asyncio.sleep(0)
                    self._change.set()
            elif not patient:
                return
            elif (fan := self._turns.unfinished()) is not None:
                fan.busy = True  # from now on, not from the first step of that task
                self._start(_finish_item(fan))
            await self._change.wait()
        raise self._error

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        consumer = _Consumer(self)
        self._started = [each for each in self._started if not each.handle.done()]
        self._started.append(consumer)
        self._give_turn(consumer)
        consumer.handle = asyncio.create_task(self._guard(consumer, work))

    def _resume(self, branch: Branch) -> None:
        asked, branch.waiting = branch.waiting, None
        if not asked.done():
            asked.set_result(RECHECK)
            if branch.taker is not None:
                self._give_turn(branch.taker)

    def _give_turn(self, consumer: _Consumer) -> None:
        if not consumer.has_turn:
            consumer.has_turn = True
            self._with_turn += 1

    def _wake(self) -> None:
        """Decide who goes on, unless somebody does."""
        if not self._with_turn:
            self._change.set()

    # -- one task -------------------------------------------------------------------------------

    async def _guard(self, consumer: _Consumer, work: Coroutine[Any, Any, None]) -> None:
        _own.set(consumer)
        try:
            await self._steps(consumer, work)
        except BaseException as error:
            if self._error is None:
                self._error = error
                self._change.set()  # whoever else still runs is cancelled by close()
        finally:
            self._pause(consumer)

    @types.coroutine
    def _steps(
        self, consumer: _Consumer, work: Coroutine[Any, Any, None]
    ) -> Generator[Any, None, None]:
        """Drive a task, and see what it waits for each time it is suspended."""
        thrown: BaseException | None = None
        while True:
            if consumer.outside:
                consumer.outside = False
                self._release(consumer)
            self.stepping = consumer
            try:
                awaited = work.send(None) if thrown is None else work.throw(thrown)
            except StopIteration:
                return
            finally:
                self.stepping = None
            if awaited is not consumer.asks:
                consumer.outside = True
                consumer.held = taken_by(self._turns.fans, consumer)
                for fan in consumer.held:
                    fan.hold()
            self._pause(consumer)
            try:
                yield awaited
                thrown = None
            except BaseException as error:
                thrown = error

    def _pause(self, consumer: _Consumer) -> None:
        if consumer.has_turn:
            consumer.has_turn = False
            self._with_turn -= 1
        self._wake()

    @staticmethod
    def _release(consumer: _Consumer) -> None:
        held, consumer.held = consumer.held, []
        for fan in held:
            fan.release()

    async def close(self) -> None:
        """End the tasks that have not ended; none is left behind."""
        self._turns.end()
        for consumer in reversed(self._started):
            if not consumer.handle.done():
                consumer.handle.cancel()
                await asyncio.gather(consumer.handle, return_exceptions=True)


async def _finish_item(fan: Fan) -> None:
    """Take a loop to the end of its item, while whoever has the item awaits something else."""
    fan.busy = False
    while fan.can_advance():
        fan.busy = True
        try:
            index, item = await anext(fan.generator)
        except StopAsyncIteration:
            index, item = END
        finally:
            fan.busy = False
        if fan.note(index, item):
            await perform_async(fan.rebuild())
        if index >= 0 and fan.branches[index].waiting is not None:
            return  # its consumer is next
