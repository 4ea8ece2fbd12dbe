"""Ways to run a pipeline, one module each: in process, rehearsed, and on each orchestrator.

A runner is made once per session, because orchestrators take seconds to start. A scenario that it
cannot run is named in ``gaps`` with the reason; nothing is left out silently.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from tests.conformance.observed import Observed
from tests.scenarios.catalogue import Scenario

RUNNERS = {
    "stream": "tests.conformance.runners.macro_tasks:Stream",
    "step": "tests.conformance.runners.macro_tasks:Step",
    "scope": "tests.conformance.runners.macro_tasks:Scope",
    "pipeline": "tests.conformance.runners.macro_tasks:Whole",
    "shards": "tests.conformance.runners.macro_tasks:Shards",
    "rehearse": "tests.conformance.runners.macro_tasks:Rehearsed",
    "airflow 3": "tests.conformance.runners.airflow:Airflow3",
    "airflow 2": "tests.conformance.runners.airflow:Airflow2",
    "prefect 3": "tests.conformance.runners.prefect3:Prefect3",
    "dagster": "tests.conformance.runners.dagster:Dagster",
}
"""Column of the matrix -> ``module:class``."""


class Runner(ABC):
    """Runs scenarios in one way.

    Args:
        home: A folder for the whole session.
    """

    gaps: ClassVar[Mapping[str, str]] = {}
    """Scenario -> why it cannot run here."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @contextmanager
    def started(self) -> Iterator[None]:
        """What has to be up while scenarios run."""
        yield

    @abstractmethod
    def run(self, scenario: Scenario, folder: Path) -> Observed:
        """Run one scenario; ``folder`` is its own."""


def runner_class(column: str) -> type[Runner]:
    """The class of a column of the matrix, imported when it is asked for."""
    module, _, name = RUNNERS[column].partition(":")
    found: type[Runner] = getattr(import_module(module), name)
    return found
