"""One loop while it runs: binding its text to this run, opening its source, and how it ends.

A loop is rebuilt when a consumer leaves: from then on it makes only the calls that still serve
somebody, and goes on with the same source. See :mod:`synaflow_core.engine.loops` for the text and
:mod:`synaflow_core.engine.region` for what ties loops together.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import compress, islice, repeat, zip_longest
from operator import length_hint
from types import FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any, cast

from synaflow_core.dag import Edge, Node
from synaflow_core.engine.ledger import LoopCount, Tally, stops
from synaflow_core.engine.loops import (
    MISSING,
    PAUSE,
    Body,
    CallShape,
    compiled,
    emit,
    needed,
    serves_alone,
)
from synaflow_core.engine.program import (
    JoinSource,
    Loop,
    StepSource,
    ValueSource,
)
from synaflow_core.engine.state import binding_of

if TYPE_CHECKING:
    from synaflow_core.engine.fan import Fan
    from synaflow_core.engine.region import Region


class Ticker:
    """Counts items in C as they pass: no Python runs per item, and any thread may read it."""

    def __init__(self) -> None:
        self._left = repeat(True, sys.maxsize)

    def count(self, items: Iterable[Any]) -> Iterator[Any]:
        """The same items, counted."""
        return compress(items, self._left)

    def __call__(self) -> int:
        """Items so far."""
        return sys.maxsize - length_hint(self._left)


def ahead(items: Iterator[Any], window: int, *, keep_prefix: bool = False) -> Iterator[Any]:
    """Keep up to ``window`` items pulled: top up on each request, then hand out one.

    With ``keep_prefix`` the items pulled before a failure are handed out before it is raised.
    """
    buffer: deque[Any] = deque()
    failure: Exception | None = None
    while True:
        if failure is None:
            try:
                buffer.extend(islice(items, window - len(buffer)))
            except Exception as error:
                if not keep_prefix:
                    raise
                failure = error
        if not buffer:
            break
        yield buffer.popleft()
    if failure is not None:
        raise failure


class LoopRun:
    """One loop while it runs.

    Attributes:
        live: Branches that still have a consumer.
        full: Not empty: the loop must pause at the end of the tick.
        stale: Branches were closed: the loop is to be rebuilt at the end of the tick.
        ended: There are no more items.
    """

    def __init__(self, region: Region, loop: Loop) -> None:
        self.region = region
        self.loop = loop
        self.live = frozenset(range(len(loop.branches)))
        self.form = ("run", "direct", "fan")[min(len(self.live), 2)]
        self.full: list[Any] = []
        self.stale = False
        self.ended = False
        self.fan: Fan | None = None
        self._ticks = Ticker()
        self._emitted = Ticker()
        self._items: Iterator[Any] | None = None
        self._raw: Any = None
        self._generator: GeneratorType[Any, None, None] | None = None
        self._body: Body | None = None
        self._count: LoopCount | None = None

    # -- building -------------------------------------------------------------------------------

    def begin(self) -> GeneratorType[Any, None, None]:
        """The loop as a generator of its items (``direct``) or of (branch, item) (``fan``)."""
        generator: GeneratorType[Any, None, None] = self._make()()
        self._generator = generator
        return generator

    def rebuild(self) -> GeneratorType[Any, None, None]:
        """Go on from the same source for the branches that are left."""
        self._leave()
        self.stale = False
        self.full[:] = [entry for entry in self.full if entry is not self]
        return self.begin()

    def _make(self) -> Callable[[], Any]:
        """Write the loop for the branches that are live now, and bind its names."""
        state, nodes = self.region.state, self.region.state.dag.steps
        calls = needed(self.loop, self.live)
        shapes, constants = {}, {}
        for index, call in enumerate(calls):
            shapes[call.step], own = self._shape(nodes[call.step], index)
            constants.update(own)
        body = emit(self.loop, self.form, self.live, shapes, tuple(constants))
        tallies = [state.tally(name) for name in body.calls]
        count = LoopCount(tallies, body.cuts, self._ticks)
        state.counts.append(count)
        self._body, self._count = body, count
        names: dict[str, Any] = {
            "source": self._source,
            "source_failed": self._source_failed,
            "done": self._done,
            "full": self.full,
            "MISSING": MISSING,
            "PAUSE": PAUSE,
            **constants,
        }
        for index, tally in enumerate(tallies):
            names[f"f{index}"] = tally.node.fn
            names[f"fail{index}"] = self._on_fail(tally, index, count)
            names[f"miss{index}"] = self._on_miss(tally)
        for index, sink in enumerate(self.loop.sinks):
            names[f"put{index}"] = self.region.sink(sink.key)
        space: dict[str, Any] = {}
        exec(compiled(body.text), space)  # our own text, see loops.py
        function = cast(FunctionType, space["loop"])
        return lambda: function(*(names[name] for name in body.names))

    def _shape(self, node: Node, index: int) -> tuple[CallShape, dict[str, Any]]:
        slots = {edge.parameter: i for i, edge in enumerate(node.item_edges)}
        constants: dict[str, Any] = {}

        def name(edge: Edge) -> int | str:
            if edge.parameter in slots:
                return slots[edge.parameter]
            constant = f"k{index}_{len(constants)}"
            constants[constant] = self.region.constant(node, edge)
            return constant

        binding = binding_of(node)
        positional = tuple(name(edge) for edge in binding.positional)
        keywords = tuple((edge.parameter, name(edge)) for edge in binding.keywords)
        return CallShape(positional, keywords), constants

    def _on_fail(
        self, tally: Tally, index: int, count: LoopCount
    ) -> Callable[[Exception, Any], None]:
        def fail(error: Exception, item: Any) -> None:
            try:
                self.region.state.item_failed(tally, error, item)
            except BaseException:
                count.cut = index + 1  # the calls after this one are not made any more
                raise

        return fail

    @staticmethod
    def _on_miss(tally: Tally) -> Callable[[], None]:
        def miss() -> None:
            tally.missed += 1

        return miss

    # -- the source -----------------------------------------------------------------------------

    def _source(self) -> Iterator[Any]:
        if self._items is None:
            self._items = self._ticks.count(self._open())
            for call in self.loop.calls:
                self.region.state.start(self.region.state.tally(call.step))
        return self._items

    def _open(self) -> Iterator[Any]:
        source, region = self.loop.source, self.region
        if isinstance(source, StepSource):
            node = region.state.dag.steps[source.step]
            region.state.start(region.state.tally(node.name))
            region.state.emitting[node.name] = self.emitted
            arguments, keywords = region.arguments(node)
            self._raw = node.fn(*arguments, **keywords)
            items = _iterate(self._raw, node)
            if self.loop.window > 1:
                counted = self._emitted.count(items)
                return ahead(counted, self.loop.window, keep_prefix=not stops(node))
        elif isinstance(source, ValueSource):
            items = region.state.origin(source.origin)
        else:
            inputs = [region.stream(entry) for entry in source.inputs]
            items = inputs[0] if len(inputs) == 1 else zip_longest(*inputs)
        return items

    def emitted(self) -> int:
        """Items that the source step has yielded so far."""
        return self._emitted() if self.loop.window > 1 else self._ticks()

    @property
    def source_step(self) -> str | None:
        """The ALL step whose items the loop takes, if it is one."""
        return self.loop.source.step if isinstance(self.loop.source, StepSource) else None

    def _source_failed(self, error: Exception) -> None:
        """The source raised (calls handle their own errors): its items so far stay valid."""
        state = self.region.state
        if state.stopped is not None:
            raise state.stopped
        if self.source_step is None:
            state.stop(error)
        state.step_failed(state.tally(self.source_step), error, lost=False)

    # -- ending ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Drive a loop without consumers to its end."""
        self._make()()

    def _done(self) -> None:
        """The source has no more items."""
        self.ended = True
        self._leave()
        self._end_steps()

    def _end_steps(self) -> None:
        region = self.region
        step = self.source_step
        if step is not None:
            region.end(step, self._raw)
        for call in self.loop.calls:
            region.end(call.step)
        if isinstance(self.loop.source, JoinSource):
            for entry in self.loop.source.inputs:
                region.release(entry)

    def _leave(self) -> None:
        """Settle the counts of the loop as it was written, and close it."""
        generator, self._generator = self._generator, None
        if self._count is not None and self._body is not None:
            frame = generator.gi_frame if generator is not None else None
            if frame is not None and self._count.cut is None:
                self._count.cut = self._body.yields.get(frame.f_lineno)
            self._count.settle()
            self.region.state.counts.remove(self._count)
            self._count = None
        if generator is not None and not generator.gi_running:
            generator.close()

    def close_branch(self, index: int) -> None:
        """A consumer has ended. Without any, go on alone if there is work, else end the source."""
        self.live -= {index}
        if self.fan is not None:
            self.fan.branches[index].close()
        if self.ended:
            return
        if self.fan is not None and self.live and self._items is None:
            self.fan.generator = self.rebuild()
        elif self.live:
            self._mark_stale()
        elif serves_alone(self.loop):
            self.region.add_task(self.loop.order, self._go_on_alone)
        else:
            self.abandon()

    def _mark_stale(self) -> None:
        if not self.stale:
            self.stale = True
            self.full.append(self)

    def _go_on_alone(self) -> None:
        """Finish the tick in which the last consumer left, then run without it."""
        generator = self._generator
        if generator is not None and self._items is not None:
            self._mark_stale()
            for item in generator:
                if item is PAUSE:
                    break
        if not self.ended:
            self._leave()
            self.full.clear()
            self.form = "run"
            self.run()

    def abandon(self) -> None:
        """Nobody wants the rest: close the loop and its source."""
        if not self.ended:
            self.ended = True
            self._leave()
            self._end_steps()


def _iterate(made: Any, node: Node) -> Iterator[Any]:
    try:
        return iter(made)
    except TypeError:
        raise TypeError(
            f"step '{node.name}' is declared to return a stream but returned {made!r:.100} "
            f"({node.where})"
        ) from None
