"""Commands that are asked to end by SIGTERM or SIGHUP: what is done is undone, as after Ctrl-C."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from functools import partial
from typing import Any

import pytest

from tests.cli.interrupting import ONCE, UNDOING, Interrupt, interrupted, log
from tests.cli.starting import COMMAND, environment

FORKING = """
    import multiprocessing
    import time
    from typing import Any

    from synaflow_core import pipeline, step


    def child_of_ours(begun: Any) -> None:
        begun.set()
        time.sleep(60)


    def stopped_child() -> int | None:
        forking = multiprocessing.get_context("fork")
        begun = forking.Event()
        child = forking.Process(target=child_of_ours, args=(begun,))
        child.start()
        begun.wait()
        child.terminate()
        child.join()
        return child.exitcode


    p = pipeline("p", None, [step("stopped_child", stopped_child)])
"""

RUN, REHEARSE = ("run", "pipe.py"), ("rehearse", "pipe.py")
IGNORING = ("sh", "-c", """trap '' "$0"; exec "$@" """)
CONTROLLING = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def parent(running: subprocess.Popen[str], *, number: int = signal.SIGTERM) -> None:
    """What ``kill`` does, and a container that stops."""
    running.send_signal(number)


def timeout(running: subprocess.Popen[str]) -> None:
    """What ``timeout`` does: the process first, then its whole group, which it is in."""
    running.send_signal(signal.SIGTERM)
    os.killpg(running.pid, signal.SIGTERM)


@pytest.mark.parametrize("stop", [parent, timeout])
@pytest.mark.parametrize(("command", "task"), [(RUN, "x"), (REHEARSE, "one"), (REHEARSE, "other")])
def test_what_is_done_is_undone_once(
    project: Any, command: tuple[str, ...], task: str, stop: Interrupt
) -> None:
    project.write("pipe.py", UNDOING.replace("TASK", task))
    code, _, err = interrupted(project, *command, waiting=stop)
    assert log(project) == ONCE
    assert code == 128 + signal.SIGTERM
    assert err.endswith("error: stopped by SIGTERM\n")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [RUN, REHEARSE])
def test_where_ctrl_c_is_ignored_too(project: Any, command: tuple[str, ...]) -> None:
    """In the background of a script nobody hears of Ctrl-C, neither we nor our children."""
    project.write("pipe.py", UNDOING.replace("TASK", "one"))
    code, _, _ = interrupted(project, *command, through=(*IGNORING, "INT"), waiting=parent)
    assert log(project) == ONCE
    assert code == 128 + signal.SIGTERM


def test_the_second_does_not_hurry(project: Any) -> None:
    project.write("pipe.py", UNDOING.replace("TASK", "one"))
    hangup = partial(parent, number=signal.SIGHUP)
    code, _, _ = interrupted(project, *REHEARSE, waiting=hangup, forget=parent)
    assert log(project) == ONCE
    assert code == 128 + signal.SIGHUP


def test_what_is_ignored_stays_ignored(project: Any) -> None:
    project.write("pipe.py", UNDOING.replace("TASK", "one").replace("sleep(60)", "sleep(0.5)"))
    hangup = partial(parent, number=signal.SIGHUP)
    code, _, _ = interrupted(project, *RUN, through=(*IGNORING, "HUP"), waiting=hangup)
    assert log(project) == ONCE[:2]
    assert code == 0


@pytest.mark.parametrize("command", [RUN, REHEARSE])
def test_a_closed_terminal_does_not_fail_the_rollback(
    project: Any, command: tuple[str, ...]
) -> None:
    project.write("pipe.py", UNDOING.replace("TASK", "one"))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLING, *COMMAND, *command],
        cwd=project.folder,
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as running:
        os.close(theirs)
        while not any(each == "waiting" for each in log(project)):
            assert running.poll() is None
            time.sleep(0.02)
        os.close(ours)
    assert log(project) == ONCE
    assert running.returncode == 128 + signal.SIGHUP


@pytest.mark.parametrize("command", [RUN, REHEARSE])
def test_processes_that_a_step_forks_end_as_always(project: Any, command: tuple[str, ...]) -> None:
    project.write("pipe.py", FORKING)
    code, out, _ = interrupted(project, *command)
    assert out.endswith(f"stopped_child = {-signal.SIGTERM}\n")
    assert code == 0
