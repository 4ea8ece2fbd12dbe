"""The two Airflows of the tests: version 3 in this process, version 2 in a process of its own.

Each has a home with an SQLite database in a temporary folder and is made once per session, when
it is first asked for. The environment of the one in this process is set when this file is
imported, before anything imports Airflow.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.targets.airflow import dag_runs

ROOT = Path(__file__).resolve().parents[3]
VENV_2 = ROOT / os.environ.get("VENV2", ".venv-airflow2")
PYTHON_2 = VENV_2 / "bin" / "python"


def environment(home: Path) -> dict[str, str]:
    """The settings of an Airflow with everything under ``home``; to be there before its import."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
    }


def _new_home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="synaflow-airflow-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


_HOME_3 = _new_home()
os.environ.update(environment(_HOME_3))
os.environ.pop("SYNAFLOW_STORE", None)


class Airflow(Protocol):
    """One real Airflow with a home of its own.

    Attributes:
        home: Its home; DAG files go to ``dags`` in it.
        version: What exports for it are told: ``3`` or ``2.11``.
        python: The interpreter of its environment.
    """

    home: Path
    version: str
    python: Path

    def run(self, **request: Any) -> dict[str, Any]:
        """See :func:`tests.targets.airflow.dag_runs.run`."""
        ...

    def describe(self, **request: Any) -> dict[str, Any]:
        """See :func:`tests.targets.airflow.dag_runs.describe`."""
        ...

    def load(self, **request: Any) -> dict[str, Any]:
        """See :func:`tests.targets.airflow.dag_runs.load`."""
        ...


class Airflow3:
    """The Airflow of this environment; ``environment(home)`` must be set already."""

    version = "3"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.python = Path(sys.executable)
        dag_runs.prepare(str(home))

    run = staticmethod(dag_runs.run)
    describe = staticmethod(dag_runs.describe)
    load = staticmethod(dag_runs.load)


class Airflow2:
    """An Airflow 2 that answers from its own environment; one process for many runs."""

    def __init__(self, python: Path, home: Path) -> None:
        self.home = home
        self.python = python
        self._told = home / "worker.log"
        with self._told.open("w") as told:
            self._process = subprocess.Popen(
                [str(python), "-m", dag_runs.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                env={**os.environ, **environment(home), "PYTHONPATH": str(ROOT)},
                cwd=home,
            )
        full = str(self._ask({"call": "prepare", "home": str(home)}))
        self.version = ".".join(full.split(".")[:2])

    def run(self, **request: Any) -> dict[str, Any]:
        """Run a DAG there."""
        return dict(self._ask({"call": "run", **request}))

    def describe(self, **request: Any) -> dict[str, Any]:
        """Have a folder parsed there."""
        return dict(self._ask({"call": "describe", **request}))

    def load(self, **request: Any) -> dict[str, Any]:
        """Load one file there."""
        return dict(self._ask({"call": "load", **request}))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the process ended:\n{self._told.read_text()[-4000:]}")
        answer = json.loads(line)
        if "raised" in answer:
            kind = ValueError if "Param" in answer["type"] else AssertionError
            raise kind(f"{answer['raised']}\n{answer['trace']}")
        return answer["answer"]


@functools.cache
def airflow_3() -> Airflow3:
    """The Airflow of this environment."""
    if importlib.util.find_spec("airflow") is None:
        pytest.skip("apache-airflow is not installed")
    return Airflow3(_HOME_3)


@functools.cache
def airflow_2() -> Airflow2:
    """The Airflow of the other environment; its process ends with this one."""
    airflow = Airflow2(python_2(), _new_home())
    atexit.register(airflow.close)
    return airflow


def python_2() -> Path:
    """The interpreter of the other environment; skips the test where there is none."""
    reason = VENV_2 / "skipped"
    if not PYTHON_2.exists():
        pytest.skip(reason.read_text() if reason.exists() else "make setup-airflow2 was not run")
    return PYTHON_2
