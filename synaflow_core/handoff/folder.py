"""Where the bytes of a dataset lie: what a folder can do, wherever it is.

Those of this machine are in :mod:`.local`, all others in :mod:`.remote`; :mod:`.folders` chooses.
How failures are told is in :mod:`.telling`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Content = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Entry:
    """A file below a folder: its path relative to the folder, its size, when it was written."""

    name: str
    bytes: int
    written: datetime


class Folder(Protocol):
    """The files of one dataset, by path relative to it with ``/``.

    All methods raise :class:`HandoffError`, told with the URL, the cause and a next step.
    """

    url: str

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None when there is none."""

    def write(self, name: str, data: Content) -> None:
        """Write a new file that nobody looks at yet."""

    def publish(self, name: str, data: bytes, draft: str) -> None:
        """Put ``name`` in place at once, replacing it, after everything written before is safe.

        A reader sees the old content or the new one. ``draft`` is a private name to write first
        where the storage cannot put a whole file at once.
        """

    def names(self) -> list[str]:
        """Names of what lies directly in the folder; empty when there is no folder."""

    def remove(self, name: str) -> None:
        """Remove a folder and all in it, best effort: a failure is not told."""

    def folders(self, name: str) -> list[str]:
        """Names of the folders in a folder, sorted; none when it is not there."""

    def entries(self, name: str) -> Iterator[Entry]:
        """All files below a folder, at any depth, as they are now."""

    def delete(self, names: Sequence[str]) -> None:
        """Delete files, in this order, and the folders that are empty then."""
