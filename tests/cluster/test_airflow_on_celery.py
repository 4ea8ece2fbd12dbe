"""The sharded example on Airflow with Celery, PostgreSQL and Redis loses one of two workers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.handoff import HandoffStore
from synaflow_export.rehearse import results
from tests.cluster.celery_airflow import celery
from tests.cluster.conftest import Tell
from tests.cluster.processes import Processes, descends
from tests.cluster.web_logs import PLAN, SHARDS, WebLogs
from tests.conformance.observed import Counts, counts_of
from tests.conformance.runners.airflow import references
from tests.targets.airflow.running import DagFolder, Exported
from tests.targets.airflow.standalone import Standalone

pytestmark = [pytest.mark.cluster]


def test_a_lost_worker_costs_another_try_of_its_shard(
    web_logs: WebLogs, tmp_path: Path, tell: Tell
) -> None:
    started = time.monotonic()
    with celery(tmp_path / "airflow", web_logs.environment) as running:
        up = time.monotonic() - started
        airflow = running.airflow
        dags = DagFolder(airflow, tmp_path)  # type: ignore[arg-type] # only its home and version
        exported = dags.export_file(web_logs.pipe, plan=PLAN, retries=2, retry_delay=1)

        run_id = airflow.trigger("web_logs", web_logs.params)
        working = web_logs.wait_for_workers(len(running.workers))
        lost, *others = running.workers
        assert any(descends(pid, lost.pid) for pid in working)
        assert any(descends(pid, other.pid) for pid in working for other in others)
        Processes.lose(lost)
        web_logs.release()

        assert airflow.wait_for_run("web_logs", run_id)["state"] == "success"
        done = time.monotonic() - web_logs.released
        tasks = airflow.tasks("web_logs", run_id)
        assert {state for state, _ in tasks.values()} == {"success"}
        tries = [tasks[f"hits[{shard}]"][1] for shard in range(SHARDS)]
        assert sorted(tries) == [1] * (SHARDS - 1) + [2]
        web_logs.check(*_observed(airflow, run_id, dags, exported))
    tell("Airflow, Celery", "1 of 2 workers", tries, f"{up:.0f} s", f"{done:.0f} s")


def _observed(
    airflow: Standalone, run_id: str, dags: DagFolder, exported: Exported
) -> tuple[dict[str, Any], dict[str, Counts]]:
    """Outputs and counts, as the tasks left them with Airflow."""
    counts: dict[str, Counts] = {}
    xcoms: dict[tuple[str, str], Any] = {}
    for task_id in exported.task_ids.values():
        counts |= counts_of(airflow.xcom("web_logs", run_id, task_id, "synaflow_report"))
        xcoms[task_id, "return_value"] = airflow.xcom("web_logs", run_id, task_id)
    refs = dict(references(exported.plan, exported.task_ids, xcoms))
    with exported.loaded.importable():
        store = HandoffStore(str(dags.store))
        outputs = results(exported.loaded.pipeline, exported.plan, refs, store)
    return outputs, counts
