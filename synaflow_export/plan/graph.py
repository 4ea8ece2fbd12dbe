"""The contract seen as a graph: steps by position, and the links between them.

Positions are declaration order, which the contract guarantees to be a topological order: the
producer of a link always stands before its consumer. All planning works on positions; names come
back in :mod:`~synaflow_export.plan.words` and the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synaflow_core.contract import Contract, StepContract

_NOT_DATA = ("param", "resource")


@dataclass(frozen=True, slots=True)
class Link:
    """One step feeds another.

    Attributes:
        producer: Position of the producing step.
        consumer: Position of the consuming step; always greater.
        delivery: As in the contract: ``item``, ``stream``, ``list``, ... ``value``.
        streaming: Items flow one by one and never exist all at once.
        storable: The producer's output may be written to the store.
    """

    producer: int
    consumer: int
    delivery: str
    streaming: bool
    storable: bool


@dataclass(frozen=True)
class StepGraph:
    """Steps and links of one contract.

    Attributes:
        names: Step names by position.
        steps: Steps by position.
        links: All links, ordered by consumer and then as its function declares them.
    """

    names: tuple[str, ...]
    steps: tuple[StepContract, ...]
    links: tuple[Link, ...]


def is_storable(step: StepContract, *, allow_pickle: bool) -> bool:
    """Whether the output of a step may be written to the store."""
    if step.output_kind == "none":
        return True
    return allow_pickle or step.codec is not None


def step_graph(contract: Contract, *, allow_pickle: bool) -> StepGraph:
    """Build the graph of a contract in one pass over its dependencies.

    Args:
        contract: The compiled pipeline.
        allow_pickle: Whether outputs without a codec count as storable.
    """
    names = tuple(contract.steps)
    steps = tuple(contract.steps.values())
    position: dict[str, int] = {}
    links: list[Link] = []
    for consumer, step in enumerate(steps):
        for dependency, delivery in step.delivery.items():
            # A name that no earlier step has is a param, even if a later step takes it over.
            producer = None if delivery in _NOT_DATA else position.get(dependency)
            if producer is None:
                continue
            source = steps[producer]
            streaming = source.lazy and step.streams(delivery)
            storable = is_storable(source, allow_pickle=allow_pickle)
            links.append(Link(producer, consumer, delivery, streaming, storable))
        position[names[consumer]] = consumer
    return StepGraph(names, steps, tuple(links))
