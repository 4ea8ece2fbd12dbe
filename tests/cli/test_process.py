"""The real process: exit codes, streams, signals, and what a start loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.starting import COMMAND, environment


def test_the_whole_way(process: Any, quickstart: Path, project: Any) -> None:
    plan = process("plan", "pipe.py")
    assert plan.code == 0
    assert "3 steps in 1 macro-task" in plan.out
    run = process("run", "pipe.py", "--param", "count=2", "--quiet")
    assert run.code == 0
    assert [line for line in run.out.splitlines() if line.startswith("Consumed")] == [
        "Consumed: 0",
        "Consumed: 10",
    ]
    exported = process("airflow", "pipe.py")
    assert exported.code == 0
    assert (project.folder / "dags/example_dag.py").is_file()
    assert process("airflow", "pipe.py", "--check").code == 0
    assert process("airflow", "pipe.py", "--id", "other", "--check").code == 1


def test_mistakes_end_with_two_and_no_traceback(process: Any, project: Any) -> None:
    project.write("pipe.py", "raise RuntimeError('not today')\n")
    for arguments in (["airflow", "pipe.py"], ["plan", "nowhere.py"], ["nonsense"], ["run"]):
        told = process(*arguments)
        assert told.code == 2, told.err
        assert told.out == ""
        assert told.err.startswith("error: ")
        assert "Traceback" not in told.err
    assert project.files() == {"pipe.py"}


def test_what_children_of_the_code_print_stays_out_of_stdout(process: Any, project: Any) -> None:
    project.write(
        "pipe.py",
        """
        import os
        from synaflow_core import pipeline, step
        os.system("echo from a child")

        def a() -> int:
            return 1

        p = pipeline("p", steps=[step("a", a)])
        """,
    )
    told = process("contract", "pipe.py")
    assert told.out.startswith("{\n")
    assert "from a child" in told.err


def test_nothing_is_wrapped_or_coloured_in_a_pipe(process: Any, project: Any) -> None:
    name = "a_step_with_a_rather_long_name_" * 4
    project.write(
        "pipe.py",
        f"""
        from synaflow_core import pipeline, step

        def a() -> int:
            return 1

        p = pipeline("p", steps=[step("{name}", a)])
        """,
    )
    for told in (process("plan", "pipe.py"), process("run", "pipe.py")):
        assert name in told.out
        assert "\x1b" not in told.out + told.err
    folder = "deeply/" + "nested_" * 20
    told = process("airflow", "pipe.py", "--out", folder)
    assert f"{folder}/p_dag.py\n" in told.out


def test_colours_only_where_they_are_wanted(process: Any, orders: Path) -> None:
    assert "\x1b[" in process("plan", "nowhere.py", FORCE_COLOR="1").err
    assert "\x1b[3" not in process("plan", "nowhere.py", FORCE_COLOR="1", NO_COLOR="1").err


def test_names_that_the_terminal_cannot_show(process: Any, project: Any) -> None:
    project.write(
        "pipe.py",
        """
        from synaflow_core import pipeline, step

        def a() -> str:
            return "caf\\u00e9 \\udcff [bold]:smile:"

        def b() -> int:
            raise ValueError("\\x1b]0;hidden\\x07")

        p = pipeline("p", steps=[step("a", a), step("b", b)])
        """,
    )
    told = process("run", "pipe.py", PYTHONIOENCODING="ascii")
    assert told.code == 0
    assert "[bold]:smile:" in told.out
    assert "\\x1b]0;hidden\\x07" in told.out
    assert "\x1b" not in told.out


def test_a_reader_that_has_seen_enough(orders: Path) -> None:
    """``| head`` closes our stdout before we write to it."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*COMMAND, "contract", "orders.py"],
        cwd=orders.parent,
        env=environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        os.close(writing)
        _, err = running.communicate()
    assert (running.returncode, err) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk(orders: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "contract", "orders.py"],
            cwd=orders.parent,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "the output cannot be written" in done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c(project: Any) -> None:
    project.write(
        "pipe.py",
        """
        import time
        from collections.abc import Generator, Iterator
        from synaflow_core import pipeline, step

        def numbers() -> Generator[int, None, None]:
            try:
                while True:
                    yield 1
            finally:
                print("closed", flush=True)

        def consume(numbers: Iterator[int]) -> None:
            for number in numbers:
                print("running", flush=True)
                time.sleep(60)

        p = pipeline("p", steps=[step("numbers", numbers), step("consume", consume)])
        """,
    )
    with subprocess.Popen(
        [*COMMAND, "run", "pipe.py"],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "running\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
    assert running.returncode == 130
    assert out == "closed\n"
    assert err == "error: interrupted\n"


def test_help_loads_nothing_heavy(project: Any) -> None:
    code = (
        "import sys\nfrom synaflow_export.cli import main\nmain(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    for arguments in (["--version"], ["plan", "--help"], ["plan", "nowhere.py"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=project.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        loaded = set(done.stderr.splitlines()[-1].split())
        assert loaded.isdisjoint({"networkx", "jinja2", "msgspec", "fsspec", "airflow"})
