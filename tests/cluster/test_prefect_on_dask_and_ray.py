"""Prefect loses one of two workers of Dask or of Ray, and does or undoes what it did."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Tell
from tests.cluster.dask import ALLOWED_FAILURES, WORKERS, dask
from tests.cluster.trip import DONE, PAID, RESULT, SEATS, TRIP, UNDONE, Trip, check_without_a_shard
from tests.cluster.web_logs import PLAN, SHARDS, WebLogs
from tests.conformance.observed import Counts
from tests.processes import wait_for
from tests.targets.prefect.running import Exported, FlowFolder, Outcome
from tests.targets.prefect.server import prefect_home

pytestmark = [pytest.mark.cluster, pytest.mark.prefect]

RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""It tells nobody, and its processes are as urgent as the others of the test."""

ON_LOOPBACK = {
    "num_cpus": WORKERS,
    "_node_ip_address": "127.0.0.1",
    "include_dashboard": False,
}


@dataclass(frozen=True)
class Runner:
    """Where the tasks of the flows run.

    Attributes:
        name: ``dask`` or ``ray``.
        edit: What its user writes into the policies of a flow file, and what stood there.
        error: What it says when it has lost too many workers.
        lose: Loses the worker that a process belongs to.
    """

    name: str
    error: str
    edit: tuple[str, str]
    lose: Callable[[int], None]

    def use(self, exported: Exported) -> Exported:
        """Edit the policies of a flow file, as its user does."""
        text, (made, wanted) = exported.text, self.edit
        assert text.count(made) == 1
        exported.flow_file.write_text(text.replace(made, wanted), encoding="utf-8")
        return exported


@contextlib.contextmanager
def on_dask(folder: Path) -> Iterator[Runner]:
    with dask(folder) as running:
        edit = "DaskTaskRunner()", f'DaskTaskRunner(address="{running.address}")'
        yield Runner("dask", "KilledWorker", edit, running.lose)


@contextlib.contextmanager
def on_ray(_folder: Path) -> Iterator[Runner]:
    edit = "RayTaskRunner()", f"RayTaskRunner(init_kwargs={ON_LOOPBACK})"
    yield Runner("ray", "WorkerCrashedError", edit, lambda pid: os.kill(pid, signal.SIGKILL))


@pytest.fixture(params=[on_dask, on_ray])
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts Dask or Ray; the flow starts Ray by itself."""
    for name, value in RAY.items():
        monkeypatch.setenv(name, value)
    return request.param


@pytest.fixture
def flows(tmp_path: Path) -> FlowFolder:
    """An empty folder for flows that run against the real server."""
    prefect_home()
    return FlowFolder(tmp_path)


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """Runs flows while the test goes on."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


Begun = tuple[Runner, Trip, Exported, Future[Outcome]]
Begin = Callable[[int], AbstractContextManager[Begun]]


@pytest.fixture
def begin(
    start: Any, flows: FlowFolder, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> Begin:
    """Begins a trip that is held; told how often its runner may repeat a task of a lost worker."""

    @contextlib.contextmanager
    def begun(losses: int) -> Iterator[Begun]:
        monkeypatch.setenv(ALLOWED_FAILURES, str(losses))
        monkeypatch.setenv("RAY_TASK_MAX_RETRIES", str(losses))
        trip = Trip(flows.work)
        with start(flows.work) as runner:
            exported = runner.use(flows.export(TRIP, task_runner=runner.name))
            trip.hold(SEATS, PAID)
            yield runner, trip, exported, aside.submit(flows.run, exported, trip.params)

    return begun


def test_the_shard_of_a_lost_worker_goes_to_another(
    start: Any, web_logs: WebLogs, flows: FlowFolder, aside: ThreadPoolExecutor, tell: Tell
) -> None:
    with start(flows.work) as runner:
        options = {"task_runner": runner.name, "retries": 2}
        exported = runner.use(flows.export_file(web_logs.pipe, plan=PLAN, **options))
        running = aside.submit(flows.run, exported, web_logs.params)
        try:
            working = web_logs.wait_for_workers(WORKERS, running.done)
            if not running.done():
                runner.lose(working[0])
        finally:
            web_logs.release()
        outcome = running.result()
        done = time.monotonic() - web_logs.released
    assert outcome.state.startswith("Completed"), outcome.message
    assert len(working) == WORKERS
    web_logs.check(flows.outputs(exported, outcome), counts(outcome))
    tell_of(tell, runner, "web log", tries(outcome, "hits"), done)


def test_a_run_that_loses_its_last_try_is_undone_and_succeeds_when_it_is_retried(
    begin: Begin, flows: FlowFolder, aside: ThreadPoolExecutor, tell: Tell
) -> None:
    with begin(0) as (runner, trip, exported, running):
        lose(runner, trip, SEATS, running, WORKERS, until=a_task_has_crashed)
        failed = running.result()
        assert (failed.state, runner.error in failed.message) == ("Failed", True), failed.message
        check_without_a_shard(trip.told())

        running = aside.submit(flows.retry, exported, failed)
        lose(runner, trip, PAID, running)
        released = time.monotonic()
        again = running.result()
        done = time.monotonic() - released
        assert (again.state, again.tasks["stay"]) == ("Failed", "Crashed")
        assert trip.told() == [*DONE, *UNDONE]
        tell_of(tell, runner, "trip, no tries left", "undone", done)

        retried = flows.retry(exported, failed)
    assert retried.state == "Completed", retried.message
    assert trip.told() == [*DONE, "pay"]
    assert flows.outputs(exported, retried) == RESULT


def test_what_a_lost_try_has_done_is_undone_before_the_next(
    begin: Begin, flows: FlowFolder, tell: Tell
) -> None:
    with begin(1) as (runner, trip, exported, running):
        lose(runner, trip, SEATS, running, WORKERS)
        lose(runner, trip, PAID, running)
        released = time.monotonic()
        outcome = running.result()
        done = time.monotonic() - released
    assert outcome.state == "Completed", outcome.message
    assert trip.told() == [*DONE, UNDONE[0], DONE[-1], "pay"]
    assert flows.outputs(exported, outcome) == RESULT
    tell_of(tell, runner, "trip, one try left", tries(outcome, "seats"), done)


def lose(
    runner: Runner,
    trip: Trip,
    at: str,
    running: Future[Any],
    count: int = 1,
    *,
    until: Callable[[], bool] = lambda: True,
) -> None:
    """Lose the worker of one of the processes that are held at a place; the others go on.

    Args:
        runner: Where they run.
        trip: Their run.
        at: The place.
        running: The flow.
        count: How many have to be there.
        until: When the others go on.
    """
    try:
        runner.lose(trip.wait_for(at, count, running.done)[0])
        wait_for(until, "the loss to be noticed")
    finally:
        trip.release(at)


def a_task_has_crashed() -> bool:
    """Whether the server knows of one, in a flow that goes on."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter

    running = FlowRunFilter(state={"type": {"any_": ["RUNNING"]}, "name": None})
    crashed = TaskRunFilter(state={"type": {"any_": ["CRASHED"]}, "name": None})
    with get_client(sync_client=True) as client:
        return bool(client.read_task_runs(flow_run_filter=running, task_run_filter=crashed))


def counts(outcome: Outcome) -> dict[str, Counts]:
    """Counts per step, from the tables that the tasks left."""
    told = {
        key: json.loads(data)
        for key, data in outcome.artifacts.items()
        if not key.endswith(("-progress", "-datasets"))
    }
    rows = [row for table in told.values() for row in table]
    return {row["step"]: (row["status"], row["ok"], row["errors"]) for row in rows}


def tries(outcome: Outcome, shards: str) -> list[int]:
    """How often Prefect started each shard: what Dask and Ray repeat by themselves is one try."""
    return [outcome.tries[f"{shards} {shard + 1}/{SHARDS}"] for shard in range(SHARDS)]


def tell_of(tell: Tell, runner: Runner, run: str, became: object, done: float) -> None:
    """A row of the table."""
    lost = {"dask": "1 of 2 workers", "ray": "1 of 2 processes"}[runner.name]
    tell(f"Prefect, {runner.name.title()}", run, lost, became, "-", f"{done:.0f} s")
