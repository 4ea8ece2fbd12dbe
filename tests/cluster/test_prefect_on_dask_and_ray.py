"""The sharded example on Prefect, its tasks on two workers of Dask or of Ray, of which one dies."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster.conftest import Tell
from tests.cluster.dask import WORKERS, Lose, dask
from tests.cluster.web_logs import PLAN, SHARDS, WebLogs
from tests.conformance.observed import Counts
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


@pytest.fixture
def flows(web_logs: WebLogs, tmp_path: Path) -> FlowFolder:
    """An empty folder for flows that run against the real server."""
    prefect_home()
    return FlowFolder(tmp_path)


def test_dask_gives_the_shard_of_a_lost_worker_to_another(
    web_logs: WebLogs, flows: FlowFolder, tell: Tell
) -> None:
    started = time.monotonic()
    with dask(flows.work) as (address, lose):
        up = time.monotonic() - started
        exported = flows.export_file(web_logs.pipe, plan=PLAN, task_runner="dask", retries=2)
        use(exported, "DaskTaskRunner()", f'DaskTaskRunner(address="{address}")')
        outcome, done = run_and_lose(web_logs, flows, exported, lose)
    tell("Prefect, Dask", "1 of 2 workers", tries(outcome), f"{up:.0f} s", f"{done:.0f} s")


def test_ray_runs_the_shard_of_a_lost_process_again(
    web_logs: WebLogs, flows: FlowFolder, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in RAY.items():
        monkeypatch.setenv(name, value)
    exported = flows.export_file(web_logs.pipe, plan=PLAN, task_runner="ray", retries=2)
    use(exported, "RayTaskRunner()", f"RayTaskRunner(init_kwargs={ON_LOOPBACK})")
    outcome, done = run_and_lose(
        web_logs, flows, exported, lambda working: os.kill(working[0], signal.SIGKILL)
    )
    tell("Prefect, Ray", "1 of 2 processes", tries(outcome), "-", f"{done:.0f} s")


def use(exported: Exported, made: str, wanted: str) -> None:
    """Edit the policies of the flow file, as its user does."""
    text = exported.flow_file.read_text(encoding="utf-8")
    assert text.count(made) == 1
    exported.flow_file.write_text(text.replace(made, wanted), encoding="utf-8")


def run_and_lose(
    web_logs: WebLogs, flows: FlowFolder, exported: Exported, lose: Lose
) -> tuple[Outcome, float]:
    """Run the flow, lose a worker while two are in a shard, and hold the result against run()."""
    with ThreadPoolExecutor(1) as aside:
        running = aside.submit(flows.run, exported, web_logs.params)
        try:
            working = web_logs.wait_for_workers(WORKERS, running.done)
            if not running.done():
                lose(working)
        finally:
            web_logs.release()
        outcome = running.result()
    done = time.monotonic() - web_logs.released
    assert outcome.state.startswith("Completed"), outcome.message
    assert len(working) == WORKERS
    web_logs.check(flows.outputs(exported, outcome), counts(outcome))
    return outcome, done


def counts(outcome: Outcome) -> dict[str, Counts]:
    """Counts per step, from the tables that the tasks left."""
    told = {
        key: json.loads(data)
        for key, data in outcome.artifacts.items()
        if not key.endswith(("-progress", "-datasets"))
    }
    rows = [row for table in told.values() for row in table]
    return {row["step"]: (row["status"], row["ok"], row["errors"]) for row in rows}


def tries(outcome: Outcome) -> list[int]:
    """How often Prefect started each shard: what Dask and Ray repeat by themselves is one try."""
    return [outcome.tries[f"hits {shard + 1}/{SHARDS}"] for shard in range(SHARDS)]
