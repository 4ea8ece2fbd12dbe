"""A test runs on Airflow 3; marked ``on_both``, on Airflow 2 as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets.airflow.airflows import Airflow2, Airflow3, airflow_2, airflow_3
from tests.targets.airflow.running import DagFolder


@pytest.fixture(scope="session")
def airflow3() -> Airflow3:
    """The Airflow of this environment."""
    return airflow_3()


@pytest.fixture(scope="session")
def airflow2() -> Airflow2:
    """The Airflow of the other environment."""
    return airflow_2()


@pytest.fixture
def dags(request: pytest.FixtureRequest, tmp_path: Path) -> DagFolder:
    """An empty DAG folder of a real Airflow."""
    return DagFolder(request.getfixturevalue(getattr(request, "param", "airflow3")), tmp_path)
