"""Replaying dead letters: which steps run again, and on what.

The items that a step failed for become the whole output of the producers of its item parameters,
as if these had made nothing else. The step, all that follows from it, and what those need besides
run; nothing else does. That only gives what the first run would have given where nobody needs the
*other* items, so wiring in which somebody does is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from synaflow_core.compiler.draft import listed
from synaflow_core.dag import Dag, Delivery, Edge, Node, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.engine.binding import item_type
from synaflow_core.engine.deadletters import DeadLetter, DeadLetters
from synaflow_core.engine.ledger import SKIPPED
from synaflow_core.engine.lower import lower
from synaflow_core.engine.positions import Items
from synaflow_core.engine.program import Program
from synaflow_core.engine.state import RunState
from synaflow_core.errors import Problem, ReplayError, did_you_mean

Producer = tuple[Source, str]


def replayed(state: RunState, letters: DeadLetters) -> Program:
    """Prepare a run to replay letters of one step; what it is not to run is marked skipped.

    Raises:
        ReplayError: The letters do not fit the pipeline, or their replay would give wrong results.
    """
    dag = state.dag
    name = _step_of(dag, letters)
    node = dag.steps[name]
    rows = _rows(dag, node, letters)
    replay = _Replay(dag, node)
    problems = list(replay.problems())
    if problems:
        raise ReplayError(f"the dead letters of step '{name}' cannot be replayed", problems)
    inputs, params = dict(state.inputs), dict(state.params)
    for index, edge in enumerate(node.item_edges):
        items = [row[index] for row in rows]
        if edge.source is Source.STEP:
            inputs[edge.producer] = Items(items.__iter__, dag.steps[edge.producer].output_kind)
        else:
            params[edge.producer] = items
    state.inputs, state.params = inputs, params
    for other, tally in state.tallies.items():
        if other not in replay.needed:
            tally.status, tally.reason = SKIPPED, f"not part of the replay of '{name}'"
    return lower(dag, replay.needed, keep=state.kept & replay.needed)


def _step_of(dag: Dag, letters: DeadLetters) -> str:
    place, steps = letters.path, letters.steps
    each = [name for name, node in dag.steps.items() if node.mode is StepMode.EACH]
    if len(steps) != 1:
        counts = ", ".join(f"'{name}' ({count})" for name, count in steps.items())
        raise ReplayError.one(
            place,
            f"expected letters of one step, got {counts or 'none'}",
            "replay letters.of(name) for each of letters.steps",
        )
    (name,) = steps
    if name not in each:
        raise ReplayError.one(
            place,
            f"step '{name}' of pipeline '{dag.name}' "
            + ("is not called item by item" if name in dag.steps else "does not exist")
            + f"; steps that are: {listed(each, 20)}",
            "run the pipeline again as a whole"
            if name in dag.steps
            else did_you_mean(name, each, "replay them with the pipeline that wrote them"),
        )
    return name


def _rows(dag: Dag, node: Node, letters: DeadLetters) -> list[tuple[object, ...]]:
    """The items as one tuple of arguments per letter."""
    declared, several = item_type(dag, node), len(node.item_edges) > 1
    rows: list[tuple[object, ...]] = []
    problems = []
    for letter in letters:
        try:
            if letter.item_as is None:
                raise ValueError("the item could not be written in a form that comes back equal")
            item = letter.decoded(declared)
            rows.append(tuple(item) if several else (item,))
        except Exception as error:  # decoding runs the constructors of user types
            problems.append(_unreadable(letters, letter, error))
    if problems:
        raise ReplayError(f"the dead letters of step '{node.name}' cannot be replayed", problems)
    return rows


def _unreadable(letters: DeadLetters, letter: DeadLetter, error: Exception) -> Problem:
    return Problem(
        f"{letters.path}:{letter.line}",
        f"item {letter.item_repr:.80}",
        "unreplayable-item",
        f"{type(error).__name__}: {error}",
        "replay the other letters: DeadLetters(path, tuple(letter for letter in letters if ...))",
    )


@dataclass(frozen=True)
class _Replay:
    """What a replay of one step touches. Producers are params fields or steps."""

    dag: Dag
    node: Node

    @cached_property
    def injected(self) -> frozenset[Producer]:
        """The producers that are replaced by the items."""
        return frozenset((edge.source, edge.producer) for edge in self.node.item_edges)

    @cached_property
    def after(self) -> frozenset[str]:
        """The step and all steps that follow from it."""
        found = {self.node.name}
        for name, node in self.dag.steps.items():
            if any(e.source is Source.STEP and e.producer in found for e in node.edges):
                found.add(name)
        return frozenset(found)

    @cached_property
    def needed(self) -> frozenset[str]:
        """All steps that run."""
        found = set(self.after)
        for name in reversed(list(self.dag.steps)):
            if name in found:
                found |= {
                    edge.producer
                    for edge in self.dag.steps[name].edges
                    if edge.source is Source.STEP
                    and (edge.source, edge.producer) not in self.injected
                }
        return frozenset(found)

    @cached_property
    def partial(self) -> frozenset[Producer]:
        """Producers whose output is cut down to the items, without having passed the step."""
        found = set(self.injected)
        for name in self.dag.steps:
            if name in self.needed and name not in self.after:
                edges = self.dag.steps[name].edges
                if any((edge.source, edge.producer) in found for edge in edges):
                    found.add((Source.STEP, name))
        return frozenset(found)

    def problems(self) -> Iterator[Problem]:
        """Steps for which the items alone are not enough."""
        for name in self.dag.steps:
            if name not in self.needed:
                continue
            node = self.dag.steps[name]
            for edge in node.edges:
                trouble = self._trouble(node, edge)
                if trouble:
                    yield Problem(
                        node.where or f"pipeline '{self.dag.name}'",
                        f"step '{name}', parameter '{edge.parameter}'",
                        "replay-wiring",
                        f"{trouble}, and a replay of '{self.node.name}' knows only the items that "
                        "failed",
                        "run the pipeline again as a whole",
                    )

    def _trouble(self, node: Node, edge: Edge) -> str:
        if edge.source is Source.RESOURCE:
            return ""
        by_item = edge.delivery is Delivery.ITEM
        cut = (edge.source, edge.producer) in self.partial
        if node is self.node or node.name not in self.after:
            # What the step needs besides its items must be whole.
            return f"needs all that '{edge.producer}' makes" if cut and not by_item else ""
        whole = not cut and edge.producer not in self.after
        if whole and by_item:
            return f"joins the items of '{edge.producer}' with those that come from the step"
        if whole and self._is_related_stream(edge):
            return f"reads '{edge.producer}' side by side with what comes from the step"
        return ""

    def _is_related_stream(self, edge: Edge) -> bool:
        """The stream has a source in common with the step."""
        if edge.delivery is not Delivery.STREAM or edge.source is not Source.STEP:
            return False
        lazy = self.dag.steps[edge.producer].output_kind is OutputKind.STREAM
        return lazy and bool(self._sources(edge.producer) & self._sources(self.node.name))

    def _sources(self, name: str) -> set[Producer]:
        """All that a step's output is made of, itself included."""
        found: set[Producer] = set()
        left: list[Producer] = [(Source.STEP, name)]
        while left:
            producer = left.pop()
            if producer not in found and producer[0] is not Source.RESOURCE:
                found.add(producer)
                if producer[0] is Source.STEP:
                    edges = self.dag.steps[producer[1]].edges
                    left += [(edge.source, edge.producer) for edge in edges]
        return found
