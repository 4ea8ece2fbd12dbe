"""Undoing a run that was spread over processes: :func:`rollback_run`, called once when it failed.

How often a rollback is called. The datasets of a macro-task are withdrawn, the entry is marked
``undoing``, the rollback is called, the entry is marked ``undone``. Killed between any two of these
and called again, :func:`rollback_run` goes on where it was; nothing is lost, and nothing is done
twice, with one exception that nobody can avoid: killed after the rollback has begun and before its
mark is in place, it cannot know how far the rollback had come, and calls it again. It then says so:
the parameter ``repeated`` is True. (The alternative, never to call it again, would lose the
rollback in the same moment, without anybody knowing.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from synaflow_core.compensation.alive import is_alive
from synaflow_core.compensation.fences import Fence
from synaflow_core.compensation.interrupts import held_back
from synaflow_core.compensation.ledger import UNDONE, Entry, Ledger
from synaflow_core.compensation.remembered import Reopened, stored_type
from synaflow_core.compensation.turn import Turn
from synaflow_core.dag import Dag, Node, Source
from synaflow_core.engine.act import perform, perform_async
from synaflow_core.engine.journal import Done, Journal, place, roll_back
from synaflow_core.engine.ledger import Tally, describe
from synaflow_core.engine.state import RunState
from synaflow_core.engine.sync import SyncSeam
from synaflow_core.errors import DamagedError, DriftError, HandoffError, RunError
from synaflow_core.handoff import HandoffStore
from synaflow_core.handoff.writer import new_attempt
from synaflow_core.pipeline import Pipeline

_UNKNOWN = "(unknown)"
_WITH_ITS_CODE = "    -> roll back with the code that the run had"


class UndoneStep(msgspec.Struct, frozen=True):
    """One step whose rollback was called, or would have been.

    Attributes:
        step: The step.
        macro_task: The macro-task that it ran in.
        shard: Index of the shard that it ran in, or None.
        error: ``Type: message`` of why the rollback failed; empty when it did not.
    """

    step: str
    macro_task: str
    shard: int | None = None
    error: str = ""


class RollbackResult(msgspec.Struct, frozen=True):
    """What :func:`rollback_run` has done.

    Attributes:
        undone: The steps whose rollback has returned, in that order: newest first.
        failed: Those whose rollback failed; calling :func:`rollback_run` again tries them again.
        already: Those that had been undone before, by the macro-task itself or an earlier call; or
            that somebody undoes who has taken over, such as a later call.
        left_to: Another run of that key, which was at work last: what is there is its affair, and
            nothing was undone. Else empty.
    """

    undone: tuple[UndoneStep, ...] = ()
    failed: tuple[UndoneStep, ...] = ()
    already: tuple[UndoneStep, ...] = ()
    left_to: str = ""

    @property
    def complete(self) -> bool:
        """Nothing that the run has done is left."""
        return not self.failed

    @property
    def macro_tasks(self) -> tuple[str, ...]:
        """The macro-tasks whose work is undone, so that their results must not be used again."""
        found = (each.macro_task for each in (*self.undone, *self.failed, *self.already))
        return tuple(dict.fromkeys(found))

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return {**values, "complete": self.complete, "macro_tasks": list(self.macro_tasks)}


def rollback_run(
    pipeline: Pipeline,
    run_key: str,
    store: HandoffStore,
    *,
    error: BaseException | str = "the run failed",
    run_id: str = "",
) -> RollbackResult:
    """Undo what a run has done, newest first, each step once, in this process.

    To be called when the run has failed, was cancelled or has crashed, after all its tasks have
    ended, by one caller at a time. Calling it again does what is left, mostly nothing. The datasets
    of undone macro-tasks are withdrawn: a later attempt has to run them again. A task that is still
    at work fails as soon as it completes a step with a rollback, and undoes that step itself.

    Where several runs have one key, those of a window, another one may have been at work last. What
    there is now is its affair then, and nothing is undone here.

    Args:
        pipeline: The user's pipeline, as the run's tasks had it.
        run_key: The key that the run's macro-tasks were given.
        store: The store that they were given.
        error: Why the run is undone, for rollbacks that ask for ``error``.
        run_id: What the run's macro-tasks were given as such; empty: whichever runs have that key.

    Raises:
        HandoffError: The ledger cannot be read. A rollback that fails is no error here: it is in
            the result, and the others go on.
    """
    ledger = Ledger(store, pipeline.dag.name, run_key)
    cause = error if isinstance(error, BaseException) else RunError(error)
    other = _left_to(ledger, run_id)
    if other:
        return RollbackResult(left_to=other)
    turn = Turn(ledger, ledger.fence(new_attempt()))
    try:
        names = ledger.listing().entries
        ledger.take_over(turn.fence, names)
        return undo_entries(pipeline.dag, turn, names, cause)
    finally:
        with suppress(HandoffError):  # what was undone is undone
            ledger.end(turn.fence, well=False)


def _left_to(ledger: Ledger, run_id: str) -> str:
    """The run whose attempt is the newest, unless it is this one, or that is not known."""
    if not run_id:
        return ""
    attempts = [fence for fence in ledger.listing().fences.all if not fence.of_run]
    newest = ledger.owner(attempts[-1]).run_id if attempts else ""
    return "" if newest == run_id else newest


def attempts_at_work(
    pipeline: str, run_key: str, store: HandoffStore
) -> tuple[tuple[str, int | None], ...]:
    """Macro-tasks (and shards) of a run that have begun and not told their end.

    They are still at work; or were killed, on another machine: where they were killed on this one
    they are not told. Only pipelines with rollbacks have them.

    Args:
        pipeline: Name of the pipeline.
        run_key: Key of the run.
        store: Its store.

    Raises:
        HandoffError: The ledger cannot be read.
    """
    ledger = Ledger(store, pipeline, run_key)
    owners = [ledger.owner(fence) for fence in ledger.listing().fences.at_work]
    return tuple((it.macro_task, it.shard) for it in owners if is_alive(it.process) is not False)


def rollback_at_work(pipeline: str, run_key: str, store: HandoffStore) -> bool | None:
    """Whether a run is being undone: True where that goes on here, None where it may elsewhere.

    Once a macro-task has begun after it the answer is False: whoever wanted to wait has.

    Args:
        pipeline: Name of the pipeline.
        run_key: Key of the run.
        store: Its store.

    Raises:
        HandoffError: The ledger cannot be read.
    """
    ledger = Ledger(store, pipeline, run_key)
    fence = ledger.listing().fences.rollback
    return False if fence is None else is_alive(ledger.owner(fence).process)


def undone_macro_tasks(
    pipeline: str, run_key: str, store: HandoffStore
) -> tuple[tuple[str, int | None], ...]:
    """Macro-tasks (and shards) of a run whose work is undone and was not done again.

    Done again is what a later attempt has ended well, also if there was nothing to undo in it.
    A run that was rolled back, retried in part and is green all the same lacks their work: whoever
    ends a run as successful should find none. Of a macro-task that was cut into other shards since,
    only the shards of the last cut count.

    Args:
        pipeline: Name of the pipeline.
        run_key: Key of the run.
        store: Its store.

    Raises:
        HandoffError: The ledger cannot be read.
    """
    ledger = Ledger(store, pipeline, run_key)
    listing = ledger.listing()
    fences = {fence.attempt: fence for fence in listing.fences.all}
    entries = [ledger.read(name) for name in listing.entries]
    begun = {
        entry.attempt: fences.get(entry.attempt) or Fence(entry.sequence, entry.attempt)
        for entry in entries
    }
    # Oldest first; what a superseded attempt entered afterwards is older than its successor's.
    entries.sort(key=lambda entry: (begun[entry.attempt].number, entry.sequence))
    cut = {entry.macro_task: entry.shards for entry in entries}
    latest: dict[tuple[str, int | None], tuple[str, bool]] = {}
    for entry in entries:
        if entry.shards != cut[entry.macro_task]:
            continue
        key = entry.macro_task, entry.shard
        done = entry.name not in listing.marked[UNDONE]
        attempt, kept = latest.get(key, ("", False))
        latest[key] = entry.attempt, done or (kept and attempt == entry.attempt)
    return tuple(
        key
        for key, (attempt, kept) in latest.items()
        if not (kept or any(it.supersedes(begun[attempt]) for it in listing.fences.well))
    )


def undo_entries(
    dag: Dag, turn: Turn, names: Iterable[str], error: BaseException
) -> RollbackResult:
    """Call the rollbacks of some entries, the last one first, until somebody else takes over."""
    journal = _StoredJournal(dag=dag, turn=turn)
    for name in names:
        try:
            entry = turn.ledger.read(name)
        except DamagedError as damage:
            journal.failed.append(UndoneStep(_UNKNOWN, _UNKNOWN, None, describe(damage)))
            continue
        if entry.step in dag.steps:
            place(journal.done, Done(dag.steps[entry.step], {}, entry), _same_attempt(entry))
        elif turn.ledger.has(entry, UNDONE):
            journal.already.append(_told(entry))
        else:
            drift = DriftError(f"the pipeline has no such step any more\n{_WITH_ITS_CODE}")
            journal.failed.append(_told(entry, describe(drift)))
    state = RunState(
        dag=dag,
        params={},  # what rollbacks ask for is in the entries
        tallies={done.node.name: Tally(done.node) for done in journal.done},
        journal=journal,
    )
    undo_done(state, error)
    return RollbackResult(tuple(journal.ended), tuple(journal.failed), tuple(journal.already))


def _same_attempt(entry: Entry) -> Callable[[Done], bool]:
    owner = (entry.macro_task, entry.shard, entry.attempt)
    return lambda other: (other.kept.macro_task, other.kept.shard, other.kept.attempt) == owner


def undo_done(state: RunState, error: BaseException) -> None:
    """Undo what is in the journal of a run, from outside of an event loop."""
    if state.journal is None or not state.journal.done:
        return
    with state.journal.undisturbed():
        if state.dag.is_async:
            import asyncio  # 30 ms that a synchronous pipeline does not pay

            asyncio.run(_undo_async(state, error))
        else:
            perform(roll_back(state, SyncSeam(), error))


async def _undo_async(state: RunState, error: BaseException) -> None:
    from synaflow_core.engine.aio import AsyncSeam

    seam = AsyncSeam()
    try:
        await perform_async(roll_back(state, seam, error))
    finally:
        await seam.finish()


@dataclass
class _StoredJournal(Journal):
    """What the ledger remembers, one entry after another; what became of each."""

    dag: Dag = field(kw_only=True)
    turn: Turn = field(kw_only=True)
    ended: list[UndoneStep] = field(default_factory=list)
    failed: list[UndoneStep] = field(default_factory=list)
    already: list[UndoneStep] = field(default_factory=list)

    def undisturbed(self) -> AbstractContextManager[None]:
        """An interrupt waits for the end: see :func:`.interrupts.held_back`."""
        return held_back()

    def undoing(self, done: Done) -> bool | None:
        """Read what the rollback is given, and begin."""
        entry: Entry = done.kept
        repeated = None
        if not self.turn.ledger.has(entry, UNDONE):  # else what it was given may be gone
            done.values = self._arguments(done.node, entry)
            repeated = self.turn.begins(entry)
        if repeated is None:
            self.already.append(_told(entry))
        return repeated

    def undone(self, done: Done, error: BaseException | None) -> None:
        """Mark the entry, or keep why it could not be undone."""
        entry: Entry = done.kept
        if error is None:
            self.turn.ledger.mark(entry, UNDONE)
            self.ended.append(_told(entry))
        else:
            self.failed.append(_told(entry, describe(error)))

    def _arguments(self, node: Node, entry: Entry) -> dict[str, Any]:
        edges = [] if node.rollback is None else node.rollback.edges
        asked = {edge.parameter: edge for edge in edges if edge.source is not Source.RESOURCE}
        if node.rollback is None or set(asked) != set(entry.arguments):
            raise DriftError(
                f"the rollback of step '{entry.step}' is not the one that the run was to be undone "
                f"with: it was given {', '.join(entry.arguments) or 'nothing'}\n"
                f"{_WITH_ITS_CODE}"
            )
        values: dict[str, Any] = {}
        for name, argument in entry.arguments.items():
            if argument.ref.kind == "items":
                values[name] = Reopened(
                    partial(self.turn.ledger.store.read, argument.ref, node.element)
                )
            else:
                hint = stored_type(self.dag, asked[name], argument.container)
                values[name] = self.turn.ledger.store.read_value(argument.ref, hint)
        return values


def _told(entry: Entry, error: str = "") -> UndoneStep:
    return UndoneStep(entry.step, entry.macro_task, entry.shard, error)
