"""Where the tasks of a flow run: threads, processes; and which window a run covers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from synaflow_export.plan.model import PlanOptions
from synaflow_export.windows.binding import WindowSpec
from tests.targets.airflow.running import in_process
from tests.targets.airflow.test_running import LINEAR
from tests.targets.dagster.test_rollback import BOOKING
from tests.targets.prefect.running import FlowFolder, Outcome, outcome_of, prefect
from tests.targets.test_pylayout import complaints

pytestmark = pytest.mark.prefect

PIDS = '''
    import os
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step
    import helpers


    class Closed(ValueError):
        """Known only to this module."""


    class Params(NamedTuple):
        fail: bool = False


    def one() -> list[int]:
        return [os.getpid(), helpers.WORD]

    def two(one: list[int], fail: bool) -> list[int]:
        if fail:
            raise Closed("not today")
        return [*one, os.getpid()]

    def three(one: list[int]) -> list[int]:
        import late

        return [*one, os.getpid(), late.WORD]

    p = pipeline(
        "pids",
        Params,
        [step("one", one), step("two", two, on_error=OnError.STOP), step("three", three)],
    )
'''

MODULES = {"helpers.py": "WORD = 1\n", "late.py": "WORD = 2\n"}


def test_tasks_run_in_processes(flows: FlowFolder) -> None:
    exported = flows.export(
        PIDS, modules=MODULES, task_runner="processes", concurrency=2, retries=1
    )
    assert "TASK_RUNNER = ProcessPoolTaskRunner(max_workers=2)" in exported.text
    outcome = flows.run(exported)
    assert outcome.state == "Completed", outcome.message
    outputs = flows.outputs(exported, outcome)
    assert os.getpid() not in {*outputs["two"], *outputs["three"]}
    assert outputs["three"][-1] == 2

    failed = flows.run(exported, {"fail": True})
    assert failed.tries["two"] == 1
    assert failed.state == "Failed"
    assert "pipeline stopped at step 'two': Closed: not today" in failed.message


def test_threads_share_the_code_that_they_import(flows: FlowFolder) -> None:
    """Several macro-tasks at once in one process, each importing while others begin and end."""
    exported = flows.export(PIDS, modules=MODULES)
    before = set(sys.modules)
    for _ in range(3):
        outcome = flows.run(exported)
        assert outcome.state == "Completed", outcome.message
    assert not {"pipe", "helpers", "late"} & (set(sys.modules) - before)


@pytest.mark.parametrize("runner", ["dask", "ray"])
def test_other_runners_are_imported_only_where_they_are_chosen(
    flows: FlowFolder, runner: str
) -> None:
    exported = flows.export(LINEAR, task_runner=runner, concurrency=3)
    assert complaints(exported.text) == ""
    assert f"from prefect_{runner} import {runner.capitalize()}TaskRunner" in exported.text
    assert runner not in flows.export(LINEAR, id="other").text.lower().split("linear")[-1]


TRAVELLED = """
import pickle, sys

flow = pickle.load(sys.stdin.buffer)
print(flow.name, [hook.__name__ for hook in flow.on_failure_hooks])
print(flow.fn.__annotations__["seat"](number=3))
"""


def test_a_flow_travels_whole_to_workers_that_cannot_import_its_file(
    flows: FlowFolder, tmp_path: Path
) -> None:
    """As it does with the tasks that Dask and Ray are given."""
    import cloudpickle

    seat = "@dataclass(frozen=True)\n    class Seat:\n        number: int = 1\n\n\n"
    source = BOOKING.replace("class Params", f"{seat}    class Params").replace(
        'fail: str = ""', 'fail: str = ""\n        seat: Seat = Seat()'
    )
    exported = flows.export(f"    from dataclasses import dataclass\n{source}")
    flow = flows.load(exported)
    flow(log=str(tmp_path / "log"))
    command = [sys.executable, "-c", TRAVELLED]
    there = subprocess.run(
        command, input=cloudpickle.dumps(flow), capture_output=True, cwd=tmp_path, check=False
    )
    assert there.stdout.decode().splitlines() == ["booking ['undo']", "number=3"], there.stderr


WINDOWED = """
    from dataclasses import dataclass
    from datetime import date, datetime

    from synaflow_core import pipeline, step


    @dataclass(frozen=True)
    class Params:
        since: datetime
        until: datetime
        size: int = 1


    def span(since: datetime, until: datetime, size: int) -> list[str]:
        return [since.isoformat(), until.isoformat(), str(size)]


    p = pipeline("windowed", Params, [step("span", span)])
"""

DAYS = WindowSpec("day", "0 2 * * *", "Europe/Rome", {"since": "start", "until": "end"})


def next_scheduled(flows: FlowFolder, exported: Any) -> Any:
    """The next run that the server's own scheduler made; nobody takes it."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId

    prefect("work-pool", "create", "default", "--type", "process")
    prefect("--no-prompt", "deploy", "--all", cwd=flows.folder)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("windowed/windowed")
        only = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]))
        for _ in range(300):
            if runs := client.read_flow_runs(flow_run_filter=only):
                return min(runs, key=lambda run: run.expected_start_time)
            time.sleep(0.2)
    raise AssertionError("nothing was scheduled")


def run_now(flows: FlowFolder, exported: Any, run: Any) -> Outcome:
    """Run what is scheduled for later, as a worker would when it is due."""
    from prefect.client.orchestration import get_client
    from prefect.flow_engine import run_flow
    from prefect.states import Pending

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Pending(), force=True)
        run = client.read_flow_run(run.id)
    run_flow(flows.load(exported), flow_run=run, parameters=run.parameters, return_type="state")
    return outcome_of(str(run.id))


def test_a_scheduled_run_covers_the_window_that_was_over_when_it_was_due(
    flows: FlowFolder,
) -> None:
    options = {"window": "day", "bind": ("since=start", "until=end"), "schedule": "0 2 * * *"}
    exported = flows.export(
        WINDOWED, plan=PlanOptions(window=DAYS), timezone="Europe/Rome", **options
    )
    assert complaints(exported.text) == ""
    assert "since: datetime | None = None," in exported.text
    run = next_scheduled(flows, exported)

    outcome = run_now(flows, exported, run)

    assert outcome.state == "Completed", outcome.message
    since, until, size = flows.outputs(exported, outcome)["span"]
    begin, end = (datetime.fromisoformat(moment) for moment in (since, until))
    assert end.timestamp() == run.expected_start_time.timestamp()
    assert end.astimezone(ZoneInfo("Europe/Rome")).hour == 2
    assert end.replace(tzinfo=None) - begin.replace(tzinfo=None) == timedelta(days=1)
    assert size == "1"

    by_hand = flows.run(exported, {"since": since, "until": until, "size": 2})
    assert by_hand.tasks == {"span": "Completed"}  # not taken from the results of the other run
    assert by_hand.refs["span"]["uri"] == outcome.refs["span"]["uri"]
    assert flows.outputs(exported, by_hand)["span"] == [since, until, "2"]


def test_a_run_by_hand_needs_the_params_of_its_window(flows: FlowFolder) -> None:
    options = {"window": "day", "bind": ("since=start", "until=end"), "schedule": "0 2 * * *"}
    exported = flows.export(WINDOWED, plan=PlanOptions(window=DAYS), **options)
    outcome = flows.run(exported)
    assert outcome.state == "Failed"
    assert "this run has no interval to take it from" in outcome.message
    given = {"since": "2025-01-01T00:00:00Z", "until": "2025-01-02T00:00:00Z"}
    by_hand = flows.run(exported, given)
    assert flows.outputs(exported, by_hand) == in_process(exported, given)
    assert (
        "window%20since" in by_hand.refs["span"]["uri"] or "window" in by_hand.refs["span"]["uri"]
    )
