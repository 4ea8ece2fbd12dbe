"""What a run has done that can be undone, and undoing it. For both engines.

A step with a rollback is noted when it has ended well; an EACH step, whose every call is work done,
also when it was cut short after some calls. When the run fails, :func:`roll_back` undoes what was
noted, newest first, each best effort. Whoever has to remember it beyond this process overrides
:class:`Journal` (see :mod:`synaflow_core.compensation`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from synaflow_core.dag import Edge, Node, OutputKind, Source
from synaflow_core.definition import StepMode
from synaflow_core.engine.act import Act
from synaflow_core.engine.collect import deliver
from synaflow_core.engine.events import RollbackEvent, logger
from synaflow_core.engine.ledger import OK, ROLLED_BACK, Tally, describe

if TYPE_CHECKING:
    from synaflow_core.engine.seam import Seam
    from synaflow_core.engine.state import RunState


@dataclass
class Done:
    """A step that has done its work.

    Attributes:
        node: The step.
        values: Parameter of its rollback -> value, before it is put into the form asked for.
            Resources are made when the rollback is called.
        kept: What a journal that remembers more has to say about it.
    """

    node: Node
    values: dict[str, Any]
    kept: Any = None


@dataclass
class Journal:
    """The steps that can be undone, oldest first, and the outputs of their streams.

    Attributes:
        failure: Why something could not be noted; ends the run after the stage in which it
            happened, because it could not be undone any more.
    """

    done: list[Done] = field(default_factory=list)
    failure: Exception | None = None
    _made: dict[str, list[Any]] = field(default_factory=dict)

    def recorder(self, node: Node) -> Callable[[Any], Any] | None:
        """What every element of a step's stream is given to, if its rollback asks for them."""
        if own_output(node) is None or node.output_kind is not OutputKind.STREAM:
            return None
        return self._made.setdefault(node.name, []).append

    def note(self, state: RunState, tally: Tally) -> None:
        """A step has ended: keep what its rollback will be given, if there is work to undo."""
        node = tally.node
        calls = node.mode is StepMode.EACH and tally.ok > 0
        worked = tally.status == OK or tally.exhausted or calls
        if node.rollback is not None and worked:
            place(self.done, Done(node, self._values(state, node)))

    def _values(self, state: RunState, node: Node) -> dict[str, Any]:
        assert node.rollback is not None, "asked for nodes with one only"
        return {
            edge.parameter: self._value(state, node, edge)
            for edge in node.rollback.edges
            if edge.source is not Source.RESOURCE
        }

    def _value(self, state: RunState, node: Node, edge: Edge) -> Any:
        if edge.source is Source.STEP and edge.producer == node.name:
            if node.output_kind is OutputKind.STREAM:
                return self._made.setdefault(node.name, [])
            return state.results[node.name, ""]
        return state.whole(edge, node.name)

    def undisturbed(self) -> AbstractContextManager[None]:
        """Around undoing; here an interrupt ends that, too."""
        return nullcontext()

    def undoing(self, done: Done) -> bool | None:
        """A step is about to be undone.

        Returns:
            Whether that may have been tried before; None when it need not be done any more.
        """
        return False

    def undone(self, done: Done, error: BaseException | None) -> None:
        """It has been undone, or that has failed."""


def place(done: list[Done], new: Done, beside: Callable[[Done], bool] = lambda other: True) -> None:
    """Add a step after all others, but before those that read from it.

    A consumer that has enough ends before its producer does; it is to be undone first all the same.

    Args:
        done: The steps so far, in order.
        new: The step.
        beside: Which of the others ran beside it, so that they may have ended before it.
    """
    index = len(done)
    for position, other in enumerate(done):
        reads = any(edge.producer == new.node.name for edge in other.node.edges)
        if reads and beside(other):
            index = position
            break
    done.insert(index, new)


def own_output(node: Node) -> Edge | None:
    """The edge through which a step's rollback gets the step's own output, if it asks for it."""
    edges = node.rollback.edges if node.rollback is not None else ()
    own = (e for e in edges if e.source is Source.STEP and e.producer == node.name)
    return next(own, None)


def journal_of(nodes: Iterable[Node]) -> Journal | None:
    """A journal for a run of these steps; None when none of them can be undone."""
    return Journal() if any(node.rollback is not None for node in nodes) else None


def roll_back(state: RunState, seam: Seam, error: BaseException) -> Act[None]:
    """Undo what the run has done, newest first.

    A rollback that fails, or asks for the exit, is logged, told to observers, added to the notes of
    ``error``, and kept in the step's report; the others go on.
    """
    journal = state.journal
    while journal is not None and journal.done:
        done = journal.done.pop()
        tally = state.tally(done.node.name)
        try:
            repeated = journal.undoing(done)
            if repeated is None:
                continue
            yield from state.tell(RollbackEvent.STARTED, tally)
            yield from undo(state, seam, done, error, repeated)
            journal.undone(done, None)
        except (Exception, SystemExit) as failure:  # best effort: the others must still be undone
            journal.undone(done, failure)
            tally.rollback = f"rollback failed: {describe(failure)}"
            error.add_note(f"the rollback of step '{done.node.name}' failed: {describe(failure)}")
            logger.error("the rollback of step '%s' failed", done.node.name, exc_info=failure)
            yield from state.tell(RollbackEvent.FAILED, tally, tally.rollback, failure)
        else:
            tally.rollback = ROLLED_BACK
            logger.info("step '%s' was rolled back", done.node.name)
            yield from state.tell(RollbackEvent.COMPLETED, tally)


def undo(
    state: RunState, seam: Seam, done: Done, error: BaseException, repeated: bool
) -> Act[None]:
    """Call the rollback of one step; what it raises is raised."""
    rollback = done.node.rollback
    assert rollback is not None, "only steps with one are noted"
    stack = seam.new_stack()
    try:
        found: dict[str, Any] = {}
        for edge in rollback.edges:
            if edge.source is Source.RESOURCE:
                made = yield state.dag.resources[edge.producer]
                found[edge.parameter] = yield from seam.enter(stack, made)
            else:
                value = deliver(done.values[edge.parameter], edge.delivery)
                lazy = edge.delivery.is_lazy
                found[edge.parameter] = seam.from_value(value, edge) if lazy else value
        told: dict[str, Any] = {"error": error, "repeated": repeated}
        given = {**found, **{name: told[name] for name in rollback.told}}
        returned = yield partial(rollback.fn, **given)
        if inspect.isawaitable(returned) or inspect.isgenerator(returned):
            raise TypeError(
                f"it returned a {type(returned).__name__} that nobody runs, so it has undone "
                "nothing: let it do its work before it returns"
            )
    except BaseException as failure:
        yield from seam.leave(stack, failure)
        raise
    yield from seam.leave(stack)
