"""Settings of the whole suite.

Property tests try the same examples on every run, so that a change is never blamed for what chance
found. ``HYPOTHESIS_PROFILE=hunt pytest tests/plan`` looks for new ones.

``make test`` runs the suite in two processes (``JOBS=1`` for one). What belongs together stays in
one of them: the tests of a file (or those of it for one server), those of one column of the
conformance matrix, and all that need the Prefect server.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("hunt", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Say which tests run in one process; later than here, xdist does not listen any more."""
    item.add_marker(pytest.mark.xdist_group(_group(item)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: _group(item) != "prefect")


def _group(item: pytest.Item) -> str:
    params = getattr(getattr(item, "callspec", None), "params", {})
    column = params.get("column")
    file = item.path.as_posix()
    if column == "prefect 3" or "/targets/prefect/" in file:
        return "prefect"
    if isinstance(column, str):
        return f"conformance {column}"
    return f"{file} {params['server']}" if "server" in params else file
