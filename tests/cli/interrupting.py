"""Commands that are interrupted while the steps of a pipeline tell in a file how far they are."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from tests.cli.starting import COMMAND, environment

Interrupt = Callable[["subprocess.Popen[str]"], None]

UNDOING = """
    import time
    from pathlib import Path

    from synaflow_core import pipeline, step


    def told(text: str) -> None:
        print(text, flush=True)  # fails where the terminal is gone, and takes the rollback with it
        with Path("log").open("a") as log:
            log.write(text + "\\n")


    def saved() -> str:
        told("saved")
        return "saved"


    def forget(saved: str, repeated: bool) -> None:
        told(f"forget, repeated={repeated}")
        time.sleep(0.8)
        told("forgotten")


    def waiting(saved: str) -> int:
        told("waiting")
        time.sleep(60)
        return 1


    p = pipeline("p", None, [
        step("saved", saved, rollback=forget, macro_task="one"),
        step("waiting", waiting, macro_task="TASK"),
    ])
"""
"""One step waits when another has done its work; ``TASK`` is the macro-task of the first."""

ONCE = ["saved", "waiting", "forget, repeated=False", "forgotten"]
"""Its log when it was interrupted at the line ``waiting``."""


def group(running: subprocess.Popen[str]) -> None:
    """What a terminal does with Ctrl-C."""
    os.killpg(running.pid, signal.SIGINT)


def parent(running: subprocess.Popen[str]) -> None:
    """What ``kill -INT`` does."""
    running.send_signal(signal.SIGINT)


def interrupted(
    project: Any, *arguments: str, through: tuple[str, ...] = (), **interrupts: Interrupt
) -> tuple[int, str, str]:
    """Run a command, with an interrupt once the log has a line; code, stdout and stderr.

    Args:
        project: The folder to run it in.
        arguments: Of the command.
        through: What starts it instead, given the whole command.
        interrupts: By the first line of the log that begins so.
    """
    with subprocess.Popen(
        [*through, *COMMAND, *arguments],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        for line, interrupt in interrupts.items():
            while not any(each.startswith(line) for each in log(project)):
                assert running.poll() is None
                time.sleep(0.02)
            interrupt(running)
        out, err = running.communicate()
    return running.returncode, out, err


def log(project: Any) -> list[str]:
    """The lines of the file ``log`` in the folder of the project."""
    file = project.folder / "log"
    return file.read_text().splitlines() if file.exists() else []
