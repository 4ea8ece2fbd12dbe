"""PostgreSQL and Redis of the system's packages, on free ports of the loopback, in a folder.

PostgreSQL refuses to run as root, so root starts it as another user, in a folder of that user's.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import Processes, free_port, listens, wait_for

INSTALL = "apt-get install postgresql redis-server"


def find(program: str) -> Path:
    """A program of the packages; without it the test is skipped, with the way to get it."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    found = shutil.which(program) or next(iter(debian[::-1]), None)
    if found is None:
        pytest.skip(f"{program} is not installed: {INSTALL}")
    return Path(found)


@contextlib.contextmanager
def postgres(processes: Processes) -> Iterator[str]:
    """A PostgreSQL with an empty database; its URL, without a scheme."""
    initdb, server = find("initdb"), find("postgres")
    user = _not_root()
    with tempfile.TemporaryDirectory(prefix="synaflow-postgres-") as home:
        if user is not None:
            shutil.chown(home, user)
        data, port, env = Path(home, "data"), free_port(), {"PATH": os.environ["PATH"]}
        made = subprocess.run(
            [initdb, "-D", data, "-U", "airflow", "-A", "trust", "-E", "UTF8", "-N", "--locale=C"],
            cwd=home,
            env=env,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", home, "-c", "fsync=off"]
        process = processes.start(
            "postgres", server, "-D", data, *options, env=env, user=user, cwd=Path(home)
        )
        try:
            wait_for(lambda: listens(port), "PostgreSQL")
            yield f"airflow@127.0.0.1:{port}/postgres"
        finally:
            processes.end(process)


@contextlib.contextmanager
def redis(processes: Processes) -> Iterator[str]:
    """An empty Redis that keeps nothing on disk; its URL."""
    server, port = find("redis-server"), free_port()
    keep_nothing = ["--save", "", "--appendonly", "no"]
    command = [server, "--bind", "127.0.0.1", "--port", str(port), *keep_nothing]
    process = processes.start("redis", *command, env={"PATH": os.environ["PATH"]})
    try:
        wait_for(lambda: listens(port), "Redis")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        processes.end(process)


def _not_root() -> str | None:
    """Whom PostgreSQL runs as: None for the user of this process."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
