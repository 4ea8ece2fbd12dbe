"""One loop while it runs: binding its text to this run, opening its source, and how it ends.

A loop is rebuilt when a consumer leaves: from then on it makes only the calls that still serve
somebody, and goes on with the same source. See :mod:`synaflow_core.engine.loops` for the text and
:mod:`synaflow_core.engine.region` for what ties loops together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast, get_origin

from synaflow_core.dag import Node
from synaflow_core.engine.act import Act
from synaflow_core.engine.ledger import FAILED, LoopCount, Tally, stops
from synaflow_core.engine.loopcalls import call_shape, interrupted, missed
from synaflow_core.engine.loops import (
    MISSING,
    PAUSE,
    Body,
    compiled,
    emit,
    needed,
    serves_alone,
)
from synaflow_core.engine.positions import side_by_side
from synaflow_core.engine.program import (
    AlignedSource,
    Call,
    JoinSource,
    Loop,
    Origin,
    StepSource,
    ValueSource,
)
from synaflow_core.engine.ticks import Reading, Ticker

if TYPE_CHECKING:
    from synaflow_core.engine.fan import Fan
    from synaflow_core.engine.region import Region


class LoopRun:
    """One loop while it runs.

    Attributes:
        live: Branches that still have a consumer.
        form: How the loop is written; see :mod:`synaflow_core.engine.loops`.
        full: Not empty: the loop must pause at the end of the tick.
        stale: Branches were closed: the loop is to be rebuilt at the end of the tick.
        ended: There are no more items.
    """

    def __init__(self, region: Region, loop: Loop) -> None:
        self.region = region
        self.loop = loop
        self.live = frozenset(range(len(loop.branches)))
        self.form = ("run", "direct", "fan")[min(len(self.live), 2)]
        if region.seam.asynchronous and any(
            call.order > branch.order for branch in loop.branches for call in loop.calls
        ):
            self.form = "fan"  # those calls are made though the consumer awaits something else
        self.full: list[Any] = []
        self.stale = False
        self.ended = False
        self.fan: Fan | None = None
        self._ticks = Reading() if region.seam.asynchronous else Ticker()
        self._emitted = Ticker() if loop.window > 1 else self._ticks
        self._first = 0  # position of the first item in its source, where this is a slice of it
        self._position = 0  # of the current item, where its input came with positions
        self._constants: dict[str, dict[str, Any]] = {}
        self._items: Any = None
        self._raw: Any = None
        self._generator: Any = None
        self._body: Body | None = None
        self._count: LoopCount | None = None

    # -- building -------------------------------------------------------------------------------

    def prepare(self, call: Call) -> Act[None]:
        """Compute, once, the parameters that are the same for all calls of a step."""
        node = self.region.state.dag.steps[call.step]
        slots = {parameter for parameter, _ in call.slots}
        self._constants[call.step] = found = {}
        for edge in node.edges:
            if edge.parameter not in slots and not self.region.is_per_item(edge):
                found[edge.parameter] = yield from self.region.constant(node, edge)

    def begin(self) -> Any:
        """The loop as an iterator over its items (``direct``) or over (branch, item) (``fan``)."""
        self._generator = self._make()()
        if self._passes_on and isinstance(self._ticks, Ticker):
            return self._ticks.count(self._generator)
        return self._generator

    @property
    def _passes_on(self) -> bool:
        """Items only pass through, to a step that iterates: counting them last is the fastest.

        A step that asks for a generator gets one.
        """
        if self.form != "direct" or self.loop.calls or self.loop.sinks:
            return False
        branch = self.loop.branches[0]
        return any(
            edge.producer == branch.slots[0] and get_origin(edge.annotation) in (Iterator, Iterable)
            for edge in self.region.state.dag.steps[branch.consumer].edges
        )

    def rebuild(self) -> Act[None]:
        """Go on from the same source for the branches that are left."""
        yield from self._leave()
        self.stale = False
        self.full[:] = [entry for entry in self.full if entry is not self]
        if self.fan is None:
            return
        if self.live:
            self.fan.generator = self.begin()
        elif serves_alone(self.loop):
            self.region.add_task(self.loop.order, self._run_alone)
        else:
            yield from self.abandon()

    def _make(self) -> Callable[[], Any]:
        """Write the loop for the branches that are live now, and bind its names."""
        region = self.region
        state, seam, nodes = region.state, region.seam, region.state.dag.steps
        shapes, constants = {}, {}
        for index, call in enumerate(needed(self.loop, self.live)):
            node = nodes[call.step]
            per_item = frozenset(e.parameter for e in node.edges if region.is_per_item(e))
            shapes[call.step], own = call_shape(
                node, index, self._constants[call.step], per_item=per_item
            )
            constants.update(own)
        waits = frozenset(name for name in shapes if nodes[name].is_async)
        body = emit(
            self.loop,
            self.form,
            self.live,
            shapes,
            tuple(constants),
            waits=waits,
            asynchronous=seam.asynchronous,
        )
        tallies = [state.tally(name) for name in body.calls]
        count = LoopCount(tallies, body.cuts, self._ticks)
        state.counts.append(count)
        self._body, self._count = body, count
        names: dict[str, Any] = {
            "source": seam.bind(self._source),
            "source_failed": seam.bind(self._source_failed),
            "interrupted": partial(interrupted, count, body),
            "done": seam.bind(self._done),
            "full": self.full,
            "MISSING": MISSING,
            "PAUSE": PAUSE,
            "n": self._ticks(),
            **constants,
        }
        for index, tally in enumerate(tallies):
            names[f"f{index}"] = self._function(tally.node)
            names[f"fail{index}"] = seam.bind(self._on_fail(tally, index, count))
            names[f"miss{index}"] = partial(missed, tally)
        for index, sink in enumerate(self.loop.sinks):
            put = region.sink(sink.key)
            placed = sink.key.tap and sink.slot in state.placed
            names[f"put{index}"] = self._placed(put) if placed else put
        space: dict[str, Any] = {}
        exec(compiled(body.text), space)  # our own text, see loops.py
        function = cast(FunctionType, space["loop"])
        if isinstance(self._ticks, Ticker):
            return lambda: function(*(names[name] for name in body.names))
        made, self._ticks.read = function(*(names[name] for name in body.names))
        return cast(Callable[[], Any], made)

    def _function(self, node: Node) -> Callable[..., Any]:
        """What the loop calls: the step's function, with the resources of one item around it."""
        resources = self.region.state.dag.resources
        scoped = {
            edge.parameter: resources[edge.producer]
            for edge in node.edges
            if self.region.is_per_item(edge)
        }
        function = self.region.seam.scoped(node.fn, scoped) if scoped else node.fn
        put = self._recorder(node)
        return self.region.seam.recorded(function, put) if put is not None else function

    def _recorder(self, node: Node) -> Callable[[Any], Any] | None:
        journal = self.region.state.journal
        return None if journal is None else journal.recorder(node)

    def _on_fail(
        self, tally: Tally, index: int, count: LoopCount
    ) -> Callable[[Exception, Any], Act[None]]:
        def fail(error: Exception, item: Any) -> Act[None]:
            try:
                yield from self.region.state.item_failed(tally, error, item)
            except BaseException:
                count.cut = index + 1  # the calls after this one are not made any more
                raise

        return fail

    def _placed(self, put: Callable[[int, Any], Any]) -> Callable[[Any], Any]:
        """A sink that is told, with each item, the position of the source item it came from."""
        if isinstance(self.loop.source, AlignedSource):
            return lambda item: put(self._position, item)
        ticks = self._ticks
        return lambda item: put(self._first + ticks() - 1, item)

    def _set_position(self, position: int) -> None:
        self._position = position

    # -- the source -----------------------------------------------------------------------------

    def _source(self) -> Act[Any]:
        if self._items is None:
            items = yield from self._open()
            ticks = self._ticks
            counts = isinstance(ticks, Ticker) and not self._passes_on
            self._items = cast(Ticker, ticks).count(items) if counts else items
            for call in self.loop.calls:
                yield from self.region.state.start(self.region.state.tally(call.step))
        return self._items

    def _open(self) -> Act[Any]:
        source, region, seam = self.loop.source, self.region, self.region.seam
        if isinstance(source, StepSource):
            return (yield from self._open_step(region.state.dag.steps[source.step]))
        if isinstance(source, ValueSource):
            self._first = region.state.first_position(source.origin)
            return seam.from_value(region.state.origin(source.origin), None)
        if isinstance(source, AlignedSource):
            branches = [region.state.located(origin) for origin in source.origins]
            return seam.from_value(side_by_side(branches, self._set_position), None)
        inputs = [
            seam.from_value(region.state.origin(entry), None)
            if isinstance(entry, Origin)
            else region.stream(entry)
            for entry in source.inputs
        ]
        return inputs[0] if len(inputs) == 1 else seam.zipped(inputs)

    def _open_step(self, node: Node) -> Act[Any]:
        region, seam = self.region, self.region.seam
        yield from region.state.start(region.state.tally(node.name))
        region.state.emitting[node.name] = self._emitted
        arguments, keywords = yield from region.arguments(node)
        self._raw = yield lambda: node.fn(*arguments, **keywords)
        try:
            items = seam.iterate(self._raw)
        except TypeError:
            raise TypeError(
                f"step '{node.name}' is declared to return a stream but returned "
                f"{self._raw!r:.100} ({node.where})"
            ) from None
        put = self._recorder(node)
        if put is not None:
            items = seam.recorded_items(items, put)
        window = self.loop.window
        if window == 1:
            return items
        emitted = cast(Ticker, self._emitted)
        return seam.ahead(items, window, emitted, keep_prefix=not stops(node))

    @property
    def owes_calls(self) -> bool:
        """Calls for the last item have not been made yet; the loop waits to be asked."""
        if self._body is None or self._generator is None:
            return False
        if self._items is None:  # even the first item has not been asked for
            return bool(self.loop.terminals)
        line = self.region.seam.left_at(self._generator)
        made = None if line is None else self._body.made.get(line)
        return made is not None and made < len(self._body.calls)

    @property
    def source_step(self) -> str | None:
        """The ALL step whose items the loop takes, if it is one."""
        return self.loop.source.step if isinstance(self.loop.source, StepSource) else None

    def _source_failed(self, error: Exception) -> Act[None]:
        """The source raised (calls handle their own errors): its items so far stay valid."""
        state = self.region.state
        if state.stopped is not None:
            raise state.stopped
        if self.source_step is None:
            state.stop(error)
        yield from state.step_failed(state.tally(self.source_step), error, lost=False)

    # -- ending ---------------------------------------------------------------------------------

    def run(self) -> Act[None]:
        """Drive a loop without consumers to its end."""
        yield self._make()

    def _done(self) -> Act[None]:
        """The source has no more items."""
        self.ended = True
        if self.source_step is not None:
            tally = self.region.state.tally(self.source_step)
            tally.exhausted = tally.status != FAILED
        yield from self._leave(running=True)
        yield from self._end_steps()

    def _end_steps(self) -> Act[None]:
        region = self.region
        if self.source_step is not None:
            yield from region.end(self.source_step, self._raw)
        for call in self.loop.calls:
            yield from region.end(call.step)
        if isinstance(self.loop.source, JoinSource):
            for entry in self.loop.source.inputs:
                yield from region.release(entry)

    def _leave(self, *, running: bool = False) -> Act[None]:
        """Settle the counts of the loop as it was written, and close it unless it just ended."""
        generator, self._generator = self._generator, None
        if self._count is not None and self._body is not None:
            if generator is not None and self._count.cut is None:
                line = self.region.seam.left_at(generator)
                self._count.cut = None if line is None else self._body.made.get(line)
            self._count.settle()
            self.region.state.counts.remove(self._count)
            self._count = None
        if generator is not None and not running:
            yield from self.region.seam.close(generator)

    def close_branch(self, index: int) -> Act[None]:
        """A consumer has ended. Without any, go on alone if there is work, else end the source."""
        self.live -= {index}
        if self.fan is not None:
            self.fan.branches[index].close()
        if self.ended:
            return
        if self.fan is not None and self.fan.busy:
            self._mark_stale()  # whoever is in the loop rebuilds it at the end of the item
        elif self.fan is not None and self.live and self._items is None:
            yield from self.rebuild()
        elif self.live:
            self._mark_stale()
        elif serves_alone(self.loop):
            if self.fan is not None:
                self.fan.ended = True  # for whoever would ask it
            self.region.add_task(self.loop.order, self._go_on_alone)
        else:
            yield from self.abandon()

    def _mark_stale(self) -> None:
        if not self.stale:
            self.stale = True
            self.full.append(self)

    def _go_on_alone(self) -> Act[None]:
        """Finish the tick in which the last consumer left, then run without it."""
        generator = self._generator
        if generator is not None and self._items is not None:
            self._mark_stale()
            yield from self.region.seam.drain(generator, PAUSE)
        if not self.ended:
            yield from self._leave()
            yield from self._run_alone()

    def _run_alone(self) -> Act[None]:
        self.full.clear()
        self.form = "run"
        yield from self.run()

    def abandon(self) -> Act[None]:
        """Nobody wants the rest: close the loop and its source."""
        if not self.ended:
            self.ended = True
            yield from self._leave()
            yield from self._end_steps()
