"""Starts whole Airflows: each with a home and ports of its own, all of it ended afterwards.

As little as runs DAGs: a scheduler with a LocalExecutor, what parses files, and the server. A part
that ends is started again, as whatever keeps a production Airflow up does: on SQLite a scheduler
ends when somebody else deletes a run that it has just read, and that is what ``airflow backfill``
does if the database was locked. :mod:`.standalone` talks to them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.processes import Processes, free_port
from tests.targets.airflow import airflows
from tests.targets.airflow.standalone import Standalone, Standalone2


def airflow_3(home: Path) -> AbstractContextManager[Standalone]:
    """Start an Airflow 3."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = settings(
        home,
        Standalone.python,
        API__HOST="127.0.0.1",
        API__PORT=str(port),
        API__BASE_URL=url,
        API__WORKERS="1",
        API_AUTH__JWT_SECRET=secrets.token_hex(32),
        CORE__EXECUTION_API_SERVER_URL=f"{url}/execution/",
        CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
        DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL="5",
        DAG_PROCESSOR__REFRESH_INTERVAL="2",
        WORKERS__MIN_HEARTBEAT_INTERVAL="1",
    )
    return _up(Standalone(home, port, env), env, "scheduler", "dag-processor", "api-server")


def airflow_2(home: Path) -> AbstractContextManager[Standalone]:
    """Start an Airflow 2.

    The tasks of a SequentialExecutor, which is what Airflow 2 has for SQLite, take five times as
    long, and no two at a time. The database is in a mode in which nobody who reads it is in the
    way of one who writes; Airflow's own tests have a variable for a LocalExecutor on SQLite. As
    that locks no rows, only the scheduler may schedule: tasks that do, too, had others begin twice.
    """
    python = airflows.python_2()
    home.mkdir(parents=True, exist_ok=True)
    (home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')
    port = free_port()
    env = settings(
        home,
        python,
        API__AUTH_BACKENDS="airflow.api.auth.backend.default",
        SCHEDULER__DAG_DIR_LIST_INTERVAL="2",
        SCHEDULER__MIN_FILE_PROCESS_INTERVAL="5",
        SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION="False",
        SCHEDULER__JOB_HEARTBEAT_SEC="1",
        WEBSERVER__BASE_URL=f"http://127.0.0.1:{port}",
        WEBSERVER__WEB_SERVER_HOST="127.0.0.1",
        WEBSERVER__WEB_SERVER_PORT=str(port),
        WEBSERVER__WORKERS="1",
    )
    env["_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK"] = "1"
    return _up(Standalone2(home, port, env), env, "scheduler", "webserver")


STARTING: dict[str, Callable[[Path], AbstractContextManager[Standalone]]] = {
    "airflow3": airflow_3,
    "airflow2": airflow_2,
}
"""Which Airflow -> what starts it."""


def settings(home: Path, python: Path, **further: str) -> dict[str, str]:
    """The environment of an Airflow under ``home``; further settings as ``SECTION__OPTION``."""
    common = {
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "2",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    }
    return {
        **os.environ,
        **airflows.environment(home),
        **{f"AIRFLOW__{name}": value for name, value in {**common, **further}.items()},
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(airflows.ROOT),
    }


_AGAIN = 'while :; do "$@"; echo "$@ ended: $?"; sleep 1; done'
"""What the shell does that keeps a part up."""


@contextlib.contextmanager
def _up(made: Standalone, env: dict[str, str], *parts: str) -> Iterator[Standalone]:
    """Make its database, start its parts; end all their processes afterwards."""
    home, airflow = made.home, (made.python, "-m", "airflow")
    (home / "dags").mkdir(parents=True)
    with contextlib.closing(made), nothing_left(home), Processes(home) as processes:
        assert processes.start("migrate", *airflow, "db", "migrate", env=env).wait() == 0
        with contextlib.closing(sqlite3.connect(home / "airflow.db")) as database:
            database.execute("PRAGMA journal_mode=WAL")  # Airflow 3 does it by itself
        for part in parts:
            processes.start(part, "/bin/sh", "-c", _AGAIN, part, *airflow, part, env=env)
        made.wait_until_up()
        yield made


@contextlib.contextmanager
def nothing_left(home: Path) -> Iterator[None]:
    """End what still runs in ``home`` at the end.

    A task whose supervisor was killed has a session of its own, no parent any more, and goes on.
    """
    try:
        yield
    finally:
        for place in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if place.readlink() == home:
                    os.kill(int(place.parent.name), signal.SIGKILL)
