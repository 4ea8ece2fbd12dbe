"""Airflow 3 as on several machines: PostgreSQL, Redis, CeleryExecutor, two worker processes."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.cluster.databases import postgres, redis
from tests.processes import Processes, descends, free_port
from tests.targets.airflow import airflows
from tests.targets.airflow.standalone import Standalone

WORKERS = 2

LOSING_WORKERS = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}
"""How soon the scheduler misses a task whose worker is gone; by default after five minutes."""


@dataclass(frozen=True)
class Celery:
    """What runs.

    Attributes:
        airflow: To talk to.
        workers: The processes ``airflow celery worker``.
        start_worker: Starts one more.
    """

    airflow: Standalone
    workers: list[subprocess.Popen[bytes]]
    start_worker: Callable[[], subprocess.Popen[bytes]]

    def lose(self, pid: int) -> None:
        """Lose the worker that a process belongs to; another takes its place."""
        (lost,) = (worker for worker in self.workers if descends(pid, worker.pid))
        Processes.lose(lost)
        self.workers.remove(lost)
        self.workers.append(self.start_worker())


@contextlib.contextmanager
def celery(home: Path, environment: Mapping[str, str]) -> Iterator[Celery]:
    """Start all of it; ``environment`` is for the workers."""
    (home / "dags").mkdir(parents=True)
    with Processes(home) as processes, postgres(processes) as sql, redis(processes) as broker:
        port = free_port()
        env = {**_inherited(), **environment, **_settings(home, port, sql, broker)}
        airflow, numbers = (sys.executable, "-m", "airflow"), count()
        migrated = subprocess.run(
            [*airflow, "db", "migrate"], env=env, cwd=home, capture_output=True, check=False
        )
        assert migrated.returncode == 0, migrated.stderr.decode()
        for part in ("api-server", "scheduler", "dag-processor"):
            processes.start(part, *airflow, part, env=env)

        def start_worker() -> subprocess.Popen[bytes]:
            name = f"worker{next(numbers)}"
            options = ["--concurrency", "1", "--celery-hostname", f"{name}@127.0.0.1"]
            files = ["--pid", str(home / f"{name}.pid"), "--skip-serve-logs"]
            command = (*airflow, "celery", "worker", *options, *files)
            return processes.start(name, *command, env=env)

        workers = [start_worker() for _ in range(WORKERS)]
        running = Standalone(home, port)
        running.wait_until_up()
        yield Celery(running, workers, start_worker)


def _inherited() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if "AIRFLOW" not in name}
    return {**kept, "PATH": path, "PYTHONPATH": str(airflows.ROOT)}


def _settings(home: Path, port: int, sql: str, broker: str) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return {
        **airflows.environment(home),
        **LOSING_WORKERS,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CELERY__BROKER_URL": broker,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql://{sql}",
        "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "True",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{sql}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    }
