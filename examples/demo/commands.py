"""Runs the commands of the demo: their output in a file, signs of life on the screen."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from examples.demo.places import ROOT, DemoError, Places

QUIET_S = 5.0  # after so long without news say that there is still work going on


def call(
    title: str, places: Places, *arguments: str, news: Callable[[str], str | None] | None = None
) -> None:
    """Run Python with ``arguments`` to its end, its output in a file, a sign of life on the screen.

    Args:
        title: What to call it on the screen.
        places: Where its output goes, and its environment.
        arguments: After the interpreter.
        news: Makes a line for the screen out of a line of output, or None.
    """
    print(f"{title} ...", flush=True)
    started = heard = time.monotonic()
    with (
        places.output.open("a", encoding="utf-8") as output,
        places.output.open(encoding="utf-8", errors="replace") as reader,
    ):
        reader.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=places.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that all of it can be ended
        )
        with ended(process):
            while process.poll() is None:
                time.sleep(0.2)
                now = time.monotonic()
                lines = [line for line in map(news or (lambda _: None), reader) if line]
                if not lines and now - heard > QUIET_S:
                    lines = [f"still running, {now - started:.0f} s"]
                for line in lines:
                    heard = now
                    print(f"  {line}", flush=True)
    if process.returncode:
        tail = "\n".join(places.output.read_text("utf-8", "replace").splitlines()[-25:])
        raise DemoError(
            f"{title} ended with {process.returncode}:\n{tail}\n\nall of it is in {places.output}"
        )
    print(f"  took {time.monotonic() - started:.1f} s", flush=True)


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process and its children when the block is left before they are done."""
    try:
        yield
    finally:
        if process.poll() is None:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(process.pid, sign)
                    process.wait(10)
