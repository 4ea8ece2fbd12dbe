"""The asynchronous engine's primitives: async generators, and tasks where consumers take turns.

Twin of :mod:`synaflow_core.engine.sync`, name by name; the hub is in
:mod:`synaflow_core.engine.aio_hub`. Items are never awaited by the engine.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from synaflow_core.dag import Edge
from synaflow_core.engine.act import Act, perform_async
from synaflow_core.engine.aio_hub import AsyncHub
from synaflow_core.engine.fan import END, RECHECK, Branch, Turns
from synaflow_core.engine.ticks import Ticker
from synaflow_core.hints import shape_of


class AsyncCrew:
    """Tasks; who starts one sees to it that there are not too many."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def submit(self, work: Callable[[], Act[None]]) -> Any:
        """Begin an act; returns its handle."""
        task = asyncio.create_task(perform_async(work()))
        self._tasks.append(task)
        return task

    async def wait(self, handles: list[Any], block: bool) -> list[Any]:
        """The handles of acts that have ended; with ``block`` at least one."""
        if not handles:
            return []
        done, _ = await asyncio.wait(
            handles, timeout=None if block else 0, return_when=asyncio.FIRST_COMPLETED
        )
        return [handle for handle in handles if handle in done]

    async def close(self) -> None:
        """Cancel what runs; no task is left behind."""
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class AsyncSeam:
    """Async generators on the running event loop.

    What it makes around streams is remembered and closed with the run: an async generator that is
    merely dropped would be closed by a task of the event loop's own, after the run.
    """

    asynchronous = True

    def __init__(self) -> None:
        self._made: list[AsyncGenerator[Any, None]] = []

    def _keep(self, made: AsyncGenerator[Any, None]) -> AsyncIterator[Any]:
        self._made.append(made)
        return made

    async def finish(self) -> None:
        """Close what is left, consumers before their sources."""
        for made in reversed(self._made):
            await made.aclose()

    def bind(self, act: Callable[..., Act[Any]]) -> Callable[..., Any]:
        """An act as a coroutine function that a loop's text can await."""

        async def bound(*arguments: Any) -> Any:
            return await perform_async(act(*arguments))

        return bound

    def hub(self, turns: Turns) -> AsyncHub:
        """A runner for the tasks of a region."""
        return AsyncHub(turns)

    def crew(self, workers: int) -> AsyncCrew:
        """Several workers for independent calls."""
        return AsyncCrew()

    def items_of(self, branch: Branch, hub: Any) -> AsyncIterator[Any]:
        """The branch as its consumer reads it."""
        return self._keep(self._items_of(branch, hub))

    async def _items_of(self, branch: Branch, hub: AsyncHub) -> AsyncGenerator[Any, None]:
        fan, buffer = branch.fan, branch.buffer
        while True:
            item: Any = RECHECK
            if fan.can_advance() and len(buffer) < branch.window:
                fan.busy = True
                try:
                    index, item = await anext(fan.generator)
                except StopAsyncIteration:
                    index, item = END
                finally:
                    fan.busy = False
                if fan.note(index, item):
                    await perform_async(fan.rebuild())
                if index < 0 or index == branch.index:
                    continue
                item = await hub.hand_over(branch, fan.branches[index])
            elif buffer:
                item = branch.take()
            elif fan.ended:
                return
            else:
                item = await hub.wait(branch)
            if item is not RECHECK:
                branch.taker = hub.stepping
                yield item

    def iterate(self, made: Any) -> AsyncIterator[Any]:
        """The iterator over what a step returned."""
        return aiter(made)

    def ahead(
        self, items: Any, window: int, ticks: Ticker | None, *, keep_prefix: bool
    ) -> AsyncIterator[Any]:
        """Keep up to ``window`` items pulled: top up on each request, then hand out one."""
        return self._keep(_ahead(items, window, ticks, keep_prefix))

    def zipped(self, inputs: list[Any]) -> AsyncIterator[Any]:
        """Items side by side, None where an input has ended before the others."""
        return self._keep(_zipped(inputs))

    def from_value(self, items: Any, edge: Edge | None) -> Any:
        """An iterator over a finished value: asynchronous where its reader asks for that."""
        if edge is None or shape_of(edge.annotation).is_async:
            return self._keep(_slowed(items))
        return items

    def close(self, made: Any) -> Act[None]:
        """Close a stream."""
        if hasattr(made, "aclose"):
            yield made.aclose

    def drain(self, generator: Any, until: Any) -> Act[None]:
        """Run a loop on until it yields ``until`` or ends."""

        async def run_on() -> None:
            async for item in generator:
                if item is until:
                    return

        yield run_on

    def left_at(self, generator: Any) -> int | None:
        """The line at which a loop is suspended; None when it has ended or runs."""
        frame = generator.ag_frame
        return None if frame is None or generator.ag_running else int(frame.f_lineno)

    def new_stack(self) -> AsyncExitStack:
        """An exit stack."""
        return AsyncExitStack()

    def enter(self, stack: Any, made: Any) -> Act[Any]:
        """Enter a context manager that a resource factory made, or take the thing as it is."""
        if inspect.isgenerator(made):
            generator = made
            made = contextmanager(lambda: generator)()
        elif inspect.isasyncgen(made):
            stream = made
            made = asynccontextmanager(lambda: stream)()
        if hasattr(made, "__aexit__"):
            return (yield lambda: stack.enter_async_context(made))
        if hasattr(made, "__exit__"):
            return (yield lambda: stack.enter_context(made))
        return made

    def leave(self, stack: Any, error: BaseException | None = None) -> Act[None]:
        """Leave what was entered; ``error`` is what ended its use, or None."""
        details = (None, None, None) if error is None else (type(error), error, error.__traceback__)
        yield lambda: stack.__aexit__(*details)

    def scoped(
        self, function: Callable[..., Any], factories: Mapping[str, Callable[[], Any]]
    ) -> Callable[..., Any]:
        """The function, taking keywords, with resources that are made and left for each call."""

        async def call(**arguments: Any) -> Any:
            stack = AsyncExitStack()
            try:
                for parameter, factory in factories.items():
                    made = factory()
                    if inspect.isawaitable(made):
                        made = await made
                    arguments[parameter] = await perform_async(self.enter(stack, made))
                result = await function(**arguments)
            except BaseException as error:  # a resource may look at it, but not swallow it
                await stack.__aexit__(type(error), error, error.__traceback__)
                raise
            await stack.aclose()
            return result

        return call

    def recorded(
        self, function: Callable[..., Any], put: Callable[[Any], Any]
    ) -> Callable[..., Any]:
        """The function; every result also goes to ``put``."""

        async def call(*arguments: Any, **keywords: Any) -> Any:
            made = await function(*arguments, **keywords)
            put(made)
            return made

        return call

    def recorded_items(self, items: Any, put: Callable[[Any], Any]) -> AsyncIterator[Any]:
        """The items; every one also goes to ``put``."""
        return self._keep(_recorded(items, put))


async def _ahead(
    items: Any, window: int, ticks: Ticker | None, keep_prefix: bool
) -> AsyncGenerator[Any, None]:
    buffer: deque[Any] = deque()
    failure: Exception | None = None
    ended = False
    while True:
        while len(buffer) < window and not ended and failure is None:
            try:
                buffer.append(await anext(items))
                if ticks is not None:
                    ticks.step()
            except StopAsyncIteration:
                ended = True
            except Exception as error:
                if not keep_prefix:
                    raise
                failure = error
        if not buffer:
            break
        yield buffer.popleft()
    if failure is not None:
        raise failure


async def _recorded(items: Any, put: Callable[[Any], Any]) -> AsyncGenerator[Any, None]:
    async for item in items:
        put(item)
        yield item


async def _zipped(inputs: list[Any]) -> AsyncGenerator[Any, None]:
    live = set(range(len(inputs)))
    while True:
        row: list[Any] = [None] * len(inputs)
        for index, items in enumerate(inputs):
            if index in live:
                try:
                    row[index] = await anext(items)
                except StopAsyncIteration:
                    live.discard(index)
        if not live:
            return
        yield row


async def _slowed(items: Iterable[Any]) -> AsyncGenerator[Any, None]:
    for item in items:
        yield item
