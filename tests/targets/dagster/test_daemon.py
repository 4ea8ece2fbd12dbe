"""The daemon sees how a run ended, and has what it did undone."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.targets.dagster.running import DefsFolder, Exported
from tests.targets.dagster.server import Server, dagster_home, serving
from tests.targets.dagster.test_rollback import BOOKING

pytestmark = pytest.mark.slow

SLOW = BOOKING.replace(
    'raise ValueError("no money")',
    """
            import os
            import time

            Path(fail).with_name("pid").write_text(str(os.getpid()))
            try:
                time.sleep(600)
            finally:
                note(log, "pay ends")
""",
)
"""Paying takes until somebody stops it."""

STUBBORN = SLOW.replace('"booking"', '"stubborn"').replace(
    """
        note(log, "book hotel")
        return "Ritz"
""",
    """
        import contextlib
        import os
        import time

        held = Path(log).with_name("held")
        if held.exists():
            Path(log).with_name("pid").write_text(str(os.getpid()))
        while held.exists():
            with contextlib.suppress(BaseException):
                time.sleep(0.1)
        note(log, "book hotel")
        return "Ritz"
""",
)
"""Booking a hotel takes as long as there is a file, whoever wants to stop it."""

LEFT = """
    import os
    import signal
    import threading
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        log: str
        fail: str


    def note(log: str, text: str) -> None:
        with Path(log).open("a") as file:
            file.write(text + "\\n")


    def flight(log: str) -> str:
        note(log, "book flight")
        return "AZ 1"


    def unflight(flight: str, log: str, fail: str, repeated: bool) -> None:
        watches = [each for each in threading.enumerate() if each.name.endswith("(_watch)")]
        if not repeated:
            Path(fail).with_name("pid").write_text(str(os.getpid()))
            for watch in watches:
                watch.join()  # it has interrupted this process
        note(log, f"cancel {flight}{' again' if repeated else ''}")


    def pay(flight: str) -> int:
        os.kill(os.getpid(), signal.SIGKILL)


    p = pipeline(
        "left",
        Params,
        [
            step("flight", flight, rollback=unflight, macro_task="trip"),
            step("pay", pay, on_error=OnError.STOP, macro_task="trip"),
        ],
    )
"""
"""The first try leaves a flight, and the next one cancels it for as long as its run is there."""

UNDONE = ["cancel Ritz", "cancel AZ 1"]


@contextlib.contextmanager
def served(source: str, folder: Path, **options: object) -> Iterator[tuple[Exported, Server]]:
    """A server with a pipeline; each step is a process, and the sensors look every second."""
    exported = DefsFolder(None, folder).export(source, **options)
    often = "default_status=dg.DefaultSensorStatus.RUNNING,\n    minimum_interval_seconds=1,"
    text = exported.text.replace("default_status=dg.DefaultSensorStatus.RUNNING,", often)
    exported.file.write_text(text)
    with serving(exported.file, dagster_home(folder)) as server:
        yield exported, server


@pytest.fixture(scope="module")
def booking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Exported, Server]]:
    with served(SLOW, tmp_path_factory.mktemp("booking")) as both:
        yield both


def launched(booking: tuple[Exported, Server], folder: Path) -> str:
    """Id of a run that somebody must stop."""
    exported, server = booking
    (folder / "fail").touch()
    params = {"log": str(folder / "log"), "fail": str(folder / "fail")}
    run_id: str = server.launch(exported.name, exported.config(params))["run"]["runId"]
    return run_id


def process_at_work(server: Server, folder: Path) -> int:
    """Id of the process of the step that has to be stopped, once it is at work."""
    pid = folder / "pid"
    while not (pid.exists() and pid.read_text()):
        server.check()
        time.sleep(0.1)
    return int(pid.read_text())


def undone(server: Server, run_id: str, folder: Path) -> list[str]:
    """What the steps wrote down, after the run was rolled back."""
    rollback = server.run_with_tag("synaflow/rollback_of", run_id)
    assert server.finished(rollback) == "SUCCESS"
    return [line.partition(" because")[0] for line in (folder / "log").read_text().splitlines()]


def check_the_next_run(booking: tuple[Exported, Server], folder: Path) -> None:
    """A new run does everything again."""
    exported, server = booking
    params = {"log": str(folder / "log")}
    again = server.launch(exported.name, exported.config(params))["run"]["runId"]
    assert server.finished(again) == "SUCCESS"
    told = (folder / "log").read_text().splitlines()
    assert told[-3:] == ["book flight", "book hotel", "pay"]


def run_process_killed(server: Server, run_id: str, tmp_path: Path) -> psutil.Process:
    """Kill the process of a run whose step is at work; the process of the step."""
    step = psutil.Process(process_at_work(server, tmp_path))
    os.kill(step.ppid(), signal.SIGKILL)
    assert server.finished(run_id) == "FAILURE"
    return step


def test_a_run_that_was_stopped_is_rolled_back_after_its_steps_and_the_next_one_succeeds(
    booking: tuple[Exported, Server], tmp_path: Path
) -> None:
    server = booking[1]
    run_id = launched(booking, tmp_path)
    process_at_work(server, tmp_path)
    server.terminate(run_id)
    assert server.finished(run_id) == "CANCELED"
    told = undone(server, run_id, tmp_path)
    assert told == ["book flight", "book hotel", "pay ends", *UNDONE]
    assert server.finished(run_id) == "CANCELED"
    check_the_next_run(booking, tmp_path)


def test_a_run_whose_step_was_killed_is_rolled_back_and_the_next_one_succeeds(
    booking: tuple[Exported, Server], tmp_path: Path
) -> None:
    server = booking[1]
    run_id = launched(booking, tmp_path)
    os.kill(process_at_work(server, tmp_path), signal.SIGKILL)
    assert server.finished(run_id) == "FAILURE"
    assert undone(server, run_id, tmp_path) == ["book flight", "book hotel", *UNDONE]
    check_the_next_run(booking, tmp_path)


def test_a_run_whose_own_process_was_killed_is_rolled_back_after_its_steps_have_ended(
    booking: tuple[Exported, Server], tmp_path: Path
) -> None:
    server = booking[1]
    run_id = launched(booking, tmp_path)
    step = run_process_killed(server, run_id, tmp_path)
    told = undone(server, run_id, tmp_path)
    assert told == ["book flight", "book hotel", "pay ends", *UNDONE]
    step.wait(30)
    check_the_next_run(booking, tmp_path)


def test_what_a_step_completes_after_its_run_was_rolled_back_is_undone_by_itself(
    tmp_path: Path,
) -> None:
    held = tmp_path / "held"
    held.touch()
    with served(STUBBORN, tmp_path) as stubborn:
        server = stubborn[1]
        run_id = launched(stubborn, tmp_path)
        step = run_process_killed(server, run_id, tmp_path)
        assert undone(server, run_id, tmp_path) == ["book flight", "cancel AZ 1"]

        held.unlink()
        step.wait(30)
        told = (tmp_path / "log").read_text().splitlines()
        assert told[2:] == ["book hotel", "cancel Ritz"]
        check_the_next_run(stubborn, tmp_path)


def test_what_an_earlier_try_has_left_is_undone_once_though_the_run_is_killed_meanwhile(
    tmp_path: Path,
) -> None:
    with served(LEFT, tmp_path, retries=1) as left:
        server = left[1]
        run_id = launched(left, tmp_path)
        run_process_killed(server, run_id, tmp_path)
        assert undone(server, run_id, tmp_path) == ["book flight", "cancel AZ 1"]
