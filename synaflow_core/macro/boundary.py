"""The datasets of one macro-task: inputs opened lazily, outputs written while their steps run.

What is read and written is decided by the plan (:class:`InputSpec`, :class:`OutputSpec`); who
calls is :mod:`.task`. Where a plan says ``aligned``, the position of each item in its
source travels beside the items, so that branches that meet again in another macro-task, or in
shards, are still joined by source item (:mod:`synaflow_core.engine.positions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import msgspec

from synaflow_core.dag import Dag, Node, OutputKind
from synaflow_core.engine.collect import elements
from synaflow_core.engine.positions import Items
from synaflow_core.engine.state import RunState
from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef, DatasetWriter, HandoffStore
from synaflow_core.macro.shards import Shard, check_shard

Representation = Literal["items", "value"]


class InputSpec(msgspec.Struct, frozen=True):
    """A dataset that another macro-task wrote, and the step that produced it.

    ``aligned``: its items are joined by source item with those of another branch, here or later.
    """

    dataset: str
    producer: str
    representation: Representation
    aligned: bool = False


class OutputSpec(msgspec.Struct, frozen=True):
    """A dataset that a macro-task writes.

    ``final``: it is a result of the pipeline. ``aligned``: the position of each item in its source
    is written, too.
    """

    dataset: str
    step: str
    representation: Representation
    codec: str
    final: bool = False
    aligned: bool = False


def open_inputs(
    specs: tuple[InputSpec, ...],
    dag: Dag,
    refs: Mapping[str, DatasetRef | None],
    store: HandoffStore,
    shard: Shard | None,
    sliced: str | None,
) -> dict[str, Any]:
    """Producer -> how to read what it made; streams are opened when a step asks for them.

    Args:
        specs: What is read.
        dag: The pipeline.
        refs: Dataset -> reference; what has none is left out.
        store: Where the datasets are.
        shard: The slice that this run is to see of one of them.
        sliced: The dataset that is sliced.

    Raises:
        HandoffError: A value cannot be read, a dataset is not the one that was sliced, or lacks
            the positions that the plan asks for.
    """
    found: dict[str, Any] = {}
    for spec in specs:
        ref, node = refs.get(spec.dataset), dag.steps[spec.producer]
        if ref is None:
            continue
        if spec.representation == "value":
            found[spec.producer] = store.read_value(ref, node.returns)
            continue
        read = partial(store.read, ref, node.element)
        items = Items(read, node.output_kind)
        start, stop = 0, None
        if shard is not None and spec.dataset == sliced:
            check_shard(shard, spec.dataset, ref.count)
            start, stop = shard.start, shard.stop
            items = replace(items, each=partial(read, start=start, stop=stop), first=start)
        if spec.aligned:
            if ref.positions is None or ref.positions.count != ref.count:
                raise HandoffError(
                    f"dataset '{spec.dataset}' was written without the positions of its items, "
                    "which the plan asks for\n"
                    "    -> clear the task that writes it, so that it is written again"
                )
            places = partial(store.read, ref.positions, int, start=start, stop=stop)
            items = replace(items, positions=places)
        found[spec.producer] = items
    return found


class Outputs:
    """Writers of all datasets of a macro-task; what is not committed is removed at the end.

    Attributes:
        streams: Steps whose items are written while they flow.
        taps: Where the engine puts them.
        placed: Those of them that are told the positions.
        takers: Steps whose finished output is written as soon as it is there: a later step of the
            macro-task may change it in place, as no step of another one could.
        uris: Addresses of all that is written, and of what the parts become.
    """

    def __init__(
        self,
        specs: tuple[OutputSpec, ...],
        dag: Dag,
        store: HandoffStore,
        run_key: str,
        shard: Shard | None,
    ) -> None:
        self._specs = specs
        part = None if shard is None else (shard.index, shard.count)
        self.uris = tuple(
            store.part_uri(dag.name, run_key, spec.dataset, each)
            for spec in specs
            for each in dict.fromkeys((part, None))
        )
        self._open = ExitStack()
        self._writers: dict[str, DatasetWriter] = {}
        self._places: dict[str, DatasetWriter] = {}
        self.taps: dict[str, Callable[..., Any]] = {}
        self.takers: dict[str, Callable[[Any], None]] = {}
        for spec in specs:
            node = dag.steps[spec.step]
            writer = self._writers[spec.step] = self._open.enter_context(
                store.writer(
                    dag.name,
                    run_key,
                    spec.dataset,
                    type=node.returns if spec.representation == "value" else node.element,
                    codec=spec.codec,
                    kind=spec.representation,
                    type_name=_type_name(node),
                    part=part,
                )
            )
            if node.output_kind is not OutputKind.STREAM:
                self.takers[spec.step] = partial(self._take, spec)
                continue
            self.taps[spec.step] = writer.write
            if spec.aligned:
                places = self._places[spec.step] = self._open.enter_context(
                    store.writer(dag.name, run_key, spec.dataset, type=int, part=part, aside=True)
                )
                self.taps[spec.step] = _both(places.write, writer.write)
        self.streams = frozenset(self.taps)
        self.placed = frozenset(self._places)

    def commit(self, state: RunState) -> dict[str, DatasetRef | None]:
        """Make all datasets visible; None for a step that gave nothing that could be used.

        Raises:
            HandoffError: One could not be written.
        """
        return {spec.dataset: self._commit(state, spec) for spec in self._specs}

    def _commit(self, state: RunState, spec: OutputSpec) -> DatasetRef | None:
        name, writer = spec.step, self._writers[spec.step]
        if name in state.unavailable:
            return None
        places = self._places.get(name)
        positions = None if places is None else places.commit()
        return replace(writer.commit(errors=state.tally(name).errors), positions=positions)

    def _take(self, spec: OutputSpec, value: Any) -> None:
        writer = self._writers[spec.step]
        if spec.representation == "value":
            writer.write(value)
        else:
            # A set's order differs between processes; a dataset's digest must not.
            unordered = isinstance(value, set | frozenset)
            for item in sorted(value, key=repr) if unordered else elements(value):
                writer.write(item)
        writer.encode()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()


def _both(place: Callable[[int], None], write: Callable[[Any], None]) -> Callable[..., None]:
    def put(position: int, item: Any) -> None:
        write(item)
        place(position)

    return put


def _type_name(node: Node) -> str:
    from synaflow_core.hints import type_name

    return type_name(node.returns)
