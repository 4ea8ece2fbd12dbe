"""Dask as on several machines: a scheduler and two workers of one thread each."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.cluster.processes import Processes, descends, free_port, listens, wait_for

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2

Lose = Callable[[list[int]], None]
"""Loses a worker that one of these processes belongs to."""


@contextlib.contextmanager
def dask(folder: Path) -> Iterator[tuple[str, Lose]]:
    """Start it: its address, and what loses a worker."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    command = (sys.executable, "-m", "dask")
    where = ("--host", "127.0.0.1", "--no-dashboard")
    with Processes(folder) as processes:
        processes.start("scheduler", *command, "scheduler", *where, "--port", str(port), env=env)
        wait_for(lambda: listens(port), "Dask")
        how = ("--nthreads", "1", "--no-nanny", *where)
        workers = [
            processes.start(f"worker{number}", *command, "worker", address, *how, env=env)
            for number in range(WORKERS)
        ]

        def lose(working: list[int]) -> None:
            lost = workers[0]
            assert any(descends(pid, lost.pid) for pid in working)
            processes.lose(lost)

        yield address, lose
