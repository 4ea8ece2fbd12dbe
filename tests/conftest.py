"""Settings of the whole suite.

Property tests try the same examples on every run, so that a change is never blamed for what chance
found. ``HYPOTHESIS_PROFILE=hunt pytest tests/plan`` looks for new ones.

``make test`` runs the suite in two processes (``JOBS=1`` for one). What belongs together stays in
one of them: the tests of a file (or those of it for one server), those of one column of the
conformance matrix, and all that need the Prefect server.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("hunt", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


_IN_PARTS = ("/conformance/test_conformance.py", "/targets/airflow/test_scheduler.py")
"""Files whose first parameter says what the test runs on; each of these is a group."""


_LONGEST = (
    "prefect",
    "/targets/dagster/test_daemon.py",
    "/targets/airflow/test_scheduler.py",
    "/conformance/",
    "/compensation/",
    "/targets/",
    "/project/",
)
"""Parts of the names of groups, the longest first; each has servers, or processes, or both."""


class _Groups(LoadScopeScheduling):
    """A group of tests at a time for each process.

    By the ids of the tests alone, because pytest 9.2 does not hand on what its plugin for several
    processes writes into them (the marker ``xdist_group`` is without effect).
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)  # without the plugin all tests run in this process
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Groups:
    """Say which tests run in one process."""
    return _Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process ends long after the other."""
    items.sort(key=lambda item: _rank(_group(item.nodeid)))


def _rank(group: str) -> int:
    return next((rank for rank, part in enumerate(_LONGEST) if part in group), len(_LONGEST))


def _group(nodeid: str) -> str:
    file, _, test = nodeid.partition("::")
    first = re.split(r"[-\]]", test.partition("[")[2])[0]
    if "/targets/prefect/" in file or (file.endswith(_IN_PARTS) and first == "prefect3"):
        return "prefect"
    return f"{file} {first}" if file.endswith(_IN_PARTS) else file
