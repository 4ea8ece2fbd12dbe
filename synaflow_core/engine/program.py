"""What an engine executes: stages in order, and for each streaming region its loops. PURE.

A Dag is lowered (:mod:`synaflow_core.engine.lower`) to a :class:`Program`. A *stage* is either one
call of a step that consumes no stream and makes none, or a *region*: steps that a stream connects
and that therefore run together, item by item. Within a region every producer of items that is not
an EACH step aligned on another producer is the source of one :class:`Loop`; EACH steps aligned on
it are calls in its body. Loops hand items on through *branches* to pull-style steps and to other
loops, and through *sinks* into collections.

Named tuples, because a dozen dataclasses would cost 8 ms at import.
"""

from __future__ import annotations

from typing import NamedTuple

from synaflow_core.dag import Delivery, Edge, Node, Source


class Origin(NamedTuple):
    """Where the items of a source that is no running stream come from: a value seen as items.

    ``producer`` is a params field, a finished step's output or an external input of the run.
    """

    producer: str
    source: Source


class BranchInput(NamedTuple):
    """An input of a loop or step that is fed by branch ``branch`` of loop ``loop``."""

    loop: int
    branch: int
    width: int
    """Number of aligned values that one item of the branch carries."""


class StepSource(NamedTuple):
    """The items that an ALL step yields."""

    step: str


class ValueSource(NamedTuple):
    """The elements of a collection or of an external input."""

    origin: Origin


class AlignedSource(NamedTuple):
    """External inputs that are branches of one source, side by side by their positions in it."""

    origins: tuple[Origin, ...]


class JoinSource(NamedTuple):
    """Items of several independent inputs, zipped to the longest; one input is passed through."""

    inputs: tuple[BranchInput | Origin, ...]


LoopSource = StepSource | ValueSource | AlignedSource | JoinSource


class Call(NamedTuple):
    """One EACH step in a loop's body. ``slots``: its item parameters and the values they take."""

    step: str
    slots: tuple[tuple[str, str], ...]
    order: int
    """Position in declaration order."""


class Branch(NamedTuple):
    """Items handed to one pull-style consumer: a step or another loop.

    Attributes:
        slots: Names of the values that one item carries; a tuple when there are several.
        bound: Items that may wait in the branch.
        order: Declaration position of the consumer: it gets its item before later calls are made.
        consumer: Name of the consuming step.
    """

    slots: tuple[str, ...]
    bound: int
    order: int
    consumer: str


class Sink(NamedTuple):
    """Every value of ``slot`` goes into the container ``key``; see :class:`CollectKey`."""

    slot: str
    key: CollectKey


class CollectKey(NamedTuple):
    """A collected branch: ``consumer`` is "" for the copy that serves all consumers or the result.

    ``tap`` marks the branch that an external sink receives instead of a container.
    """

    producer: str
    consumer: str
    delivery: Delivery
    tap: bool = False


class Loop(NamedTuple):
    """One source of items and all that happens to each item before the next is pulled.

    Attributes:
        slots: Names of the values that a source item binds, in order; a name is a producer's.
        window: Items that are pulled ahead of the calls (the source's ``max_in_flight``).
        terminals: Calls that nobody consumes: they are made even when no consumer is left.
        order: Declaration position of the source.
    """

    source: LoopSource
    slots: tuple[str, ...]
    window: int
    calls: tuple[Call, ...]
    branches: tuple[Branch, ...]
    sinks: tuple[Sink, ...]
    terminals: frozenset[str]
    order: int


class Pull(NamedTuple):
    """A step that is called once with iterators: a task of its own, or a loop's source.

    ``inputs`` maps parameter -> branch.
    """

    step: str
    inputs: tuple[tuple[str, BranchInput], ...]


class CallStage(NamedTuple):
    """One step that neither consumes nor makes a running stream."""

    step: str

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that the stage runs."""
        return (self.step,)


class RegionStage(NamedTuple):
    """Steps connected by streams.

    Attributes:
        steps: All steps of the region, in declaration order.
        loops: Its loops; ``BranchInput.loop`` is an index into them.
        tasks: Pull-style steps that return a value; each is driven on its own.
        pulls: How each pull-style step (task or source) gets its streams.
        collects: The collected branches that exist when the region has ended.
    """

    steps: tuple[str, ...]
    loops: tuple[Loop, ...]
    tasks: tuple[str, ...]
    pulls: dict[str, Pull]
    collects: tuple[CollectKey, ...]


Stage = CallStage | RegionStage


class Program(NamedTuple):
    """Stages in an order in which each finds its inputs ready."""

    stages: tuple[Stage, ...]


def reads(node: Node) -> tuple[Edge, ...]:
    """The edges of a step that need a finished value: all but streaming and resource edges."""
    return tuple(e for e in node.edges if not e.streaming and e.source is not Source.RESOURCE)
