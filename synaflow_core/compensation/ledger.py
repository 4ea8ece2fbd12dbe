"""The ledger of a run: which steps have done work that can be undone, and which are undone.

It lies beside the run's datasets, so it outlives every process. One file per entry, and one per
mark on it, each put in place at once; nothing is ever changed or removed::

    rollback=20ledger/01764110000000000000.77de….4f1a….json      the step has done its work
                      01764110000000000000.77de….4f1a….undoing   its rollback is about to be called
                      01764110000000000000.77de….4f1a….undone    its rollback has returned

The name of an entry is its sequence number, whose it is (a digest of the macro-task, then the
shard) and the attempt, so that a task with a thousand siblings reads its own entries only. Numbers
are times, but never below one that was there when the attempt began, so what a task did comes after
what its upstream tasks did, whatever the clocks of their machines say. What a rollback is to be
given is stored with the entry, as datasets of its own: others may be replaced before it is needed.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from synaflow_core.compensation.alive import this_process
from synaflow_core.compensation.fences import (
    DIGITS,
    ENDED,
    FENCE,
    TAKEN,
    WELL,
    Fence,
    Fences,
    macro_task_digest,
)
from synaflow_core.errors import DamagedError, HandoffError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.handoff.manifest import digest_of

FORMAT = 1
UNDOING, UNDONE = "undoing", "undone"

_FOLDER = "rollback ledger"
_NAME = re.compile(r"([0-9]{20}\.[0-9a-f]{16}\.[0-9a-f]{16})\.(json|undoing|undone)")


class Argument(msgspec.Struct, frozen=True):
    """What a parameter of a rollback is given.

    Attributes:
        ref: Where it is stored.
        container: ``list``, ``set`` ...: what the items of a stream had been collected into; empty
            for a value with a type of its own, and for items that are read one by one.
    """

    ref: DatasetRef
    container: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One step that has done its work.

    Attributes:
        macro_task: The macro-task that it ran in.
        shard: Index of the shard that it ran in; None where the macro-task is not sharded.
        shards: How many shards there were; None likewise.
        attempt: The attempt of the macro-task (or shard): a random name.
        step: The step.
        sequence: Its place among all entries of the run.
        arguments: Parameter of its rollback -> what that is given.
        datasets: Addresses of the datasets that the macro-task writes, of which none holds any
            more when the step is undone.
        seal: Digest of the entry with an empty seal.
    """

    format: int
    macro_task: str
    shard: int | None
    shards: int | None
    attempt: str
    step: str
    sequence: int
    arguments: dict[str, Argument]
    datasets: tuple[str, ...]
    seal: str = ""

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.sequence:020d}.{owner_of(self.macro_task, self.shard)}.{self.attempt}"


def owner_of(macro_task: str, shard: int | None) -> str:
    """Stands for a macro-task, or one of its shards, in the names of entries; 16 hex digits."""
    return f"{macro_task_digest(macro_task)}{0 if shard is None else shard + 1:0{16 - DIGITS}x}"


class _Version(msgspec.Struct):
    format: int


class Owner(msgspec.Struct, frozen=True):
    """Whose a fence is.

    Attributes:
        macro_task: The macro-task; empty for a rollback of the run.
        shard: Index of the shard; None where the macro-task is not sharded.
        process: The process, as :mod:`.alive` names it.
        run_id: Which of the runs that have this ledger; empty where nobody said so.
    """

    macro_task: str
    shard: int | None
    process: str
    run_id: str = ""


@dataclass(frozen=True)
class Listing:
    """The names of all entries, oldest first, and of those that have a mark; and the fences."""

    entries: tuple[str, ...]
    marked: Mapping[str, frozenset[str]]
    fences: Fences

    def left_to(self, macro_task: str, part: tuple[int, int] | None) -> tuple[str, ...]:
        """The entries of earlier attempts that an attempt has to undo first, oldest first.

        Those of the same macro-task or shard. Where the run had been cut into other shards before,
        each old shard is the affair of exactly one new one.

        Args:
            macro_task: Name of the macro-task.
            part: Index and number of shards; None where it is not sharded.
        """
        index, count = part or (0, 1)
        own = macro_task_digest(macro_task)

        def is_ours(name: str) -> bool:
            owner = name.split(".")[1]
            old = max(int(owner[DIGITS:], 16) - 1, 0)
            return owner.startswith(own) and old % count == index

        return tuple(e for e in self.entries if is_ours(e) and e not in self.marked[UNDONE])

    @property
    def last(self) -> int:
        """The highest sequence number of an entry or a fence; 0 when there is none."""
        entry = int(self.entries[-1].partition(".")[0]) if self.entries else 0
        return max(entry, self.fences.all[-1].number if self.fences.all else 0)


class Ledger:
    """The ledger of one run. Reading it needs none of the run's code."""

    def __init__(self, store: HandoffStore, pipeline: str, run_key: str) -> None:
        self.store = store
        self.pipeline = pipeline
        self.run_key = run_key
        self._folder = store.folder(pipeline, run_key, _FOLDER)

    def listing(self) -> Listing:
        """What is there now.

        Raises:
            HandoffError: The storage failed.
        """
        found: dict[str, set[str]] = {"json": set(), UNDOING: set(), UNDONE: set()}
        files = self._folder.names()
        for file in files:
            match = _NAME.fullmatch(file)
            if match is not None:  # anything else is what a killed process was about to write
                found[match[2]].add(match[1])
        marked = {mark: frozenset(found[mark]) for mark in (UNDOING, UNDONE)}
        return Listing(tuple(sorted(found["json"])), marked, Fences.among(files))

    def read(self, name: str) -> Entry:
        """One entry.

        Raises:
            DamagedError: It is damaged.
            HandoffError: It was written by a newer version, or the storage failed.
        """
        data = self._folder.read(f"{name}.json")
        try:
            if msgspec.json.decode(data or b"", type=_Version).format > FORMAT:
                raise HandoffError(
                    f"the entry {name} of the ledger {self._folder.url} was written by a newer "
                    "version\n    -> install the version that wrote it, or a newer one"
                )
            entry = msgspec.json.decode(data or b"", type=Entry)
            whole = _encoded(entry) == data and entry.name == name
        except (msgspec.MsgspecError, UnicodeError):
            whole = False
        if not whole:
            raise DamagedError(
                f"the entry {self._folder.url}/{name}.json is damaged, so nobody can tell which "
                "step it is of\n"
                "    -> undo by hand what that step has done, then remove this file"
            )
        return entry

    def add(self, entry: Entry) -> None:
        """Put an entry in place.

        Raises:
            HandoffError: The storage failed.
        """
        self._publish(f"{entry.name}.json", _encoded(entry))

    def mark(self, entry: Entry, mark: str) -> None:
        """Put a mark on an entry; doing it again changes nothing.

        Raises:
            HandoffError: The storage failed.
        """
        self._publish(f"{entry.name}.{mark}", b"")

    def has(self, entry: Entry, mark: str) -> bool:
        """Whether an entry has a mark, as of now.

        Raises:
            HandoffError: The storage failed.
        """
        return self._folder.read(f"{entry.name}.{mark}") is not None

    def fence(
        self,
        attempt: str,
        macro_task: str = "",
        part: tuple[int, int] | None = None,
        run_id: str = "",
    ) -> Fence:
        """Put a fence in place that supersedes all before it.

        Args:
            attempt: Whose it is, a random name.
            macro_task: The macro-task; empty for a rollback of the run.
            part: Index and number of shards; None where it is not sharded.
            run_id: Which of the runs that have this ledger.

        Raises:
            HandoffError: The storage failed.
        """
        number = Sequence(self.listing().last).next()
        digest = macro_task_digest(macro_task) if macro_task else ""
        fence = Fence(number, attempt, digest, *(part or (0, 1)))
        owner = Owner(macro_task, None if part is None else part[0], this_process(), run_id)
        self._publish(f"{fence.name}.{FENCE}", msgspec.json.encode(owner))
        return fence

    def end(self, fence: Fence, *, well: bool) -> None:
        """Say that an attempt has ended, and how: nothing of it will be entered any more.

        Or that a rollback of the run has.

        Raises:
            HandoffError: The storage failed.
        """
        self._publish(f"{fence.name}.{WELL if well else ENDED}", b"")

    def owner(self, fence: Fence) -> Owner:
        """Whose a fence is; of one that is gone or damaged, nothing is known.

        Raises:
            HandoffError: The storage failed.
        """
        told = self._folder.read(f"{fence.name}.{FENCE}")
        try:
            return msgspec.json.decode(told or b"", type=Owner)
        except msgspec.MsgspecError:
            return Owner("(unknown)", None, "")

    def take_over(self, fence: Fence, names: Iterable[str]) -> None:
        """Say which entries the owner of a fence will undo.

        Raises:
            HandoffError: The storage failed.
        """
        self._publish(f"{fence.name}.{TAKEN}", msgspec.json.encode(list(names)))

    def taken_over(self, fence: Fence) -> frozenset[str] | None:
        """The entries that the owner of a fence undoes; None before it has said so as a whole.

        Raises:
            HandoffError: The storage failed.
        """
        told = self._folder.read(f"{fence.name}.{TAKEN}")
        try:
            return None if told is None else msgspec.json.decode(told, type=frozenset[str])
        except msgspec.MsgspecError:  # not every storage puts a file in place at once
            return None

    def withdraw(self, uris: Iterable[str]) -> None:
        """Invalidate the datasets of a macro-task whose work is undone.

        Raises:
            HandoffError: The storage failed.
        """
        for uri in uris:
            self.store.withdraw(uri)

    def dataset(self, step: str, parameter: str, attempt: str) -> str:
        """Name of the dataset that a parameter is given; no step can be called so."""
        return f"{step} rollback {parameter} {attempt}"

    def _publish(self, name: str, data: bytes) -> None:
        self._folder.publish(name, data, f"_drafts/{secrets.token_hex(8)}")


class Sequence:
    """Numbers the entries of one attempt; see the module for the order."""

    def __init__(self, after: int) -> None:
        self._last = after

    def next(self) -> int:
        """A number above all that it gave and all that were there when it began."""
        self._last = max(time.time_ns(), self._last + 1)
        return self._last


def _encoded(entry: Any) -> bytes:
    bare = msgspec.json.encode(msgspec.structs.replace(entry, seal=""))
    return msgspec.json.encode(msgspec.structs.replace(entry, seal=digest_of(bare)))
