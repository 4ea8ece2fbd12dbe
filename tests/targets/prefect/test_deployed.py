"""Deployments from a generated ``prefect.yaml``, run by a real worker of a real work pool."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.targets.airflow.test_running import LINEAR
from tests.targets.prefect.running import Exported, FlowFolder, Outcome, outcome_of, prefect
from tests.targets.prefect.server import PREFECT, prefect_home, stop

pytestmark = pytest.mark.prefect

SLOW = """
    import os
    import time
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        folder: str


    def note(folder: str, text: str) -> None:
        with Path(folder, "log").open("a") as file:
            file.write(f"{text}\\n")


    def flight(folder: str) -> str:
        note(folder, "book")
        return "AZ 1"


    def unflight(flight: str, folder: str) -> None:
        note(folder, f"cancel {flight}")


    def pay(flight: str, folder: str) -> int:
        Path(folder, "pid").write_text(str(os.getpid()))
        while not Path(folder, "go on").exists():
            time.sleep(0.05)
        note(folder, "paid")
        return 100


    p = pipeline(
        "slow",
        Params,
        [
            step("flight", flight, on_error=OnError.STOP, rollback=unflight),
            step("pay", pay, on_error=OnError.STOP),
        ],
    )
"""

STOPPED = """
    import os
    import signal
    import time
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        folder: str
        failing: str


    def note(folder: str, text: str) -> None:
        with Path(folder, "log").open("a") as file:
            file.write(f"{text}\\n")


    def flight(folder: str) -> str:
        note(folder, "book")
        return "AZ 1"


    def unflight(flight: str, folder: str, repeated: bool) -> None:
        if not repeated:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)  # the main thread is interrupted, and waits for this one
        note(folder, f"cancel {flight}{' again' if repeated else ''}")


    def pay(flight: str, failing: str) -> int:
        if failing == "task":
            raise ValueError("no money")
        return 100


    def travel(pay: int) -> int:
        raise ValueError("no train")


    p = pipeline(
        "stopped",
        Params,
        [
            step("flight", flight, rollback=unflight, macro_task="trip"),
            step("pay", pay, on_error=OnError.STOP, macro_task="trip"),
            step("travel", travel, on_error=OnError.STOP),
        ],
    )
"""
"""Somebody stops the process of the run while the flight is cancelled."""


class Deployed:
    """Two pipelines of one folder, deployed; a worker takes their runs."""

    def __init__(self, folder: Path) -> None:
        self.flows = FlowFolder(folder)
        self.linear = self.flows.export(LINEAR, work_pool="tests")
        self.flows.export(STOPPED, work_pool="tests")
        self.slow = self.flows.export(SLOW, work_pool="tests", max_active_runs=3)
        prefect("work-pool", "create", "tests", "--type", "process")
        self.told = prefect("--no-prompt", "deploy", "--all", cwd=self.flows.folder)

    def start(self, name: str, **params: Any) -> str:
        """Trigger a run; returns its id."""
        from prefect.deployments import run_deployment

        run = run_deployment(f"{name}/{name}", parameters=params, timeout=0)
        return str(run.id)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    home = prefect_home()
    made = Deployed(tmp_path_factory.mktemp("deployed"))
    log = (home / "worker.log").open("wb")
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    worker = subprocess.Popen(
        [*PREFECT, "worker", "start", "--pool", "tests"],
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,
    )
    try:
        yield made
    finally:
        stop(worker)


def until(what: Callable[[], Any], run_id: str) -> None:
    """Wait for something that a worker's process does."""
    for _ in range(600):
        if what():
            return
        time.sleep(0.2)
    worker = (prefect_home() / "worker.log").read_text(errors="replace")
    pytest.fail(f"{outcome_of(run_id).state}\n{worker[-5000:]}")


def ended(run_id: str) -> Outcome:
    def is_final() -> bool:
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            state = client.read_flow_run(run_id).state
        return state is not None and state.is_final()

    until(is_final, run_id)
    return outcome_of(run_id)


def lines(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().splitlines() if log.exists() else []


def started(deployed: Deployed, folder: Path) -> str:
    """A run that has booked, and is at the step that takes time."""
    run_id = deployed.start("slow", folder=str(folder))
    until((folder / "pid").exists, run_id)
    return run_id


def test_a_triggered_run_is_taken_by_the_worker(deployed: Deployed) -> None:
    outcome = ended(deployed.start("linear", count=10))
    assert outcome.state == "CompletedWithErrors", outcome.message
    assert deployed.flows.outputs(deployed.linear, outcome) == {
        "total": 25,
        "squares": [1, 9, 25, 49, 81],
    }


def test_the_server_refuses_bad_parameters_before_there_is_a_run(deployed: Deployed) -> None:
    with pytest.raises(Exception, match=r"409 Conflict|Validation failed"):
        deployed.start("linear", count="many")


def test_all_pipelines_of_the_folder_are_deployed(deployed: Deployed) -> None:
    assert "linear/linear" in deployed.told
    assert "slow/slow" in deployed.told


def test_a_cancelled_run_is_undone_after_its_tasks_and_goes_on_when_it_is_retried(
    deployed: Deployed, tmp_path: Path
) -> None:
    run_id = started(deployed, tmp_path)
    prefect("flow-run", "cancel", run_id)
    time.sleep(1)
    assert lines(tmp_path) == ["book"]
    (tmp_path / "go on").touch()
    until(lambda: "cancel AZ 1" in lines(tmp_path), run_id)
    assert lines(tmp_path) == ["book", "paid", "cancel AZ 1"]
    assert ended(run_id).state == "Cancelled"

    retried = again(deployed.slow, run_id)
    assert retried.state == "Completed", retried.message
    assert deployed.flows.outputs(deployed.slow, retried) == {"pay": 100}
    assert lines(tmp_path) == ["book", "paid", "cancel AZ 1", "book"]  # paid for the same flight


def test_a_killed_run_is_undone_and_goes_on_when_it_is_retried(
    deployed: Deployed, tmp_path: Path
) -> None:
    run_id = started(deployed, tmp_path)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    until(lambda: "cancel AZ 1" in lines(tmp_path), run_id)
    assert ended(run_id).state == "Crashed"

    (tmp_path / "go on").touch()
    retried = again(deployed.slow, run_id)
    assert retried.state == "Completed", retried.message
    assert lines(tmp_path) == ["book", "cancel AZ 1", "book", "paid"]


def again(exported: Exported, run_id: str) -> Outcome:
    prefect("flow-run", "retry", run_id)
    return ended(run_id)


@pytest.mark.parametrize("failing", ["task", "run"])
def test_what_is_undone_is_undone_to_its_end_when_the_run_is_stopped_meanwhile(
    deployed: Deployed, tmp_path: Path, failing: str
) -> None:
    run_id = deployed.start("stopped", folder=str(tmp_path), failing=failing)
    until(lambda: len(lines(tmp_path)) > 1, run_id)
    assert lines(tmp_path) == ["book", "cancel AZ 1"]
