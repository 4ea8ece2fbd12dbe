"""One run: its values, its accounts and its verdicts. Shared by both engines; no I/O of its own.

The engines ask here what a failure means, which value a parameter gets and who is told about it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from synaflow_core.dag import Dag, Delivery, Edge, Node, OutputKind, Source
from synaflow_core.definition import Observer
from synaflow_core.engine.act import Act
from synaflow_core.engine.binding import item_type
from synaflow_core.engine.collect import build, deliver, elements
from synaflow_core.engine.events import (
    ErrorContext,
    EventContext,
    LockstepEvent,
    ProgressContext,
    ProgressEvent,
    RollbackEvent,
    StepEvent,
    guarded,
    log_error,
    logger,
    tell,
)
from synaflow_core.engine.journal import Journal
from synaflow_core.engine.ledger import (
    CANCELLED,
    FAILED,
    OK,
    SKIPPED,
    LoopCount,
    Tally,
    describe,
    exceeded,
    stops,
)
from synaflow_core.engine.positions import Items, Located
from synaflow_core.engine.program import CollectKey, Origin
from synaflow_core.engine.progress import Progress, share_done
from synaflow_core.errors import (
    HandoffError,
    PipelineStopException,
    RunError,
    ThresholdExceededException,
)


@dataclass
class RunState:
    """All that is known of one run while it goes on.

    Attributes:
        params: Params field -> value.
        wanted: Steps whose finished output is kept to the end of the run.
        kept: Streams that are collected because they are results.
        inputs: External inputs by producing step: :class:`Items` or a value.
        results: (producer, consumer) -> finished value; consumer "" where it serves all.
        unavailable: Step -> why there is no output of it to be had.
        stopped: What ended the run, once something has.
        reached: How far the run was then; steps that end from then on do not count.
        counts: The loops that run now, for live counts.
        emitting: Running generator step -> items that it has yielded so far.
        progress: Where the pipeline's observers are told of it.
        takers: Steps whose finished output is taken as soon as it is there.
        placed: Steps whose tap takes ``(position in the source, item)``.
        partial: The run sees a part of the items only, so it does not judge thresholds.
        journal: What can be undone; None when no step of the run has a rollback.
    """

    dag: Dag
    params: Mapping[str, Any]
    wanted: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    taps: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    takers: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    placed: frozenset[str] = frozenset()
    strict_lockstep: bool = False
    partial: bool = False
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    results: dict[tuple[str, str], Any] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    stopped: BaseException | None = None
    reached: float = 0.0
    counts: list[LoopCount] = field(default_factory=list)
    emitting: dict[str, Callable[[], int]] = field(default_factory=dict)
    progress: Progress | None = None
    journal: Journal | None = None
    _item_types: dict[str, Any] = field(default_factory=dict)

    # -- values ---------------------------------------------------------------------------------

    def value(self, edge: Edge, consumer: str) -> Any:
        """The finished value that a parameter gets; not for streams that run now."""
        own = (edge.producer, consumer)
        if edge.source is Source.STEP and own in self.results:
            kept = self.results[own]
            return elements(kept) if edge.delivery is Delivery.STREAM else kept
        found = self._finished(edge.producer, edge.source)
        if not isinstance(found, Items):
            return deliver(found, edge.delivery)
        if edge.delivery.is_collection:
            return build(found.open(), edge.delivery)
        if edge.delivery is Delivery.VALUE and found.kind.is_collection:
            return build(found.open(), Delivery(found.kind.value))
        return found.open()

    def stored_branch(self, edge: Edge, consumer: str) -> Iterator[Any] | None:
        """The items of a stream that ran elsewhere, for a consumer that asks for a container."""
        if edge.source is not Source.STEP or not edge.delivery.is_collection:
            return None
        own = {(edge.producer, ""), (edge.producer, consumer)}
        found = self.inputs.get(edge.producer)
        if own & self.results.keys() or not isinstance(found, Items):
            return None
        return found.open() if found.kind is OutputKind.STREAM else None

    def whole(self, edge: Edge, consumer: str) -> Any:
        """What a parameter's producer made, in the container that it is kept in."""
        own = (edge.producer, consumer)
        if edge.source is Source.STEP and own in self.results:
            return self.results[own]
        found = self._finished(edge.producer, edge.source)
        if not isinstance(found, Items):
            return found
        kind = found.kind
        return build(found.open(), Delivery(kind.value if kind.is_collection else "list"))

    def origin(self, origin: Origin) -> Iterator[Any]:
        """The items of a value that an EACH step is called with one by one."""
        found = self._finished(origin.producer, origin.source)
        return found.one_by_one() if isinstance(found, Items) else elements(found)

    def first_position(self, origin: Origin) -> int:
        """Place of the first of these items in the whole, of which this run may see a part."""
        found = self._finished(origin.producer, origin.source)
        return found.first if isinstance(found, Items) else 0

    def located(self, origin: Origin) -> Located:
        """The items of an origin with their positions in their source."""
        found = self._finished(origin.producer, origin.source)
        return found.located() if isinstance(found, Items) else enumerate(elements(found))

    def _finished(self, producer: str, source: Source) -> Any:
        if source is Source.PARAM:
            return self.params[producer]
        if (producer, "") in self.results:
            return self.results[producer, ""]
        return self.inputs[producer]

    def keep(self, key: CollectKey, value: Any) -> None:
        """Store a collected branch."""
        self.results[key.producer, key.consumer] = value

    # -- life of a step -------------------------------------------------------------------------

    def tally(self, name: str) -> Tally:
        """The account of a step."""
        return self.tallies[name]

    def start(self, tally: Tally) -> Act[None]:
        """A step begins: its first call is next."""
        if tally.started is None:
            tally.started = time.perf_counter()
            yield from self.tell(StepEvent.STARTED, tally)

    def finish(self, tally: Tally) -> Act[None]:
        """A step that started has ended; ok unless it failed before. Tells it once."""
        if tally.ended is None and tally.started is not None:
            tally.ended = time.perf_counter()
            if not tally.status and self.stopped is not None:
                tally.status, tally.failure = CANCELLED, self.stopped
                tally.reason = f"the run ended: {_end_of_run(self.stopped)}"
            over = None if tally.status else self.exceeded(tally)
            if over is not None:
                self.fail(tally, over)
            tally.status = tally.status or OK
            if self.journal is not None:
                self.journal.note(self, tally)
            yield from self.tell(_END_EVENTS[tally.status], tally)
            if over is None:
                yield from self._advance(tally)

    def exceeded(self, tally: Tally) -> ThresholdExceededException | None:
        """What a step that has had all its items fails the run with, if it does."""
        return None if self.partial else exceeded(tally)

    def _advance(self, tally: Tally) -> Act[None]:
        """A step has ended: tell how far the run is, unless the run itself has ended."""
        if self.progress is None or self.stopped is not None:
            return
        now = self.progress.ended(tally.node.name)
        if now is not None:
            context = ProgressContext(
                pipeline_name=self.dag.name,
                run_id=self.run_id,
                event=ProgressEvent.ADVANCED,
                step_name=tally.node.name,
                progress=now,
            )
            yield from tell(self.dag.observers, context)

    def refresh(self) -> None:
        """Bring the live counts of all tallies up to date; any thread may ask."""
        for count in tuple(self.counts):
            count.refresh()
        for name, emitted in tuple(self.emitting.items()):
            self.tallies[name].live_ok = emitted()

    def skip(self, name: str, reason: str) -> Act[None]:
        """A step will not run; says why, and so makes its own output unavailable."""
        tally = self.tallies[name]
        tally.status, tally.reason = SKIPPED, reason
        self.unavailable[name] = reason
        yield from self.tell(StepEvent.SKIPPED, tally, detail=reason)
        yield from self._advance(tally)

    def item_failed(self, tally: Tally, error: Exception, item: Any) -> Act[None]:
        """An EACH call raised: count and go on, or stop the run.

        Raises:
            PipelineStopException: The step's policy is STOP.
        """
        tally.note_error(error)
        yield from self._materialize_error(tally, error, item)
        if stops(tally.node, error):
            self.fail(tally, error)
            self.stop(PipelineStopException(tally.node.name, error))

    @staticmethod
    def succeed(tally: Tally) -> None:
        """The single call of a step has returned."""
        tally.settled_ok, tally.status = 1, OK

    @staticmethod
    def fail(tally: Tally, error: BaseException) -> None:
        """A step has failed as a whole."""
        tally.status, tally.reason, tally.failure = FAILED, describe(error), error

    def step_failed(self, tally: Tally, error: Exception, *, lost: bool) -> Act[None]:
        """An ALL step raised, or a generator did in the middle of its items.

        Args:
            tally: The step's account.
            error: What it raised.
            lost: Nothing of its output can be used, so its dependents are skipped.

        Raises:
            PipelineStopException: The step's policy is STOP.
        """
        if self.stopped is not None:  # the end of the run only passes through this step's frames
            raise self.stopped
        if isinstance(error, HandoffError):  # a dataset is damaged: no policy of a step covers that
            self.stop(error)
        tally.note_error(error)
        self.fail(tally, error)
        yield from self._materialize_error(tally, error, None)
        if stops(tally.node, error):
            self.stop(PipelineStopException(tally.node.name, error))
        if lost:
            self.unavailable[tally.node.name] = f"'{tally.node.name}' failed: {describe(error)}"

    def interrupt(self, tally: Tally, error: BaseException) -> None:
        """What no policy covers went through a step: the run ends with it.

        A step that asks for the exit has failed; one that was interrupted has not.
        """
        if self.stopped is None:
            self.end(error)
            if isinstance(error, SystemExit):
                self.fail(tally, error)

    def stop(self, error: BaseException) -> NoReturn:
        """End the run with an error; the first one wins."""
        raise self.end(error)

    def end(self, error: BaseException) -> BaseException:
        """Note what ended the run, and how far it was by then; returns the first: it wins."""
        if self.stopped is None:
            self.reached = share_done(self.tallies.values())
            self.stopped = error
        return self.stopped

    # -- telling --------------------------------------------------------------------------------

    def _materialize_error(self, tally: Tally, error: Exception, item: Any) -> Act[None]:
        node = tally.node
        self.refresh()
        context = ErrorContext(
            pipeline_name=self.dag.name,
            step_name=node.name,
            run_id=self.run_id,
            exception=error,
            item=item,
            mode=node.mode,
            on_error=node.on_error,
            success_count=tally.ok,
            error_count=tally.errors,
            item_type=self._item_type(node),
        )
        yield from guarded(
            node.error_materializer or self.dag.error_materializer or log_error, context
        )

    def _item_type(self, node: Node) -> Any:
        """Type of what a failing call was called with; found once per step."""
        if node.name not in self._item_types:
            self._item_types[node.name] = item_type(self.dag, node)
        return self._item_types[node.name]

    def tell(
        self,
        event: StepEvent | RollbackEvent,
        tally: Tally,
        detail: str = "",
        error: BaseException | None = None,
    ) -> Act[None]:
        """Dispatch a step event to the pipeline's and the step's observers."""
        observers = self.dag.observers + tally.node.observers
        if observers and not tally.node.silent:
            yield from self._dispatch(observers, event, tally, detail, error)

    def _dispatch(
        self,
        observers: tuple[Observer, ...],
        event: StepEvent | RollbackEvent | LockstepEvent,
        tally: Tally,
        detail: str,
        error: BaseException | None = None,
    ) -> Act[None]:
        context = EventContext(
            pipeline_name=self.dag.name,
            run_id=self.run_id,
            event=event,
            step_name=tally.node.name,
            success_count=tally.ok,
            error_count=tally.errors,
            exception=error or tally.failure,
            detail=detail or tally.reason,
        )
        yield from tell(observers, context)

    def warn_lifted(self, producer: str, consumer: str) -> Act[None]:
        """A branch lost its bound, so that the run could go on."""
        text = (
            f"the branch '{producer}' -> '{consumer}' lost its max_in_flight bound: "
            f"'{consumer}' takes nothing from it until another branch of the same stream has "
            f"ended, so its items are kept in memory"
        )
        logger.warning("pipeline '%s': %s", self.dag.name, text)
        tally = self.tallies.get(producer) or self.tallies[consumer]
        observers = self.dag.observers + tally.node.observers
        yield from self._dispatch(observers, LockstepEvent.BOUND_LIFTED, tally, text)


_END_EVENTS = {
    OK: StepEvent.COMPLETED,
    FAILED: StepEvent.FAILED,
    CANCELLED: StepEvent.CANCELLED,
}


def _end_of_run(error: BaseException) -> str:
    """What ended the run, on one line; our own messages say themselves what they are."""
    return " ".join(str(error).split()) if isinstance(error, RunError) else describe(error)


def idle_reason(state: RunState) -> str:
    """Why a step that never began did not."""
    if state.stopped is not None:
        return "the run ended before its turn"
    return "no consumer asked for its items"
