"""A real Airflow in this process: an SQLite home in a temporary folder, made once per session.

The environment is set when this file is imported, before anything imports Airflow.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.targets.airflow.running import DagFolder

_HOME = Path(tempfile.mkdtemp(prefix="synaflow-airflow-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

os.environ.update(
    {
        "AIRFLOW_HOME": str(_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(_HOME / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME / 'airflow.db'}",
    }
)
os.environ.pop("SYNAFLOW_STORE", None)


@functools.cache
def migrated_home() -> Path:
    """Airflow's home, its database migrated."""
    if importlib.util.find_spec("airflow") is None:
        pytest.skip("apache-airflow is not installed")
    from airflow.utils import db

    (_HOME / "dags").mkdir(exist_ok=True)
    db.initdb()
    return _HOME


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """Airflow's home, its database migrated."""
    return migrated_home()


@pytest.fixture
def dags(airflow_home: Path, tmp_path: Path) -> DagFolder:
    """An empty DAG folder of the real Airflow."""
    return DagFolder(airflow_home, tmp_path)
