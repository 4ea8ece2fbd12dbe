"""A run that ended badly is undone by hooks of its flow: newest first, after all has ended."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.compensation.test_at_work import until
from tests.targets.dagster.test_rollback import BOOKING, SEATS
from tests.targets.prefect.running import FlowFolder, outcome_of
from tests.targets.prefect.server import PREFECT
from tests.targets.test_pylayout import complaints

pytestmark = pytest.mark.prefect


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the steps say what they do."""
    return tmp_path / "log.txt"


def params(log: Path) -> dict[str, str]:
    """A run whose last macro-task fails while there is a file ``fail``."""
    return {"log": str(log), "fail": str(log.with_name("fail"))}


def test_a_failure_in_the_last_task_undoes_the_others_newest_first(
    flows: FlowFolder, log: Path
) -> None:
    exported = flows.export(BOOKING)
    assert complaints(exported.text) == ""
    log.with_name("fail").touch()
    outcome = flows.run(exported, params(log))

    assert outcome.state == "Failed"
    told = log.read_text().splitlines()
    assert told[:3] == ["book flight", "book hotel", "cancel Ritz"]
    assert told[3].startswith(f"cancel AZ 1 because flow run {outcome.run_id} ended as Failed: ")
    assert len(told) == 4


def test_a_retried_run_does_again_what_was_undone(flows: FlowFolder, log: Path) -> None:
    exported = flows.export(BOOKING)
    log.with_name("fail").touch()
    failed = flows.run(exported, params(log))
    log.with_name("fail").unlink()
    log.unlink()

    outcome = flows.retry(exported, failed)

    assert outcome.state == "Completed", outcome.message
    assert log.read_text().splitlines() == ["book flight", "book hotel", "pay"]
    assert outcome.tasks == dict.fromkeys(("flight", "hotel", "pay"), "Completed")
    assert flows.outputs(exported, outcome) == {"pay": 100}


def test_a_run_that_is_retried_while_it_is_undone_waits_for_that(
    flows: FlowFolder, log: Path
) -> None:
    """Prefect calls a run failed before its hooks have undone it."""
    go_on = log.with_name("go on")
    slow = f"""note(log, "undoing")
        while not Path({str(go_on)!r}).exists():
            time.sleep(0.01)
        note(log, "cancel", hotel)"""
    source = BOOKING.replace('note(log, "cancel", hotel)', slow)
    exported = flows.export(f"    import time\n{source}")
    log.with_name("fail").touch()
    failing = threading.Thread(target=flows.run, args=(exported, params(log)))
    failing.start()
    until(lambda: log.exists() and "undoing" in log.read_text())
    log.with_name("fail").unlink()
    (run,) = (flows.store / "booking").iterdir()  # it is called by its id

    with subprocess.Popen(
        [*PREFECT, "flow-run", "retry", run.name, "--entrypoint", exported.entrypoint],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as retry:
        assert retry.stdout is not None
        for line in retry.stdout:
            if "waiting for the end of the rollback of the run" in line:
                go_on.touch()
    failing.join()

    outcome = outcome_of(run.name)
    assert outcome.state == "Completed", outcome.message
    assert log.read_text().splitlines()[-3:] == ["book flight", "book hotel", "pay"]


def test_a_run_that_fails_twice_is_undone_twice(flows: FlowFolder, log: Path) -> None:
    exported = flows.export(BOOKING)
    log.with_name("fail").touch()
    failed = flows.run(exported, params(log))
    log.unlink()
    again = flows.retry(exported, failed)
    assert again.state == "Failed"
    assert [line[:11] for line in log.read_text().splitlines()] == [
        "book flight",
        "book hotel",
        "cancel Ritz",
        "cancel AZ 1",
    ]


def test_a_run_that_succeeds_undoes_nothing(flows: FlowFolder, log: Path) -> None:
    outcome = flows.run(flows.export(BOOKING), params(log))
    assert outcome.state == "Completed", outcome.message
    assert log.read_text().splitlines() == ["book flight", "book hotel", "pay"]


def test_a_task_whose_process_is_lost_has_crashed_and_the_others_are_undone(
    flows: FlowFolder, log: Path
) -> None:
    source = BOOKING.replace('raise ValueError("no money")', "os.kill(os.getpid(), signal.SIGKILL)")
    exported = flows.export(f"    import os, signal\n{source}", task_runner="processes")
    log.with_name("fail").touch()
    outcome = flows.run(exported, params(log))
    assert (outcome.state, "BrokenProcessPool" in outcome.message) == ("Failed", True)
    assert (outcome.tasks["hotel"], outcome.tasks["pay"]) == ("Completed", "Crashed")
    assert [line[:11] for line in log.read_text().splitlines()] == [
        "book flight",
        "book hotel",
        "cancel Ritz",
        "cancel AZ 1",
    ]


def test_an_async_pipeline_is_undone_as_well(flows: FlowFolder, log: Path) -> None:
    source = BOOKING.replace("    def ", "    async def ").replace("async def note", "def note")
    log.with_name("fail").touch()
    outcome = flows.run(flows.export(source), params(log))
    assert outcome.state == "Failed"
    assert [line[:11] for line in log.read_text().splitlines()][2:] == [
        "cancel Ritz",
        "cancel AZ 1",
    ]


def test_what_was_made_of_undone_work_is_made_again_when_the_work_gives_something_else(
    flows: FlowFolder, log: Path
) -> None:
    """The hotel has no rollback and succeeded, but for a flight that is not booked any more."""
    source = BOOKING.replace(
        'return "AZ 1"', 'return f"AZ {len(Path(log).read_text().splitlines())}"'
    )
    source = source.replace('return "Ritz"', 'return f"Ritz near {flight}"')
    source = source.replace("hotel, on_error=OnError.STOP, rollback=unhotel", "hotel")
    source = source.replace("return 100", "return flight, hotel")
    source = source.replace("fail: str) -> int", "fail: str) -> tuple[str, str]")
    exported = flows.export(source)
    log.with_name("fail").touch()
    failed = flows.run(exported, params(log))
    assert failed.state == "Failed"
    told = [line.partition(" because")[0] for line in log.read_text().splitlines()]
    assert told == ["book flight", "book hotel", "cancel AZ 1"]

    log.with_name("fail").unlink()
    outcome = flows.retry(exported, failed)
    assert outcome.state == "Completed", outcome.message
    assert flows.outputs(exported, outcome) == {"pay": ("AZ 4", "Ritz near AZ 4")}


def test_one_of_four_shards_fails_and_the_others_are_undone(flows: FlowFolder, log: Path) -> None:
    exported = flows.export(SEATS)
    assert complaints(exported.text) == ""
    log.with_name("fail").touch()
    failed = flows.run(exported, params(log))
    assert failed.state == "Failed"
    told = log.read_text().splitlines()
    assert sorted(told[:3]) == ["book 1", "book 2", "book 4"]
    assert sorted(told[3:]) == ["cancel 1", "cancel 2", "cancel 4"]

    log.with_name("fail").unlink()
    log.unlink()
    outcome = flows.retry(exported, failed)
    assert outcome.state == "Completed", outcome.message
    assert sorted(log.read_text().splitlines()) == ["book 1", "book 2", "book 3", "book 4"]
    assert flows.outputs(exported, outcome) == {"count": 4}
