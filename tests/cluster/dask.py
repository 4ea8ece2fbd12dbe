"""Dask as on several machines: a scheduler and two workers of one thread each."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.processes import Processes, descends, free_port, listens, wait_for

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2

ALLOWED_FAILURES = "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"
"""How many workers a task may cost before Dask gives it up: three by default."""


@dataclass(frozen=True)
class Dask:
    """What runs.

    Attributes:
        address: Of the scheduler.
        workers: The processes ``dask worker``.
        start_worker: Starts one more.
    """

    address: str
    workers: list[subprocess.Popen[bytes]]
    start_worker: Callable[[], subprocess.Popen[bytes]]

    def lose(self, pid: int) -> None:
        """Lose the worker that a process belongs to; another takes its place."""
        (lost,) = (worker for worker in self.workers if descends(pid, worker.pid))
        Processes.lose(lost)
        self.workers.remove(lost)
        self.workers.append(self.start_worker())


@contextlib.contextmanager
def dask(folder: Path) -> Iterator[Dask]:
    """Start it, with the environment of the test."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    command = (sys.executable, "-m", "dask")
    where = ("--host", "127.0.0.1", "--no-dashboard")
    numbers = count()
    with Processes(folder) as processes:
        processes.start("scheduler", *command, "scheduler", *where, "--port", str(port), env=env)
        wait_for(lambda: listens(port), "Dask")

        def start_worker() -> subprocess.Popen[bytes]:
            how = ("--nthreads", "1", "--no-nanny", *where)
            name = f"worker{next(numbers)}"
            return processes.start(name, *command, "worker", address, *how, env=env)

        yield Dask(address, [start_worker() for _ in range(WORKERS)], start_worker)
