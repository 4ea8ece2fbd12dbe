"""One file of the target folder, as it is and as an export would leave it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """One file of the target folder, as it is and as it is to be.

    Attributes:
        path: Place below the target folder, with forward slashes.
        old: Its text now; None if it does not exist.
        new: Its text after the export; None if it is to be removed.
        kept_edits: ``new`` carries edits of the owner over from ``old``.
    """

    path: str
    old: str | None
    new: str | None
    kept_edits: bool = False
