"""The synchronous engine's primitives: generators, and greenlets where consumers take turns.

Everything runs on the caller's thread. Twin of :mod:`synaflow_core.engine.aio`, name by name.
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from inspect import isgenerator
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

from synaflow_core.dag import Edge
from synaflow_core.engine.act import Act, perform
from synaflow_core.engine.fan import END, RECHECK, Branch, Task, Turns
from synaflow_core.engine.ticks import Ticker

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class SyncHub:
    """Runs tasks in turns, each as a greenlet; control comes back here when nobody knows better."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._main = getcurrent()
        self._started: list[Task] = []
        self._error: BaseException | None = None

    def wait(self, branch: Branch) -> Any:
        """Called by a consumer that cannot go on; returns when it may look again, or an item."""
        branch.waiting = getcurrent()
        return self._main.switch()

    def hand_over(self, branch: Branch, target: Branch) -> Any:
        """Let the consumer that just got an item go first, as the order of the calls asks for."""
        other = target.waiting
        if other is not None:
            branch.waiting, target.waiting = getcurrent(), None
            return other.switch(RECHECK)
        return self.wait(branch) if self._turns.starts_with(target) else RECHECK

    def run(self) -> None:
        """Run until every task has ended or one has failed."""
        self._main = getcurrent()
        while self._error is None:
            chosen = perform(self._turns.next())
            if chosen is None:
                return
            if isinstance(chosen, Task):
                self._start(chosen)
            else:
                resumed, chosen.waiting = chosen.waiting, None
                resumed.switch(RECHECK)
        raise self._error

    def _start(self, task: Task) -> None:
        task.handle = greenlet(lambda: self._guard(task))
        # Each task sees the caller's context variables and keeps its own changes to itself.
        task.handle.gr_context = contextvars.copy_context()
        self._started.append(task)
        task.handle.switch()

    def _guard(self, task: Task) -> None:
        try:
            perform(task.work())
        except BaseException as error:
            if self._error is None:
                self._error = error

    def close(self) -> None:
        """End the tasks that have not ended; their ``finally`` blocks run."""
        self._turns.end()
        for task in reversed(self._started):
            if not task.handle.dead:
                task.handle.throw()


class SyncCrew:
    """A pool of threads, started when there is something to do for them."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, work: Callable[[], Act[None]]) -> Any:
        """Begin an act; returns its handle."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # only paid for when used

            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="synaflow")
        context = contextvars.copy_context()
        return self._pool.submit(context.run, lambda: perform(work()))

    def wait(self, handles: list[Any], block: bool) -> list[Any]:
        """The handles of acts that have ended; with ``block`` at least one."""
        from concurrent.futures import FIRST_COMPLETED, wait

        done = wait(handles, None if block else 0, FIRST_COMPLETED).done if handles else ()
        return [handle for handle in handles if handle in done]

    def close(self) -> None:
        """Wait for what runs: a thread cannot be ended from outside."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


class SyncSeam:
    """Generators on the caller's thread."""

    asynchronous = False

    def bind(self, act: Callable[..., Act[Any]]) -> Callable[..., Any]:
        """An act as a function that a loop's text can call."""
        return lambda *arguments: perform(act(*arguments))

    def hub(self, turns: Turns) -> SyncHub:
        """A runner for the tasks of a region."""
        return SyncHub(turns)

    def crew(self, workers: int) -> SyncCrew:
        """Several workers for independent calls."""
        return SyncCrew(workers)

    def items_of(self, branch: Branch, hub: Any) -> Iterator[Any]:
        """The branch as its consumer reads it (a generator: resuming one is cheaper than a call).

        While the consumers keep in step an item costs one greenlet switch and no bookkeeping.
        """
        fan, mine, branches = branch.fan, branch.index, branch.fan.branches
        while True:
            if fan.in_step:
                index, item = next(fan.generator, END)
                if index == mine:
                    yield item
                    continue
                if index >= 0:
                    target = branches[index]
                    other = target.waiting
                    if other is not None:
                        target.waiting = None
                        branch.waiting = getcurrent()
                        item = other.switch(item)
                    else:
                        fan.note(index, item)
                        item = hub.hand_over(branch, target)
                    if item is not RECHECK:
                        yield item
                        continue
                elif fan.note(index, item):
                    perform(fan.rebuild())
            item = self._slowly(branch, hub)
            if item is END:
                return
            yield item

    def _slowly(self, branch: Branch, hub: Any) -> Any:
        """The general rule: top the window up, hand out one, else wait for the others."""
        fan, buffer = branch.fan, branch.buffer
        while True:
            if fan.can_advance() and len(buffer) < branch.window:
                fan.busy = True
                try:
                    index, item = next(fan.generator, END)
                finally:
                    fan.busy = False
                if fan.note(index, item):
                    perform(fan.rebuild())
                if index < 0 or index == branch.index:
                    continue
                item = hub.hand_over(branch, fan.branches[index])
            elif buffer:
                return branch.take()
            elif fan.ended:
                return END
            else:
                item = hub.wait(branch)
            if item is not RECHECK:
                return item

    def iterate(self, made: Any) -> Iterator[Any]:
        """The iterator over what a step returned."""
        return iter(made)

    def ahead(
        self, items: Any, window: int, ticks: Ticker | None, *, keep_prefix: bool
    ) -> Iterator[Any]:
        """Keep up to ``window`` items pulled: top up on each request, then hand out one."""
        source = iter(items if ticks is None else ticks.count(items))
        buffer: deque[Any] = deque()
        failure: Exception | None = None
        while True:
            if failure is None:
                try:
                    buffer.extend(islice(source, window - len(buffer)))
                except Exception as error:
                    if not keep_prefix:
                        raise
                    failure = error
            if not buffer:
                break
            yield buffer.popleft()
        if failure is not None:
            raise failure

    def zipped(self, inputs: list[Any]) -> Iterator[Any]:
        """Items side by side, None where an input has ended before the others."""
        return zip_longest(*inputs)

    def from_value(self, items: Any, edge: Edge | None) -> Any:
        """An iterator over a finished value."""
        return items

    def close(self, made: Any) -> Act[None]:
        """Close a stream."""
        if hasattr(made, "close"):
            yield made.close

    def drain(self, generator: Any, until: Any) -> Act[None]:
        """Run a loop on until it yields ``until`` or ends."""
        yield lambda: next((item for item in generator if item is until), None)

    def left_at(self, generator: Any) -> int | None:
        """The line at which a loop is suspended; None when it has ended or runs."""
        frame = generator.gi_frame
        return None if frame is None or generator.gi_running else int(frame.f_lineno)

    def new_stack(self) -> ExitStack:
        """An exit stack."""
        return ExitStack()

    def enter(self, stack: Any, made: Any) -> Act[Any]:
        """Enter a context manager that a resource factory made, or take the thing as it is."""
        if isgenerator(made):
            generator = made
            made = contextmanager(lambda: generator)()
        if hasattr(made, "__exit__"):
            return (yield lambda: stack.enter_context(made))
        return made

    def leave(self, stack: Any, error: BaseException | None = None) -> Act[None]:
        """Leave what was entered; ``error`` is what ended its use, or None."""
        details = (None, None, None) if error is None else (type(error), error, error.__traceback__)
        yield lambda: stack.__exit__(*details)

    def scoped(
        self, function: Callable[..., Any], factories: Mapping[str, Callable[[], Any]]
    ) -> Callable[..., Any]:
        """The function, taking keywords, with resources that are made and left for each call."""

        def call(**arguments: Any) -> Any:
            stack = ExitStack()
            try:
                for parameter, factory in factories.items():
                    arguments[parameter] = perform(self.enter(stack, factory()))
                made = function(**arguments)
            except BaseException as error:  # a resource may look at it, but not swallow it
                stack.__exit__(type(error), error, error.__traceback__)
                raise
            stack.close()
            return made

        return call

    def recorded(
        self, function: Callable[..., Any], put: Callable[[Any], Any]
    ) -> Callable[..., Any]:
        """The function; every result also goes to ``put``."""

        def call(*arguments: Any, **keywords: Any) -> Any:
            made = function(*arguments, **keywords)
            put(made)
            return made

        return call

    def recorded_items(self, items: Any, put: Callable[[Any], Any]) -> Iterator[Any]:
        """The items; every one also goes to ``put``."""
        return map(self.recorded(_itself, put), items)


def _itself(item: Any) -> Any:
    return item
