"""Whether a process that began an attempt is still there, as far as this machine can know.

A process is named by its machine (the boot and the namespace of process ids), its id, and when it
began, because ids come again. Only Linux tells all of it; elsewhere, and of the processes of other
machines, nothing is known.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_GONE = ("Z", "X")  # states of a process that has ended and was not asked how


def this_process() -> str:
    """Names this process for :func:`is_alive`; empty where the system does not tell."""
    machine, began = _machine(), _began(os.getpid())
    return f"{machine}/{os.getpid()}/{began}" if machine and began else ""


def is_alive(process: str) -> bool | None:
    """Whether a process is there; None when that cannot be known here.

    Args:
        process: From :func:`this_process`, there.
    """
    machine, _, rest = process.rpartition("/")
    machine, _, number = machine.rpartition("/")
    if not machine or machine != _machine():
        return None
    began = _began(int(number))
    return None if not began and _is_hidden(int(number)) else began == rest


def _is_hidden(pid: int) -> bool:
    """Whether there is a process of that number of which ``/proc`` shows nothing to this user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return not Path(f"/proc/{pid}").exists()
    return False


@cache
def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _began(pid: int) -> str:
    """When a process began, in ticks since the boot; empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()  # the name before may hold anything
    return "" if state in _GONE else fields[18]
