"""Processes of servers and clusters: each in a group of its own, its output in a file, all ended.

``with Processes(folder) as processes`` ends whatever was started in it, newest first, also when the
block fails. :meth:`Processes.lose` is the opposite of an orderly end: SIGKILL for a process and all
that it has started, as when a machine goes away.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import psutil

SECONDS = 240.0
"""Longest wait for anything; on an idle machine it is a fraction of that."""


class Processes:
    """What runs for one test.

    Attributes:
        folder: Their output goes here, ``<name>.log``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            for log in sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        for process in reversed(self._started):
            self.end(process)

    def start(
        self,
        name: str,
        *command: str | Path,
        env: Mapping[str, str],
        user: str | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command that goes on until it is ended, as another user if one is named."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=cwd or self.folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=None if user is None else pwd.getpwnam(user).pw_gid,
                extra_groups=None if user is None else [],
            )
        self._started.append(process)
        return process

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        """End a process, and whatever is left of its group and of what it has started."""
        family = _family(process.pid)
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
        _kill(process.pid, family)
        process.wait()

    @staticmethod
    def lose(process: subprocess.Popen[bytes]) -> None:
        """Kill a process and all that it has started, at once."""
        _kill(process.pid, _family(process.pid))
        process.wait()


def descends(pid: int, ancestor: int) -> bool:
    """Whether a process is another, or was started by it or by what it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return ancestor in (pid, *(parent.pid for parent in process.parents()))
    return False


def wait_for(condition: Callable[[], bool], what: str) -> float:
    """Ask again and again, for at most :data:`SECONDS`; how long it took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > SECONDS:
            raise AssertionError(f"waited {SECONDS:.0f} s for {what}")
        time.sleep(0.2)
    return time.monotonic() - started


def listens(port: int) -> bool:
    """Whether something on this machine takes connections at a port."""
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    return []


def _kill(group: int, family: list[psutil.Process]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
