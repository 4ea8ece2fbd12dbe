"""A whole Airflow 3 as a user starts it: API server, scheduler, DAG processor, LocalExecutor.

It has a home, ports and a process group of its own, and is talked to over its REST API.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.targets.airflow import airflows

SECONDS = 180.0
"""Longest wait for anything; on an idle machine it is a tenth of that."""


class Standalone:
    """The running Airflow.

    Attributes:
        home: Its home; DAG files go to ``dags`` in it.
        url: Where it is.
    """

    version = "3"
    python = Path(sys.executable)

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(base_url=self.url, timeout=120)

    def wait_until_up(self) -> None:
        """Wait for all parts of it, and log in."""

        def healthy() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                health = self._client.get("/api/v2/monitor/health").json()
                parts = ("metadatabase", "scheduler", "dag_processor")
                return all(health[part]["status"] == "healthy" for part in parts)
            return False

        wait_for(healthy, "Airflow")
        token = self._client.get("/auth/token").json()["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run as the button does, once the DAG is known; returns its id."""
        known = lambda: self._client.get(f"/api/v2/dags/{dag_id}").is_success  # noqa: E731
        wait_for(known, f"DAG {dag_id}")
        body = {"logical_date": None, "conf": dict(conf)}
        answer = self._client.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        assert answer.is_success, answer.text
        return str(answer.json()["dag_run_id"])

    def wait_for_run(self, dag_id: str, run_id: str | None = None) -> dict[str, Any]:
        """Wait for the end of a run, or of the newest; returns it as the API tells it."""
        found: dict[str, Any] = {}

        def over() -> bool:
            runs = self.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]
            wanted = [run for run in runs if run_id in (None, run["dag_run_id"])]
            found.update(wanted[-1] if wanted else {})
            return bool(found) and found["state"] in ("success", "failed")

        wait_for(over, f"a run of {dag_id}")
        return found

    def fail(self, dag_id: str, run_id: str) -> None:
        """Mark a run as failed, as somebody does who wants it to stop."""
        place = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"
        answer = self._client.patch(place, json={"state": "failed"})
        assert answer.is_success, answer.text

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool = False) -> None:
        """Have the tasks of a run done again."""
        place = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear"
        body = {"dry_run": False, "only_failed": only_failed}
        answer = self._client.post(place, json=body)
        assert answer.is_success, answer.text

    def tasks(self, dag_id: str, run_id: str) -> dict[str, tuple[str, int]]:
        """Task id -> (state, number of tries); ``task[0]`` for instances of a mapped task."""
        told = self.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {
            task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else ""): (
                task["state"],
                task["try_number"],
            )
            for task in told
        }

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task passed on."""
        place = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(f"{place}?deserialize=true")["value"]

    def get(self, path: str) -> dict[str, Any]:
        """Ask the API."""
        answer = self._client.get(f"/api/v2{path}")
        assert answer.is_success, answer.text
        return dict(answer.json())


@contextlib.contextmanager
def standalone(home: Path) -> Iterator[Standalone]:
    """Start one, and end all its processes afterwards."""
    (home / "dags").mkdir(parents=True)
    port = _free_port()
    settings = {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(_free_port()),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(_free_port()),
        "PYTHONPATH": str(airflows.ROOT),
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (home / "standalone.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": path, **airflows.environment(home), **settings},
            cwd=home,
            start_new_session=True,
        )
    try:
        running = Standalone(home, port)
        running.wait_until_up()
        yield running
    except BaseException:
        print((home / "standalone.log").read_text()[-6000:])
        raise
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
        # A task whose supervisor was killed has a session of its own, and goes on.
        for place in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if place.readlink() == home:
                    os.kill(int(place.parent.name), signal.SIGKILL)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again, for at most :data:`SECONDS`."""
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {SECONDS:.0f} s for {what}")
        time.sleep(0.3)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
