"""The sharded example on Dagster's multiprocess executor loses a process half way.

Dagster runs a process per step, and the step of a sharded macro-task one per shard; exported with
``--shard-steps``, every shard is a step of Dagster's own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.cluster.conftest import Tell
from tests.cluster.web_logs import PLAN, WebLogs
from tests.conformance.observed import Counts
from tests.processes import Processes, wait_for
from tests.targets.dagster.running import DefsFolder, Outcome

pytestmark = [pytest.mark.cluster]

WORKERS = 2


@pytest.mark.parametrize("lost", ["a shard's process", "the step's process", "a shard's step"])
def test_a_lost_process_costs_another_try_of_its_step(
    web_logs: WebLogs, tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    import dagster as dg

    with Processes(tmp_path) as processes, dg.DagsterInstance.get() as dagster:
        defs = DefsFolder(dagster, tmp_path)
        exported = defs.export_file(
            web_logs.pipe,
            plan=PLAN,
            retries=2,
            executor="multiprocess",
            concurrency=WORKERS,
            shard_steps=lost == "a shard's step",
        )
        config = tmp_path / "config.yaml"
        config.write_text(json.dumps(exported.config(web_logs.params)))  # JSON is YAML
        job = ("job", "execute", "-f", exported.file, "-j", "web_logs", "--config", config)
        running = processes.start(
            "job", sys.executable, "-m", "dagster", *job, env={**os.environ, "NO_COLOR": "1"}
        )
        working = web_logs.wait_for_workers(WORKERS)
        step = psutil.Process(working[0]).ppid()
        # the shards of a step that is gone go on for a while, beside those of its second try
        os.kill(step if lost == "the step's process" else working[0], signal.SIGKILL)
        web_logs.release()

        wait_for(lambda: running.poll() is not None, "the job")
        done = time.monotonic() - web_logs.released
        (run,) = dagster.get_runs()
        events = [entry.dagster_event for entry in dagster.all_logs(run.run_id)]
        outcome = Outcome(run.is_success, run.run_id, [event for event in events if event])
        assert outcome.success, outcome.errors()
        (again,) = outcome.steps("STEP_UP_FOR_RETRY")
        if lost == "a shard's step":
            assert again.endswith("]")  # of four shards, this one
        else:
            assert again == "web_logs__hits"
        told = outcome.reported()
        counts: dict[str, Counts] = {
            name: (row["status"], row["ok"], row["errors"]) for name, row in told.items()
        }
        web_logs.check(defs.outputs(exported, outcome), counts)
    tell("Dagster, multiprocess", "web log", lost, f"2 of {again}", "-", f"{done:.0f} s")
