"""What can be chosen when a pipeline is exported to a shell script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synaflow_export.options import checks
from synaflow_export.options.model import TargetOptions, option


def niceness(value: object) -> checks.Trouble:
    """What ``nice -n`` takes from everybody."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 19:
        return None
    return "it must be a whole number from 0 to 19", "0 is the usual priority, 19 the lowest"


@dataclass(frozen=True)
class ShellOptions(TargetOptions):
    """Options of the shell target.

    Attributes:
        id: Name of the script, without its ending; None: the pipeline's name.
        nice: Priority of the process, from 0 to 19; 19 lets all others go first.
        store: Folder or URL under which datasets are stored.
    """

    id: str | None = option(None, checks.matching(r"\w+", "letters, digits and '_'", "shorten it"))
    nice: int = option(0, niceness, per_task=True)
    store: str = option("/tmp/synaflow", checks.store, secret=True)

    cannot: ClassVar[Mapping[str, str]] = {
        "schedule": "a script runs when it is called: write it into a crontab",
        "retries": "call the script again with the same RUN",
    }
