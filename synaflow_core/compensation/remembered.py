"""A journal that outlives its process: what a macro-task does goes into the run's ledger.

What a step's rollback will be given is stored when the step has ended, and then the entry: from
then on the work can be undone by anybody. A step that is killed before that has not completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args

from synaflow_core.compensation.interrupts import held_back
from synaflow_core.compensation.ledger import (
    FORMAT,
    UNDONE,
    Argument,
    Entry,
    Ledger,
    Listing,
    Sequence,
)
from synaflow_core.compensation.turn import Turn
from synaflow_core.contract.codecs import codec_of
from synaflow_core.dag import Dag, Edge, Node, OutputKind, Source
from synaflow_core.engine.journal import Done, Journal, own_output
from synaflow_core.engine.ledger import Tally, describe
from synaflow_core.engine.state import RunState
from synaflow_core.errors import HandoffError, SupersededError
from synaflow_core.handoff import DatasetWriter

PICKLE = "pickle"
"""For types that no other codec can hold; the store refuses it unless it is allowed."""


@dataclass
class RememberedJournal(Journal):
    """Writes the ledger of one attempt of a macro-task, and marks what is undone within it.

    Attributes:
        macro_task: The macro-task.
        part: Index of the shard and number of shards, or None.
        turn: Undoes what it has done, with its fence.
        datasets: Addresses of what the macro-task writes.
        well: They are there, and count: the attempt has succeeded.
    """

    dag: Dag = field(kw_only=True)
    macro_task: str = field(kw_only=True)
    part: tuple[int, int] | None = field(kw_only=True)
    turn: Turn = field(kw_only=True)
    datasets: tuple[str, ...] = field(kw_only=True)
    sequence: Sequence = field(kw_only=True)
    well: bool = False
    _writers: dict[str, DatasetWriter] = field(default_factory=dict)
    _entered: set[str] = field(default_factory=set)

    @property
    def ledger(self) -> Ledger:
        """The ledger of the run."""
        return self.turn.ledger

    @property
    def attempt(self) -> str:
        """The attempt, a random name."""
        return self.turn.fence.attempt

    def recorder(self, node: Node) -> Callable[[Any], Any] | None:
        """Elements of a stream go to the store as they are made, not into memory."""
        edge = own_output(node)
        if edge is None or node.output_kind is not OutputKind.STREAM:
            return None
        if node.name not in self._writers:
            self._writers[node.name] = self._writer(node, edge)
        return partial(self._record, node.name)

    def _record(self, step: str, item: Any) -> None:
        # Called inside the step's own call, whose policy must not judge what the store does.
        if self.failure is None:
            try:
                self._writers[step].write(item)
            except Exception as error:
                self.failure = error

    def note(self, state: RunState, tally: Tally) -> None:
        """Keep what the rollback will be given, and tell the ledger."""
        super().note(state, tally)
        for done in self.done:
            if done.node is tally.node:
                try:
                    self._enter(done)
                    self.refuse_superseded()
                except Exception as error:
                    self.failure = self.failure or self._told(done.node, error)

    def refuse_superseded(self, listing: Listing | None = None) -> None:
        """Look whether somebody else has taken over.

        Args:
            listing: Where to look; None: what is there now.

        Raises:
            SupersededError: Somebody has; what the attempt has written is withdrawn, unless another
                attempt may have written it anew.
        """
        newer = (listing or self.ledger.listing()).fences.newer(self.turn.fence)
        if newer is None:
            return
        if newer.of_run:
            self.ledger.withdraw(self.datasets)
        shard = "" if self.part is None else f", shard {self.part[0] + 1}"
        happened = "its run was rolled back" if newer.of_run else "another attempt of it began"
        raise SupersededError(
            f"{happened} while this attempt of macro-task '{self.macro_task}'{shard} was still at "
            "work, so it ends here; what it had done is undone\n"
            "    -> see that nothing of a run is at work any more when it is rolled back or retried"
        )

    def _values(self, state: RunState, node: Node) -> dict[str, Any]:
        values = super()._values(state, node)
        edge = own_output(node)
        if edge is not None and node.output_kind is OutputKind.STREAM:
            writer = self._writers.get(node.name) or self._writer(node, edge)
            values[edge.parameter] = _Written(writer)
        return values

    def _enter(self, done: Done) -> None:
        node = done.node
        assert node.rollback is not None, "only steps with one are noted"
        arguments = {
            edge.parameter: self._stored(node, edge, done.values[edge.parameter])
            for edge in node.rollback.edges
            if edge.source is not Source.RESOURCE
        }
        for name, value in done.values.items():
            if isinstance(value, _Written):  # from here on it can be read, also in this process
                ref = arguments[name].ref
                done.values[name] = Reopened(partial(self.ledger.store.read, ref, node.element))
        index, count = self.part or (None, None)
        entry = Entry(
            FORMAT,
            self.macro_task,
            index,
            count,
            self.attempt,
            node.name,
            self.sequence.next(),
            arguments,
            self.datasets,
        )
        done.kept = entry  # first: when adding it is cut short, it may be in place all the same
        self.ledger.add(entry)
        self._entered.add(entry.name)

    def _stored(self, node: Node, edge: Edge, value: Any) -> Argument:
        if isinstance(value, _Written):
            return Argument(value.writer.commit())
        container = container_of(self.dag, edge, value)
        hint = stored_type(self.dag, edge, container)
        ref = self.ledger.store.write_value(
            self.ledger.pipeline,
            self.ledger.run_key,
            self.ledger.dataset(node.name, edge.parameter, self.attempt),
            value,
            type=hint,
            codec=codec_of(hint, whole=True) or PICKLE,
        )
        return Argument(ref, container)

    def _writer(self, node: Node, edge: Edge) -> DatasetWriter:
        return self.ledger.store.writer(
            self.ledger.pipeline,
            self.ledger.run_key,
            self.ledger.dataset(node.name, edge.parameter, self.attempt),
            type=node.element,
            codec=codec_of(node.element) or PICKLE,
        )

    def _told(self, node: Node, error: Exception) -> Exception:
        if isinstance(error, SupersededError):
            return error
        if isinstance(error, HandoffError):
            told = str(error)
            for edge in node.rollback.edges if node.rollback is not None else ():
                dataset = self.ledger.dataset(node.name, edge.parameter, self.attempt)
                told = told.replace(f"step '{dataset}'", f"parameter '{edge.parameter}'")
            return HandoffError(
                f"what the rollback of step '{node.name}' is to be given cannot be kept: {told}"
            )
        return HandoffError(
            f"what the rollback of step '{node.name}' is to be given cannot be kept: "
            f"{describe(error)}\n    -> let it ask for plain data, such as the keys of what to undo"
        )

    def undisturbed(self) -> AbstractContextManager[None]:
        """An interrupt waits for the end: see :func:`.interrupts.held_back`."""
        return held_back()

    def undoing(self, done: Done) -> bool | None:
        """See :meth:`.turn.Turn.begins`."""
        if done.kept is None:  # it could not be kept, so nobody else will undo it
            return False
        try:
            return self.turn.begins(done.kept)
        except HandoffError:
            if done.kept.name in self._entered:
                raise
            return False  # most likely it is not there, so nobody else will undo it

    def undone(self, done: Done, error: BaseException | None) -> None:
        """Mark the entry as undone."""
        if done.kept is None or error is not None:
            return
        try:
            self.ledger.mark(done.kept, UNDONE)
        except HandoffError:
            if done.kept.name in self._entered:
                raise

    def close(self) -> None:
        """Give up what was written for steps that did not complete, and tell the end.

        Whether the storage takes it does not change what the attempt has come to.
        """
        for writer in self._writers.values():
            writer.abort()
        with suppress(HandoffError):
            self.ledger.end(self.turn.fence, well=self.well)


@dataclass(frozen=True)
class _Written:
    """A stream that is still being written."""

    writer: DatasetWriter

    def __iter__(self) -> Iterator[Any]:
        raise HandoffError("the items of its stream could not be kept, so they are not known")


@dataclass(frozen=True)
class Reopened:
    """A stored stream; each iteration reads it anew."""

    open: Callable[[], Iterator[Any]]

    def __iter__(self) -> Iterator[Any]:
        return self.open()


_CONTAINERS: dict[str, type[Any]] = {c.__name__: c for c in (list, set, frozenset, tuple, dict)}


def container_of(dag: Dag, edge: Edge, value: Any) -> str:
    """Name of the container that a stream was collected into; empty for anything else."""
    if edge.source is Source.PARAM or dag.steps[edge.producer].output_kind is not OutputKind.STREAM:
        return ""
    return type(value).__name__ if type(value).__name__ in _CONTAINERS else ""


def stored_type(dag: Dag, edge: Edge, container: str) -> Any:
    """The type with which an argument of a rollback is stored as one value."""
    if edge.source is Source.PARAM:
        return dag.params[edge.producer]
    made = dag.steps[edge.producer]
    if made.output_kind is not OutputKind.STREAM:
        return made.returns
    if container == "tuple":
        return tuple[made.element, ...]  # type: ignore[name-defined]  # a type made at run time
    if container == "dict":
        pair = get_args(made.element)
        return dict[pair[0], pair[1]] if len(pair) == 2 else dict  # type: ignore[valid-type]  # as above
    return _CONTAINERS[container][made.element] if container else Any
