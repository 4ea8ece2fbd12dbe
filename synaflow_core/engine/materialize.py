"""Materialising one output in a run: the container, the materializer and its events. Both engines.

Every materialisation that is told to have STARTED is told once to have COMPLETED or FAILED.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from synaflow_core.dag import Delivery, Edge, Node, OutputKind, Source
from synaflow_core.engine.act import Act
from synaflow_core.engine.collect import Collector
from synaflow_core.engine.events import (
    MaterializationContext,
    MaterializationEvent,
    logger,
    tell,
    unwanted,
)
from synaflow_core.engine.program import CollectKey
from synaflow_core.engine.state import RunState

if TYPE_CHECKING:
    from synaflow_core.engine.materializers import Materialization, MaterializeContext


class Materializing:
    """One output of one step on its way to a consumer."""

    def __init__(self, state: RunState, node: Node, delivery: Delivery, consumer: str) -> None:
        self._state = state
        self._node = node
        self._delivery = delivery
        self._consumer = consumer
        self._sink: Materialization | None = None
        self._open = False

    def begin(self) -> Act[None]:
        """Tell that it starts, and make the materialisation where a factory is to be asked."""
        self._open = True
        yield from self._tell(MaterializationEvent.STARTED)
        materializer = self._node.materializer
        if materializer is None:
            return
        from synaflow_core.engine.materializers import begun, is_factory  # plain memory needs none

        made = materializer
        if is_factory(materializer):
            made = yield partial(materializer, self._context())
        self._sink = begun(materializer, made)

    @property
    def streams(self) -> Callable[[Any], None] | None:
        """What wants every item while the stream runs, if anything does."""
        return self._sink.put if self._sink is not None and self._sink.streams else None

    def finish(self, value: Any) -> Act[Any]:
        """The value that consumers get."""
        if self._sink is not None:
            made = yield partial(self._sink.finish, value)
            if inspect.isawaitable(made):  # the asynchronous engine would have awaited it
                unwanted([made])
                raise TypeError(
                    f"the materializer of step '{self._node.name}' is asynchronous, but the "
                    f"pipeline is not: write it with 'def'"
                )
            value = value if made is None else made
        self._open = False
        yield from self._tell(MaterializationEvent.COMPLETED)
        return value

    def abort(self, error: BaseException | None) -> Act[None]:
        """It came to nothing, if it has not come to its end."""
        if not self._open:
            return
        self._open = False
        try:
            if self._sink is not None:
                self._sink.abort()
        except Exception:
            logger.exception("a materializer of '%s' failed to clean up", self._node.name)
        yield from self._tell(MaterializationEvent.FAILED, error)

    def _context(self) -> MaterializeContext:
        from synaflow_core.engine.materializers import MaterializeContext

        node = self._node
        return MaterializeContext(
            pipeline_name=self._state.dag.name,
            dataset_name=node.name,
            run_id=self._state.run_id,
            item_type=node.element,
            delivery=self._delivery,
            consumer_name=self._consumer,
            consumer_type=self._consumer_type(),
        )

    def _consumer_type(self) -> Any:
        node = self._node
        if self._consumer:
            for edge in self._state.dag.steps[self._consumer].edges:
                if edge.producer == node.name and edge.source is Source.STEP:
                    return edge.annotation
        return list[node.element] if node.output_kind is OutputKind.STREAM else node.returns  # type: ignore[name-defined]

    def _tell(self, event: MaterializationEvent, error: BaseException | None = None) -> Act[None]:
        state, node = self._state, self._node
        observers = state.dag.observers + node.observers
        if not observers:
            return
        materializer = node.materializer
        name = "memory_materializer" if materializer is None else ""
        context = MaterializationContext(
            pipeline_name=state.dag.name,
            run_id=state.run_id,
            event=event,
            step_name=node.name,
            exception=error,
            dataset_name=node.name,
            consumer_name=self._consumer,
            consumer_type=self._consumer_type(),
            materializer_name=name
            or getattr(materializer, "__name__", type(materializer).__name__),
        )
        yield from tell(observers, context)


class CollectedBranch:
    """A branch of a stream that is collected while the stream runs."""

    def __init__(self, state: RunState, key: CollectKey) -> None:
        self.key = key
        self._collector = Collector(key)
        node = state.dag.steps[key.producer]
        self._materializing = Materializing(state, node, key.delivery, key.consumer)
        self._error: Exception | None = None

    def begin(self) -> Act[None]:
        """Before the first item."""
        try:
            yield from self._materializing.begin()
        except Exception as error:
            self._error = error

    @property
    def put(self) -> Callable[[Any], Any]:
        """What the loop calls with every item."""
        keep, also = self._collector.put, self._materializing.streams
        if also is None:
            return keep
        write = also

        def put(item: Any) -> None:
            keep(item)
            if self._error is None:
                try:
                    write(item)
                except Exception as error:  # told when the branch ends: siblings flow on
                    self._error = error

        return put

    def finish(self) -> Act[Any]:
        """The container; raises what went wrong on the way."""
        error = self._error or self._collector.error
        if error is not None:
            raise error
        return (yield from self._materializing.finish(self._collector.finish()))

    def abort(self, error: BaseException | None) -> Act[None]:
        """Clean up unless it has come to its end."""
        yield from self._materializing.abort(error)


def given(state: RunState, edge: Edge, consumer: str) -> Act[Any]:
    """The finished value that a parameter gets; not for streams that run now.

    A stream of another macro-task is collected here, where its branch ends, so this is where it
    passes its step's materializer. One that raises then fails the consumer.
    """
    found = state.stored_branch(edge, consumer)
    if found is None:
        return state.value(edge, consumer)
    branch = CollectedBranch(state, CollectKey(edge.producer, consumer, edge.delivery))
    try:
        yield from branch.begin()
        put = branch.put
        for item in found:
            put(item)
        return (yield from branch.finish())
    except BaseException as error:
        yield from branch.abort(error)
        raise


def materialised(state: RunState, node: Node, result: Any) -> Act[Any]:
    """What a step returned, as its materializer hands it on; streams are not meant here."""
    if node.materializer is None or node.output_kind is OutputKind.NONE:
        return result
    delivery = Delivery(node.output_kind.value)
    materializing = Materializing(state, node, delivery, "")
    try:
        yield from materializing.begin()
        return (yield from materializing.finish(result))
    except BaseException as error:
        yield from materializing.abort(error)
        raise


def is_materialised(node: Node) -> bool:
    """The step's returned value passes through a materializer."""
    return node.materializer is not None and node.output_kind is not OutputKind.NONE
