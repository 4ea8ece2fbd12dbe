"""A real Prefect server for the session, and a folder of flows for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets.prefect.running import FlowFolder
from tests.targets.prefect.server import prefect_home


@pytest.fixture
def flows(tmp_path: Path) -> FlowFolder:
    """An empty folder for flows that run against the real server."""
    prefect_home()
    return FlowFolder(tmp_path)
