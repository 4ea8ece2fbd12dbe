"""Whole Airflows as their users see them: over the REST API, and by the command ``airflow``.

:mod:`.starting` starts them. What is different on Airflow 2 is what :class:`Standalone2` overrides.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.processes import wait_for
from tests.targets.airflow import airflows


class Standalone:
    """A running Airflow 3.

    Attributes:
        home: Its home; DAG files go to ``dags`` in it.
        url: Where it is.
    """

    version = "3"
    python = Path(sys.executable)
    api = "/api/v2"
    health = "/monitor/health"
    parts: tuple[str, ...] = ("metadatabase", "scheduler", "dag_processor")
    new_run: Mapping[str, Any] = {"logical_date": None}

    def __init__(self, home: Path, port: int, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self._environment = environment
        accept = {"Accept": "application/json"}  # else logs are text on Airflow 2
        self._client = httpx.Client(base_url=self.url, timeout=120, headers=accept)

    def close(self) -> None:
        """Stop talking to it."""
        self._client.close()

    def wait_until_up(self) -> None:
        """Wait for all parts of it, and log in."""

        def healthy() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                health = self._client.get(f"{self.api}{self.health}").json()
                return all(health[part]["status"] == "healthy" for part in self.parts)
            return False

        wait_for(healthy, "Airflow")
        self.log_in()

    def log_in(self) -> None:
        """Have all further requests taken for somebody's who may do anything."""
        token = self._client.get("/auth/token").json()["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run as the button does, once the DAG is known; returns its id."""
        self.wait_for_dag(dag_id)
        run = self.ask("POST", f"/dags/{dag_id}/dagRuns", {**self.new_run, "conf": dict(conf)})
        return str(run["dag_run_id"])

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until a DAG is known."""
        place = f"{self.api}/dags/{dag_id}"
        wait_for(lambda: self._client.get(place).is_success, f"DAG {dag_id}")

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
        self.ask("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", {"state": "failed"})

    def clear(self, dag_id: str, run_id: str) -> None:
        """Have all tasks of a run done again."""
        self.ask("POST", f"/dags/{dag_id}/dagRuns/{run_id}/clear", {"dry_run": False})

    def clear_failed(self, dag_id: str, run_id: str) -> None:
        """Have the tasks of a run that failed done again."""
        body = {"dag_run_id": run_id, "only_failed": True, "reset_dag_runs": True}
        self.ask("POST", f"/dags/{dag_id}/clearTaskInstances", {**body, "dry_run": False})

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

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        """What the user interface shows as the log of a task that has ended."""
        place = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        content = self.ask("GET", f"{place}?full_content=true")["content"]
        if isinstance(content, str):  # Airflow 2
            return content
        return "\n".join(str(line["event"]) for line in content)

    @contextlib.contextmanager
    def shown_if(self, failed: Callable[[], bool]) -> Iterator[None]:
        """After a block that has failed, print what became of all runs, and the logs since then."""
        logs = {file: file.stat().st_size for file in self.home.glob("*.log")}
        yield
        if not failed():
            return
        for run in self.get("/dags/~/dagRuns?limit=100")["dag_runs"]:
            dag_id, run_id = run["dag_id"], run["dag_run_id"]
            print(dag_id, run_id, run["run_type"], run["state"], self.tasks(dag_id, run_id))
        for file, size in logs.items():
            since = file.read_bytes()[size:].decode(errors="replace").splitlines()
            told = [line for line in since if '"GET /api' not in line]  # we are those who ask
            print(f"--- {file.name}", *told[-200:], sep="\n")

    def get(self, path: str) -> dict[str, Any]:
        """What the API knows."""
        return self.ask("GET", path)

    def command(self, *arguments: str) -> str:
        """What the ``airflow`` of this Airflow says to a command, which must succeed."""
        done = subprocess.run(
            [str(self.python), "-m", "airflow", *arguments],
            capture_output=True,
            text=True,
            env=self._environment,
            cwd=self.home,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask the API anything."""
        answer = self._client.request(method, f"{self.api}{path}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())


class Standalone2(Standalone):
    """An Airflow 2; its API is asked without a login."""

    version = "2.11"
    python = airflows.PYTHON_2
    api = "/api/v1"
    health = "/health"
    parts = ("metadatabase", "scheduler")
    new_run: Mapping[str, Any] = {}

    def log_in(self) -> None:
        """Nobody asks."""

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task passed on."""
        place = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(f"{place}?stringify=false")["value"]
