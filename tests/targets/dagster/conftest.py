"""A real Dagster in this process, in a temporary home.

The environment is set when this file is imported, before anything imports Dagster.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.targets.dagster.running import DefsFolder, instance

os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
os.environ.pop("SYNAFLOW_STORE", None)


@pytest.fixture(scope="session")
def dagster_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Dagster's own databases, made once."""
    with instance(tmp_path_factory.mktemp("dagster")) as found:
        yield found


@pytest.fixture
def defs(dagster_instance: object, tmp_path: Path) -> DefsFolder:
    """An empty folder of definitions."""
    return DefsFolder(dagster_instance, tmp_path)
