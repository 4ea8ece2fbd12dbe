"""Generated DAGs on a whole Airflow 3: started over REST, run by its scheduler and executor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synaflow_core.handoff import DatasetRef, HandoffStore
from tests.targets.airflow.running import DagFolder, in_process
from tests.targets.airflow.standalone import Standalone, standalone
from tests.targets.airflow.test_running import LINEAR

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

CONSUMER = """
from airflow.sdk import DAG, Asset, task

with DAG("consumer", schedule=[Asset("linear/squares")]):

    @task
    def seen(triggering_asset_events=None):
        ((event,),) = triggering_asset_events.values()
        return event.extra

    seen()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    pytest.importorskip("airflow")
    with standalone(tmp_path_factory.mktemp("standalone")) as running:
        yield running


def test_a_run_over_rest_gives_what_run_gives_and_wakes_who_waits_for_its_result(
    server: Standalone, tmp_path: Path
) -> None:
    dags = DagFolder(server, tmp_path)
    (dags.folder / "consumer.py").write_text(CONSUMER)
    exported = dags.export(LINEAR)
    params = {"count": 10, "double": True}

    run_id = server.trigger("linear", params)
    assert server.wait_for_run("linear", run_id)["state"] == "success"
    assert server.tasks("linear", run_id) == {"total": ("success", 1), "squares": ("success", 1)}
    reference = server.xcom("linear", run_id, "squares")
    store = HandoffStore(str(dags.store))
    squares = list(store.read(DatasetRef.from_dict(reference), int))
    assert squares == in_process(exported, params)["squares"] == [4, 36, 100, 196, 324]

    woken = server.wait_for_run("consumer")
    assert woken["state"] == "success"
    assert server.xcom("consumer", woken["dag_run_id"], "seen") == {
        "rows": 5,
        "uri": reference["uri"],
        "errors": 0,
    }
