"""Fences: an attempt that was taken for dead must not go on where others have taken over.

An orchestrator may give up a process that is still at work: its machine cannot be reached, or the
process that watched over it was killed. Whatever such a process completes after its run was rolled
back, or beside the next attempt of its macro-task, would be undone by nobody. So each attempt, and
each rollback of a run, puts a fence into the ledger when it begins, and then a list of what it
takes over from others, which it will undo::

    01764110000000000000.77de….4f1a….fence     whose it is, as JSON
                                    .taken     names of entries, as JSON
                                    .well      the attempt has ended, and its datasets are there
                                    .ended     it has ended otherwise, or the rollback has

Whoever finds that there is a newer fence than its own has been superseded: it fails, and undoes
itself what is not on the list. It looks when it has put an entry in place, and before and after
its datasets become visible. A fence is put in place before the entries are listed, and an entry
before fences are looked for, so of two at the same moment at least one sees the other, and the
list says whose an entry is. Numbers are above all that were there, so clocks need not agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from synaflow_core.handoff.manifest import digest_of

FENCE, TAKEN, ENDED, WELL = "fence", "taken", "ended", "well"

DIGITS = 11  # of the digest that stands for a macro-task in names of files
_OF_RUN = "run"
_NAME = re.compile(
    rf"([0-9]{{20}})\.({_OF_RUN}|([0-9a-f]{{{DIGITS}}})([0-9a-f]{{5}})([0-9a-f]{{5}}))"
    rf"\.([0-9a-f]{{16}})\.({FENCE}|{TAKEN}|{ENDED}|{WELL})"
)


@dataclass(frozen=True, order=True)
class Fence:
    """One fence; the greater one is newer.

    Attributes:
        number: Its place among all fences of the run.
        attempt: The attempt that it belongs to, a random name.
        macro_task: Stands for the macro-task; empty for a rollback of the whole run.
        index: The shard.
        count: How many shards there are; 1 where the macro-task is not sharded.
    """

    number: int
    attempt: str
    macro_task: str = ""
    index: int = 0
    count: int = 1

    @property
    def of_run(self) -> bool:
        """Whether the run was rolled back as a whole."""
        return not self.macro_task

    @property
    def name(self) -> str:
        """The name of its files."""
        owner = f"{self.macro_task}{self.index:05x}{self.count:05x}" if self.macro_task else _OF_RUN
        return f"{self.number:020d}.{owner}.{self.attempt}"

    def supersedes(self, other: Fence) -> bool:
        """Whether it is newer than another, and what that one does is its affair.

        Where a run was cut into other shards before, each old shard is the affair of one new one.
        """
        same = self.macro_task == other.macro_task and other.index % self.count == self.index
        return self > other and (self.of_run or same)


def macro_task_digest(macro_task: str) -> str:
    """Stands for a macro-task in names of files."""
    return digest_of(macro_task.encode()).removeprefix("sha256:")[:DIGITS]


@dataclass(frozen=True)
class Fences:
    """All fences of a run, oldest first, and those whose attempts have ended, or ended well."""

    all: tuple[Fence, ...] = ()
    ended: frozenset[Fence] = frozenset()
    well: frozenset[Fence] = frozenset()

    @classmethod
    def among(cls, files: Iterable[str]) -> Fences:
        """Those that the names of a ledger's files tell of."""
        found: dict[str, set[Fence]] = {kind: set() for kind in (FENCE, TAKEN, ENDED, WELL)}
        for file in files:
            match = _NAME.fullmatch(file)
            if match is not None:
                shard = (match[3], int(match[4], 16), int(match[5], 16)) if match[3] else ()
                found[match[7]].add(Fence(int(match[1]), match[6], *shard))
        well = frozenset(found[WELL])
        return cls(tuple(sorted(found[FENCE])), well | found[ENDED], well)

    def newer(self, fence: Fence) -> Fence | None:
        """The newest one that supersedes another."""
        return next((each for each in reversed(self.all) if each.supersedes(fence)), None)

    @property
    def at_work(self) -> tuple[Fence, ...]:
        """Those of attempts that have not ended, unless they were killed, nor been superseded."""
        return tuple(
            fence
            for fence in self.all
            if not (fence.of_run or fence in self.ended or self.newer(fence))
        )

    @property
    def rollback(self) -> Fence | None:
        """That of a rollback of the run that has not ended; none once an attempt has begun since.

        That one has waited for it, so the next ones need not wait again for what was killed.
        """
        newest = self.all[-1] if self.all else None
        return newest if newest and newest.of_run and newest not in self.ended else None
