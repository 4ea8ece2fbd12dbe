"""Airflow with Celery, PostgreSQL and Redis loses workers, and does or undoes what they did."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.handoff import HandoffStore
from synaflow_export.rehearse import results
from tests.cluster.celery_airflow import WORKERS, Celery, celery
from tests.cluster.conftest import Tell
from tests.cluster.trip import DONE, PAID, RESULT, SEATS, TRIP, UNDONE, Trip, check_without_a_shard
from tests.cluster.web_logs import PLAN, SHARDS, WebLogs
from tests.conformance.observed import Counts, counts_of
from tests.conformance.runners.airflow import references
from tests.processes import wait_for
from tests.targets.airflow.running import DagFolder, Exported

pytestmark = [pytest.mark.cluster]

CLUSTER, LOST = "Airflow, Celery", "1 of 2 workers"


@pytest.fixture(scope="module")
def running(
    made_web_logs: WebLogs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Celery, float]]:
    """The cluster, and how many seconds it took to start."""
    started = time.monotonic()
    with celery(tmp_path_factory.mktemp("celery") / "airflow", made_web_logs.environment) as made:
        yield made, time.monotonic() - started


@pytest.fixture
def cluster(running: tuple[Celery, float]) -> Celery:
    """Two workers, of which every loss is made up for."""
    return running[0]


@pytest.fixture
def dags(cluster: Celery, tmp_path: Path) -> DagFolder:
    """Its empty folder of DAGs."""
    return DagFolder(cluster.airflow, tmp_path)  # type: ignore[arg-type] # only its home and version


def test_a_lost_worker_costs_another_try_of_its_shard(
    running: tuple[Celery, float], dags: DagFolder, web_logs: WebLogs, tell: Tell
) -> None:
    cluster, up = running
    airflow = cluster.airflow
    exported = dags.export_file(web_logs.pipe, plan=PLAN, retries=2, retry_delay=1)

    run_id = airflow.trigger("web_logs", web_logs.params)
    working = web_logs.wait_for_workers(WORKERS)
    cluster.lose(working[0])
    web_logs.release()

    assert airflow.wait_for_run("web_logs", run_id)["state"] == "success"
    done = time.monotonic() - web_logs.released
    tasks = airflow.tasks("web_logs", run_id)
    assert {state for state, _ in tasks.values()} == {"success"}
    tries = [tasks[f"hits[{shard}]"][1] for shard in range(SHARDS)]
    assert sorted(tries) == [1] * (SHARDS - 1) + [2]
    counts: dict[str, Counts] = {}
    for task_id in exported.task_ids.values():
        counts |= counts_of(airflow.xcom("web_logs", run_id, task_id, "synaflow_report"))
    web_logs.check(outputs(cluster, run_id, dags, exported), counts)
    tell(CLUSTER, "web log", LOST, tries, f"{up:.0f} s", f"{done:.0f} s")


def test_a_run_that_loses_its_last_try_is_undone_and_succeeds_when_it_is_cleared(
    cluster: Celery, dags: DagFolder, tmp_path: Path, tell: Tell
) -> None:
    airflow, trip = cluster.airflow, Trip(tmp_path)
    exported = dags.export(TRIP, id="without_retries", retries=0)
    trip.hold(SEATS, PAID)
    run_id = airflow.trigger("without_retries", trip.params)
    cluster.lose(trip.wait_for(SEATS, WORKERS)[0])
    lost = lambda: "failed" in shards(cluster, "without_retries", run_id)  # noqa: E731
    wait_for(lost, "Airflow to miss the shard")
    trip.release(SEATS)
    assert airflow.wait_for_run("without_retries", run_id)["state"] == "failed"
    assert check_without_a_shard(trip.told()) == 3
    assert sorted(shards(cluster, "without_retries", run_id)) == ["failed", *["success"] * 3]

    airflow.clear("without_retries", run_id)
    cluster.lose(trip.wait_for(PAID)[0])
    trip.release(PAID)
    released = time.monotonic()
    assert airflow.wait_for_run("without_retries", run_id)["state"] == "failed"
    done = time.monotonic() - released
    assert trip.told() == [*DONE, *UNDONE]
    tell(CLUSTER, "trip, no tries left", LOST, "undone", "-", f"{done:.0f} s")

    airflow.clear("without_retries", run_id)
    assert airflow.wait_for_run("without_retries", run_id)["state"] == "success"
    assert trip.told() == [*DONE, "pay"]
    assert outputs(cluster, run_id, dags, exported) == RESULT


def test_what_a_lost_try_has_done_is_undone_before_the_next(
    cluster: Celery, dags: DagFolder, tmp_path: Path, tell: Tell
) -> None:
    airflow, trip = cluster.airflow, Trip(tmp_path)
    exported = dags.export(TRIP, id="with_a_retry", retries=1)
    trip.hold(SEATS, PAID)
    run_id = airflow.trigger("with_a_retry", trip.params)
    cluster.lose(trip.wait_for(SEATS, WORKERS)[0])
    trip.release(SEATS)
    cluster.lose(trip.wait_for(PAID)[0])
    trip.release(PAID)
    released = time.monotonic()

    assert airflow.wait_for_run("with_a_retry", run_id)["state"] == "success"
    done = time.monotonic() - released
    assert trip.told() == [*DONE, UNDONE[0], DONE[-1], "pay"]
    assert outputs(cluster, run_id, dags, exported) == RESULT
    tasks = airflow.tasks("with_a_retry", run_id)
    tries = [tasks[f"seats[{shard}]"][1] for shard in range(SHARDS)]
    assert sorted(tries) == [1, 1, 1, 2]
    assert (tasks["stay"], tasks["rollback"][0]) == (("success", 2), "skipped")
    tell(CLUSTER, "trip, one try left", LOST, f"{tries}, stay 2", "-", f"{done:.0f} s")


def shards(cluster: Celery, dag_id: str, run_id: str) -> list[str]:
    """The states of the shards."""
    tasks = cluster.airflow.tasks(dag_id, run_id).items()
    return [state for name, (state, _) in tasks if name.startswith("seats[")]


def outputs(cluster: Celery, run_id: str, dags: DagFolder, exported: Exported) -> dict[str, Any]:
    """What a run made, read from the store."""
    dag_id = exported.dag_file.name.removesuffix("_dag.py")
    xcoms = {
        (task_id, "return_value"): cluster.airflow.xcom(dag_id, run_id, task_id)
        for task_id in exported.task_ids.values()
    }
    refs = dict(references(exported.plan, exported.task_ids, xcoms))
    with exported.loaded.importable():
        return results(exported.loaded.pipeline, exported.plan, refs, HandoffStore(str(dags.store)))
