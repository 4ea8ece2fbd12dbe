"""What ``run`` shows while it runs: bars on a terminal, lines elsewhere; and what it undid."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cli.starting import COMMAND, environment

STREAM = """
    import time
    from collections.abc import Generator, Iterator
    from synaflow_core import pipeline, step

    def numbers() -> Generator[int, None, None]:
        for number in range(40):
            time.sleep(0.02)
            yield number

    def odd(number: int) -> int:
        if number % 2 == 0:
            raise ValueError(number)
        return number

    def last(odd: Iterator[int]) -> int:
        return max(odd)

    p = pipeline("p", steps=[step("numbers", numbers), step("odd", odd), step("last", last)])
"""


MANY = """
import time
from collections.abc import Callable
from typing import Any

from synaflow_core import pipeline, step


def made(number: int) -> Callable[..., Any]:
    code = f"def f(s{number - 1}): time.sleep(0.2)" if number else "def f(): ..."
    scope = {"time": time}
    exec(code, scope)
    return scope["f"]


p = pipeline("p", None, [step(f"s{number}", made(number)) for number in range(10)])
"""


def on_a_terminal(
    project: Any,
    *arguments: str,
    rows: int = 25,
    term: str = "xterm-256color",
    command: Sequence[str] = COMMAND,
) -> tuple[int, str]:
    """The exit code of a command, and all that a terminal was told to show."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (rows, 100))
    with subprocess.Popen(
        [*command, *arguments],
        cwd=project.folder,
        env={**environment(), "TERM": term},
        stdout=theirs,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # that is how a terminal ends
            while chunk := os.read(ours, 65536):
                shown += chunk
    os.close(ours)
    return running.returncode, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_bars_on_a_terminal(project: Any) -> None:
    project.write("pipe.py", STREAM)
    code, text = on_a_terminal(project, "run", "pipe.py")
    assert code == 0
    assert "Traceback" not in text
    assert "/s" in text  # a bar was drawn while it ran
    assert text.rstrip().endswith("last = 39")


def test_bars_on_a_small_terminal_are_those_of_the_steps_at_work(project: Any) -> None:
    project.write("pipe.py", MANY)
    code, text = on_a_terminal(project, "run", "pipe.py", "--format", "json", rows=6)
    assert code == 0
    drawn = text[: text.index('"run_id"')]
    assert re.search(r"\bs9 +\S+ +\d+%", drawn)  # the run's bar
    assert re.search(r"\bs9 +\S+ +0 +0/s", drawn)  # and that of the step


def test_lines_on_a_terminal_that_cannot_draw(project: Any) -> None:
    code = (
        "import synaflow_export.cli.progress as p\np._LINE_EVERY_S = 0.1\n"
        "from synaflow_export.cli import main\nmain(['run', 'pipe.py'])"
    )
    project.write("pipe.py", STREAM)
    project.write("told.py", code)
    _, text = on_a_terminal(project, term="dumb", command=[sys.executable, "told.py"])
    assert re.search(r"^0 s: numbers \d+", text, re.MULTILINE)


def test_the_bar_of_a_run_that_is_undone_stays_where_it_was(project: Any) -> None:
    project.write("pipe.py", UNDONE.replace("def forget() -> None: ...", SLOWLY_FORGOTTEN))
    code, text = on_a_terminal(project, "run", "pipe.py")
    assert code == 1
    assert re.search(r"rolling back +\S+ +67% +1 error\b", text)
    assert "100%" not in text


WEIGHTED = """
import time
from synaflow_core import pipeline, set_progress, step

def quick() -> int:
    return 1

def slow(quick: int) -> int:
    for part in range(20):
        set_progress(part, 20)
        time.sleep(0.03)
    return 2

p = pipeline(
    "p", None, [step("quick", quick, progress_weight=1), step("slow", slow, progress_weight=3)]
)
"""

UNDONE = """
from synaflow_core import OnError, pipeline, step

def save() -> int:
    return 1

def mail(save: int) -> int:
    return 2

def last(mail: int) -> int:
    raise ValueError("no")

def forget() -> None: ...

def unmail() -> None:
    raise OSError("the line is dead")

p = pipeline("p", None, [
    step("save", save, rollback=forget),
    step("mail", mail, rollback=unmail),
    step("last", last, on_error=OnError.STOP),
])
"""


SLOWLY_FORGOTTEN = """
import time

def forget() -> None:
    time.sleep(0.5)
"""


def test_lines_elsewhere(cli: Any, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("pipe.py", STREAM)
    monkeypatch.setattr("synaflow_export.cli.progress._LINE_EVERY_S", 0.1)
    told = cli("run", "pipe.py")
    line = r"^0 s: numbers \d+ \(\d+/s\), odd \d+ \(\d+/s\), last 0 \(0/s\), \d+ errors?$"
    assert re.search(line, told.err, re.MULTILINE)
    assert " s: " not in cli("run", "pipe.py", "--quiet").err


def test_lines_tell_the_weighted_share(
    cli: Any, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("pipe.py", WEIGHTED)
    monkeypatch.setattr("synaflow_export.cli.progress._LINE_EVERY_S", 0.1)
    told = cli("run", "pipe.py")
    shares = re.findall(r"^\d+ s: (\d+)%, slow 0 \(0/s\)$", told.err, re.MULTILINE)
    assert shares
    assert [int(share) for share in shares] == sorted(int(share) for share in shares)
    assert all(25 <= int(share) < 100 for share in shares)


def test_a_failed_run_says_what_was_undone(cli: Any, project: Any) -> None:
    project.write("pipe.py", UNDONE)
    told = cli("run", "pipe.py")
    assert told.code == 1
    assert re.search(r"save +ok .* rolled back", told.out)
    assert re.search(r"mail +ok .* rollback failed: OSError: the line is dead", told.out)
    project.write("pipe.py", UNDONE.replace('ValueError("no")', "KeyboardInterrupt"))
    told = cli("run", "pipe.py")
    assert told.code == 130
    assert re.search(r"save +ok .* rolled back", told.out)
    assert told.err.endswith("error: interrupted\n")
    told = cli("run", "pipe.py", "--format", "json")
    document = json.loads(told.out)
    assert document["error"] == "interrupted"
    assert document["steps"]["save"]["rollback"] == "rolled back"
