"""Generated DAGs on whole Airflows: started over REST, run by their schedulers and executors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from synaflow_core.handoff import DatasetRef, HandoffStore
from tests.phases import exported as workflows
from tests.processes import wait_for
from tests.targets.airflow import past_windows, test_windows
from tests.targets.airflow.halves import HALVES
from tests.targets.airflow.rolling_back import SOURCE, noted, undone_after_the_work
from tests.targets.airflow.running import DagFolder, in_process
from tests.targets.airflow.standalone import Standalone
from tests.targets.airflow.starting import STARTING
from tests.targets.airflow.test_rollback import DONE, UNDONE
from tests.targets.airflow.test_running import LINEAR
from tests.targets.dagster.test_rollback import SEATS

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

CONSUMER = """
from datetime import datetime

try:
    from airflow.sdk import DAG, Asset, task
except ImportError:
    from airflow import DAG, Dataset as Asset
    from airflow.decorators import task

with DAG("consumer", schedule=[Asset("linear/squares")], start_date=datetime(2024, 1, 1)):

    @task
    def seen(triggering_asset_events=None, triggering_dataset_events=None):
        ((event,),) = (triggering_asset_events or triggering_dataset_events).values()
        return event.extra

    seen()
"""


@pytest.fixture(scope="module", params=STARTING)
def whole_airflow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standalone]:
    """One after the other; see also ``tests/conftest.py``."""
    pytest.importorskip("airflow")
    with STARTING[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def server(request: pytest.FixtureRequest, whole_airflow: Standalone) -> Iterator[Standalone]:
    """The Airflow; of a test that fails, with what its parts logged and its runs came to."""
    failed = request.session.testsfailed
    with whole_airflow.shown_if(lambda: request.session.testsfailed > failed):
        yield whole_airflow


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


def test_shards_run_beside_each_other_and_are_named(server: Standalone, tmp_path: Path) -> None:
    dags = DagFolder(server, tmp_path)
    exported = dags.export(HALVES)
    run_id = server.trigger("halves", {"count": 30})
    assert server.wait_for_run("halves", run_id)["state"] == "success"
    tasks = server.tasks("halves", run_id)
    assert [name for name in tasks if name.startswith("text[")] == [f"text[{i}]" for i in range(3)]
    place = f"/dags/halves/dagRuns/{run_id}/taskInstances/text/listMapped"
    labels = [task["rendered_map_index"] for task in server.get(place)["task_instances"]]
    assert sorted(labels) == ["1/3", "2/3", "3/3"]
    total = DatasetRef.from_dict(server.xcom("halves", run_id, "total"))
    read = HandoffStore(str(dags.store)).read_value(total, float)
    assert read == in_process(exported, {"count": 30})["total"]


@pytest.fixture
def undoing(server: Standalone, tmp_path: Path) -> DagFolder:
    dags = DagFolder(server, tmp_path)
    dags.export(SOURCE, id=f"undoing_{tmp_path.name}")
    return dags


def dag_id_of(dags: DagFolder) -> str:
    return next(file.name for file in dags.folder.glob("*_dag.py")).removesuffix("_dag.py")


def test_a_run_with_a_killed_task_is_undone_and_cleared_as_a_whole_it_succeeds(
    server: Standalone, undoing: DagFolder, tmp_path: Path
) -> None:
    dag_id = dag_id_of(undoing)
    run_id = server.trigger(dag_id, {"folder": str(tmp_path), "how": "killed"})
    assert server.wait_for_run(dag_id, run_id)["state"] == "failed"
    first = [*DONE, "publish fails", *UNDONE]
    assert noted(tmp_path) == first
    assert server.tasks(dag_id, run_id)["rollback"] == ("success", 1)
    if server.version == "3":  # Airflow 2 knows that it is gone
        assert "task 'publish': no word of its end in" in server.log(dag_id, run_id, "rollback", 1)

    (tmp_path / "mended").touch()
    server.clear(dag_id, run_id)
    assert server.wait_for_run(dag_id, run_id)["state"] == "success"
    assert noted(tmp_path) == [*first, *DONE, "publish"]
    result = DatasetRef.from_dict(server.xcom(dag_id, run_id, "publish"))
    assert HandoffStore(str(undoing.store)).read_value(result, str) == "RECEIPT"


def test_an_upload_that_was_undone_is_done_again_when_its_run_is_cleared(
    server: Standalone, tmp_path: Path
) -> None:
    dags = DagFolder(server, tmp_path)
    dags.export(workflows.GUARDED, modules=workflows.MODULES)
    run_id = server.trigger("guarded", workflows.upload(tmp_path, blocked=True))
    assert server.wait_for_run("guarded", run_id)["state"] == "failed"
    assert server.tasks("guarded", run_id)["upload"] == ("success", 1)
    assert workflows.uploaded(tmp_path) == []
    assert told_progress(server, run_id, 1) == [5, 15, 95]  # as far as its phases came

    workflows.unblock(tmp_path)
    server.clear("guarded", run_id)
    assert server.wait_for_run("guarded", run_id)["state"] == "success"
    assert workflows.uploaded(tmp_path) == workflows.COMPLETE
    assert told_progress(server, run_id, 2) == [5, 15, 95, 100]


def told_progress(server: Standalone, run_id: str, attempt: int) -> list[int]:
    """How much of the run was done after each phase, in percent, as the logs of its tasks say."""
    logs = [server.log("guarded", run_id, phase, attempt) for phase in workflows.UPLOADING]
    return [int(share) for log in logs for share in re.findall(r"it is (\d+)% of the run", log)]


def test_one_of_four_shards_fails_and_cleared_as_a_whole_the_run_succeeds(
    server: Standalone, tmp_path: Path
) -> None:
    dags = DagFolder(server, tmp_path)
    exported = dags.export(SEATS)
    log, fail = tmp_path / "log", tmp_path / "fail"
    fail.touch()
    params = {"log": str(log), "fail": str(fail)}
    run_id = server.trigger("seats", params)
    assert server.wait_for_run("seats", run_id)["state"] == "failed"
    told = log.read_text().splitlines()
    assert sorted(told[:3]) == ["book 1", "book 2", "book 4"]
    assert sorted(told[3:]) == ["cancel 1", "cancel 2", "cancel 4"]
    assert server.tasks("seats", run_id)["rollback"] == ("success", 1)

    fail.unlink()
    log.unlink()
    server.clear("seats", run_id)
    assert server.wait_for_run("seats", run_id)["state"] == "success"
    assert sorted(log.read_text().splitlines()) == ["book 1", "book 2", "book 3", "book 4"]
    count = DatasetRef.from_dict(server.xcom("seats", run_id, exported.task_ids["count"]))
    assert HandoffStore(str(dags.store)).read_value(count, int) == 4


def test_a_run_that_is_cleared_and_cut_into_fewer_shards_is_left_alone(
    server: Standalone, tmp_path: Path
) -> None:
    """Airflow then keeps the instances that there are no shards for, as removed."""
    if server.version != "3":
        pytest.skip("Airflow 2 ends such a run itself: a task waits for removed instances for ever")
    dags = DagFolder(server, tmp_path)
    source = SEATS.replace("seats() -> list[int]:", "seats(fail: str) -> list[int]:")
    some = source.replace("[1, 2, 3, 4]", "[1, 2, 3, 4] if not Path(fail).exists() else [1, 2]")
    dags.export(some.replace('"seats",\n        Params', '"fewer",\n        Params'))
    log, fail = tmp_path / "log", tmp_path / "fail"
    run_id = server.trigger("fewer", {"log": str(log), "fail": str(fail)})
    assert server.wait_for_run("fewer", run_id)["state"] == "success"
    fail.touch()
    log.unlink()
    server.clear("fewer", run_id)
    assert server.wait_for_run("fewer", run_id)["state"] == "success"
    states = {name: state for name, (state, _) in server.tasks("fewer", run_id).items()}
    assert [states[f"booked[{index}]"] for index in range(4)] == [
        *["success"] * 2,
        *["removed"] * 2,
    ]
    assert (states["rollback"], states["complete"]) == ("skipped", "success")
    told = sorted(log.read_text().splitlines())
    assert told == ["book 1", "book 2", *(f"cancel {seat}" for seat in (1, 2, 3, 4))]


def test_a_run_does_not_end_green_while_other_work_of_it_is_undone(
    server: Standalone, tmp_path: Path
) -> None:
    """Only the failed task is done again, and it needs nothing of what was undone."""
    source = SOURCE.replace("load, rollback=unload", "load").replace(
        "def publish(send: str", "def publish(load: list[int]"
    )
    dags = DagFolder(server, tmp_path)
    dags.export(source.replace("return send.upper()", "return str(load)"), id="partly")
    run_id = server.trigger("partly", {"folder": str(tmp_path), "how": "ValueError"})
    server.wait_for_run("partly", run_id)
    (tmp_path / "mended").touch()
    server.clear_failed("partly", run_id)
    assert server.wait_for_run("partly", run_id)["state"] == "failed"
    tasks = server.tasks("partly", run_id)
    assert (tasks["publish"][0], tasks["complete"][0]) == ("success", "failed")
    assert sorted(noted(tmp_path)) == sorted(
        ["load", "send", "publish fails", "undo send receipt", "publish"]
    )


def test_a_run_that_is_stopped_by_hand_is_undone_and_cleared_it_succeeds(
    server: Standalone, undoing: DagFolder, tmp_path: Path
) -> None:
    dag_id = dag_id_of(undoing)
    run_id = server.trigger(dag_id, {"folder": str(tmp_path), "how": "slow"})
    wait_for(lambda: "publish fails" in noted(tmp_path), "the task to begin")
    server.fail(dag_id, run_id)
    wait_for(lambda: noted(tmp_path)[-1] == UNDONE[-1], "the rollback")
    assert noted(tmp_path) == [*DONE, "publish fails", *UNDONE]
    assert undone_after_the_work(tmp_path)
    assert server.wait_for_run(dag_id, run_id)["state"] == "failed"

    (tmp_path / "mended").touch()
    server.clear(dag_id, run_id)
    assert server.wait_for_run(dag_id, run_id)["state"] == "success"
    assert noted(tmp_path) == [*DONE, "publish fails", *UNDONE, *DONE, "publish"]


STOPPED = """
    import os
    import signal
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        folder: str


    def note(folder: str, text: str) -> None:
        with (Path(folder) / "log").open("a") as log:
            log.write(text + "\\n")


    def load(folder: str) -> int:
        note(folder, "load")
        return 1


    def unload(load: int, folder: str, repeated: bool) -> None:
        os.kill(os.getpid(), signal.SIGTERM)  # as Airflow does it
        note(folder, f"undo load{' again' if repeated else ''}")


    def send(load: int, folder: str) -> int:
        raise ValueError("no")


    p = pipeline(
        "stopped",
        Params,
        [
            step("load", load, rollback=unload, macro_task="whole"),
            step("send", send, on_error=OnError.STOP, macro_task="whole"),
        ],
    )
"""


def test_a_task_that_is_stopped_while_it_undoes_its_work_does_so_to_the_end(
    server: Standalone, tmp_path: Path
) -> None:
    DagFolder(server, tmp_path).export(STOPPED)
    run_id = server.trigger("stopped", {"folder": str(tmp_path)})
    assert server.wait_for_run("stopped", run_id)["state"] == "failed"
    assert noted(tmp_path) == ["load", "undo load"]
    assert server.tasks("stopped", run_id)["rollback"] == ("success", 1)


def test_the_command_for_past_windows_gives_each_what_run_gives_and_again_the_same(
    server: Standalone, tmp_path: Path
) -> None:
    dags = DagFolder(server, tmp_path)
    exported = test_windows.exported(dags, id="past.events")
    server.wait_for_dag("past.events")
    first = past_windows.made_up_for(server, dags, exported, "past.events")
    assert list(first.values()) == [
        in_process(exported, day)["summary"] for day in past_windows.DAYS
    ]
    assert first["2024-06-02"] == "3 events, 63600"
    keys = set(past_windows.summaries(dags))
    assert past_windows.made_up_for(server, dags, exported, "past.events") == first
    assert set(past_windows.summaries(dags)) == keys
