"""A real Prefect server in a process of its own, on a free port, its home in a temporary folder.

It is started when the first test asks for it and serves the whole session. The environment is set
before anything imports Prefect: tests import it inside functions only.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

_SECONDS_TO_START = 180


@functools.cache
def prefect_home() -> Path:
    """Home of the server and of this process; the server is up."""
    if importlib.util.find_spec("prefect") is None:
        pytest.skip("prefect is not installed")
    assert "prefect" not in sys.modules, "its settings are read when it is imported"
    home = Path(tempfile.mkdtemp(prefix="synaflow-prefect-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ.update(
        {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home}/prefect.db",
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(home / "storage"),
            "PREFECT_SERVER_MEMO_STORE_PATH": str(home / "memo_store.toml"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLI_PROMPT": "false",
            "DO_NOT_TRACK": "1",
        }
    )
    os.environ.pop("SYNAFLOW_STORE", None)
    log = (home / "server.log").open("wb")
    server = subprocess.Popen(
        [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    atexit.register(stop, server)
    _wait_for(f"{os.environ['PREFECT_API_URL']}/health", server, home / "server.log")
    return home


PREFECT = (sys.executable, "-m", "prefect")
"""The command line of Prefect, in the environment of the tests."""


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the Prefect server did not start:\n{log.read_text(errors='replace')[-3000:]}")
