"""A trip that is booked in parts, of which each can be undone; held half way, to lose a worker.

Its steps write down what they do and undo. A run takes four tasks or more: the tickets, a shard for
each of the four seats, and the stay, whose first step has done its work when its second is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.processes import wait_for

TRIP = """
    import os
    import time
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        folder: str


    def note(folder: str, *words: object) -> None:
        with Path(folder, "log").open("a") as log:
            log.write(" ".join(map(str, words)) + "\\n")


    def held(folder: str, at: str) -> None:
        Path(folder, f"{at} {os.getpid()}").touch()
        while Path(folder, f"hold {at}").exists():
            time.sleep(0.05)


    def tickets(folder: str) -> list[int]:
        note(folder, "buy tickets")
        return [1, 2, 3, 4]


    def return_tickets(tickets: list[int], folder: str) -> None:
        note(folder, f"return {len(tickets)} tickets")


    def seats(ticket: int, folder: str) -> int:
        held(folder, "seats")
        note(folder, "book", ticket)
        return ticket


    def cancel(seats: list[int], folder: str) -> None:
        for seat in seats:
            note(folder, "cancel", seat)


    def hotel(seats: list[int], folder: str) -> str:
        note(folder, "take a hotel")
        return "Ritz"


    def leave(hotel: str, folder: str) -> None:
        note(folder, "leave the", hotel)


    def paid(hotel: str, seats: list[int], folder: str) -> str:
        held(folder, "paid")
        note(folder, "pay")
        return f"{len(seats)} seats to the {hotel}"


    p = pipeline(
        "trip",
        Params,
        [
            step("tickets", tickets, on_error=OnError.STOP, rollback=return_tickets),
            step("seats", seats, shards=4, on_error=OnError.STOP, rollback=cancel),
            step("hotel", hotel, on_error=OnError.STOP, rollback=leave, macro_task="stay"),
            step("paid", paid, on_error=OnError.STOP, macro_task="stay"),
        ],
    )
"""

SEATS, PAID = "seats", "paid"
"""Where a run is held: in each shard before its seat is booked, and after the hotel was taken."""

DONE = ["buy tickets", "book 1 2 3 4", "take a hotel"]
UNDONE = ["leave the Ritz", "cancel 1 2 3 4", "return 4 tickets"]
RESULT = {"paid": "4 seats to the Ritz"}


@dataclass(frozen=True)
class Trip:
    """One run.

    Attributes:
        folder: Where its steps write to.
    """

    folder: Path

    @property
    def params(self) -> dict[str, str]:
        """Of the run."""
        return {"folder": str(self.folder)}

    def hold(self, *places: str) -> None:
        """From here on, processes wait when they come to one of these places."""
        for at in places:
            for told in self.folder.glob(f"{at} *"):
                told.unlink()
            (self.folder / f"hold {at}").touch()

    def wait_for(
        self, at: str, count: int = 1, over: Callable[[], object] = lambda: False
    ) -> list[int]:
        """Wait until so many processes are held at a place; their pids.

        Args:
            at: The place.
            count: How many.
            over: Says that nobody will come any more, which is a failure.
        """

        def there() -> list[int]:
            return [int(told.name.split()[-1]) for told in self.folder.glob(f"{at} *")]

        def are_there() -> bool:
            assert not over(), f"all is over before anybody came to {at}: {self.told()}"
            return len(there()) >= count

        wait_for(are_there, f"{count} processes at {at}")
        return there()

    def release(self, at: str) -> None:
        """Let them go on."""
        (self.folder / f"hold {at}").unlink()

    def told(self) -> list[str]:
        """What the steps have done since this was asked last; seats in a row are one line."""
        log = self.folder / "log"
        lines = [line.partition(" ") for line in log.read_text().splitlines()]
        log.unlink()
        return [
            f"{verb} {' '.join(sorted(what for *_, what in group))}".strip()
            for verb, group in groupby(lines, key=lambda line: line[0])
        ]


def check_without_a_shard(told: list[str]) -> int:
    """A run has lost a shard: all that was done, and no more, was undone once, when all had ended.

    Returns:
        How many of the four seats had been booked.
    """
    first, booked, *undone = told
    seats = booked.split()[1:]
    assert (first, booked) == (DONE[0], f"book {' '.join(seats)}")
    assert undone == [f"cancel {' '.join(seats)}", UNDONE[-1]]
    assert len(set(seats)) == len(seats) < 4
    return len(seats)
