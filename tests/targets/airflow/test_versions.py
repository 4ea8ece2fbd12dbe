"""What depends on the version of Airflow: by option, on a real Airflow of each major version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synaflow_core.errors import ExportError
from synaflow_export.plan.model import PlanOptions
from synaflow_export.target import get_target
from tests.targets.airflow.running import DagFolder, in_process, on_both
from tests.targets.airflow.test_golden import GROUPS
from tests.targets.airflow.test_hostile import contract_of_names, dag_text
from tests.targets.airflow.test_running import LINEAR

pytestmark = pytest.mark.airflow


@on_both
def test_included_pipelines_are_nested_groups_and_their_tasks_run(dags: DagFolder) -> None:
    exported = dags.export(GROUPS, plan=PlanOptions(granularity="step"))
    seen = dags.describe("groups")

    assert seen["groups"] == ["counted", "counted.long"]
    assert {name: task["upstream"] for name, task in seen["tasks"].items()} == {
        "read": [],
        "counted.cleaned": ["read"],
        "counted.long.words": ["counted.cleaned"],
        "counted.long.long": ["counted.long.words"],
        "counted.counted": ["counted.long.long"],
        "report": ["counted.counted", "read"],
    }
    assert "| `counted.long.words` " in exported.text
    outcome = dags.run("groups")
    assert outcome.state == "success", outcome.output
    assert dags.outputs(exported, outcome) == in_process(exported)


@on_both
def test_options_of_the_pipeline_and_of_single_tasks_reach_the_operators(dags: DagFolder) -> None:
    version = {"3": "3.3"}.get(dags.airflow.version, dags.airflow.version)
    dags.export(
        LINEAR,
        airflow_version=version,
        retries=3,
        retry_delay="2m",
        retry_backoff=2,
        max_retry_delay="1h",
        pool="default_pool",
        queue="large",
        concurrency=3,
        timeout="2h",
        owner="data team",
        tasks={
            "squares": {
                "retries": 0,
                "retry_backoff": 1,
                "pool_slots": 2,
                "priority_weight": 7,
                "max_active_tis_per_dagrun": 1,
                "timeout": "30s",
                "owner": "research",
                "queue": "large",
            }
        },
    )
    seen = dags.describe("linear")
    assert seen["max_active_tasks"] == 3
    tasks = seen["tasks"]
    common: dict[str, Any] = {"retry_delay": 120, "max_retry_delay": 3600, "queue": "large"}
    expected = {
        "total": {
            **common,
            "owner": "data team",
            "retries": 3,
            "retry_exponential_backoff": 2,
            "execution_timeout": 7200,
            "pool": "default_pool",
            "pool_slots": 1,
            "priority_weight": 1,
            "max_active_tis_per_dagrun": None,
        },
        "squares": {
            **common,
            "owner": "research",
            "retries": 0,
            "retry_exponential_backoff": False,
            "execution_timeout": 30,
            "pool_slots": 2,
            "priority_weight": 7,
            "max_active_tis_per_dagrun": 1,
        },
    }
    if dags.airflow.version != "3":
        expected["total"]["retry_exponential_backoff"] = True
    found = {name: {key: tasks[name][key] for key in keys} for name, keys in expected.items()}
    assert found == expected
    assert tasks["total"]["doc_md"].startswith("Runs steps `numbers`, `odds`, `total`")


@on_both
def test_final_datasets_are_announced_with_rows_errors_and_place(dags: DagFolder) -> None:
    dags.export(LINEAR)
    outcome = dags.run("linear", {"count": 10})
    assert outcome.state == "success", outcome.output
    assert outcome.events == [
        ("linear/total", {"rows": 1, "uri": outcome.xcoms["total", "total"]["uri"], "errors": 0}),
        (
            "linear/squares",
            {"rows": 5, "uri": outcome.xcoms["squares", "return_value"]["uri"], "errors": 0},
        ),
    ]


@on_both
def test_what_is_announced_and_as_what_is_an_option(dags: DagFolder) -> None:
    own = ("odds=s3://warehouse/odds",)
    exported = dags.export(LINEAR, outlets="none", outlet_uris=own)
    assert dags.describe("linear")["tasks"]["total"]["outlets"] == ["s3://warehouse/odds"]
    outcome = dags.run("linear", {"count": 10})
    (event,) = outcome.events
    assert (event[0], event[1]["rows"], event[1]["errors"]) == ("s3://warehouse/odds", 5, 5)
    for flag in ("--outlets none", "--outlet-uri odds=s3://warehouse/odds"):
        assert flag in exported.text  # on one line or two, as the path of the store is long

    dags.export(LINEAR, outlets="all")
    tasks = dags.describe("linear")["tasks"]
    assert tasks["total"]["outlets"] == ["linear/odds", "linear/total"]

    assert "OUTLETS" not in dags.export(LINEAR, outlets="none").text
    assert dags.run("linear", {"count": 10}).events == []


@on_both
def test_a_dataset_that_its_step_did_not_make_is_announced_without_a_place(
    dags: DagFolder,
) -> None:
    dags.export(LINEAR.replace("return sum(odds)", "return 1 // 0"))
    outcome = dags.run("linear", {"count": 3})
    assert outcome.state == "success", outcome.output
    assert outcome.events[0] == ("linear/total", {"rows": 0, "uri": None, "errors": None})


def test_uris_for_datasets_that_are_not_there_are_named(dags: DagFolder) -> None:
    wrong = ("oods=s3://b/odds", "odds=s3://b/x", "total=s3://b/x")
    with pytest.raises(ExportError) as caught:
        dags.export(LINEAR, outlet_uris=wrong)
    assert [(problem.code, problem.hint) for problem in caught.value.problems] == [
        ("unknown-dataset", "did you mean 'odds'?"),
        ("uri-taken", "give each dataset a URI of its own"),
    ]


@pytest.mark.parametrize(
    ("version", "factor", "written"),
    [
        ("2.10", 2, "True"),
        ("2.11", 1.5, None),
        ("3", 2, None),
        ("3.0", 2, "True"),
        ("3.1", 3, None),
        ("3.2", 3, "3"),
        ("3.3", 1.5, "1.5"),
    ],
)
def test_a_growing_delay_is_written_as_the_version_wants_it_or_refused(
    dags: DagFolder, version: str, factor: float, written: str | None
) -> None:
    if written is not None:
        exported = dags.export(LINEAR, retry_backoff=factor, airflow_version=version)
        assert f'"retry_exponential_backoff": {written},' in exported.text
        return
    for values in ({"retry_backoff": factor}, {"tasks": {"total": {"retry_backoff": factor}}}):
        with pytest.raises(ExportError) as caught:
            get_target("airflow").make_options({**values, "airflow_version": version})
        (problem,) = caught.value.problems
        assert (problem.subject, problem.code) == ("option 'retry_backoff'", "cannot-be-honoured")


@on_both
def test_a_group_is_entered_again_where_others_stand_between_its_tasks(
    dags: DagFolder, tmp_path: Path
) -> None:
    steps = [(name, "") for name in ("x", "long", "y", "z", "v", "w")]
    scopes = [["a"], [], ["a"], ["a", "long"], ["a", "long"], ["b"]]
    contract = contract_of_names("chain", steps, {}, "", scopes)
    file = tmp_path / "chain_dag.py"
    file.write_text(dag_text(contract, "pipe.py", "step", airflow_version=dags.airflow.version))

    told = dags.airflow.load(file=str(file))
    assert told["groups"] == ["a", "a.long_"]  # no group for a single task, no second "long"
    work = {name: task for name, task in told["tasks"].items() if not task["is_teardown"]}
    assert {name: task["upstream"] for name, task in work.items()} == {
        "a.x": [],
        "long": ["a.x"],
        "a.y": ["long"],
        "a.long_.z": ["a.y"],
        "a.long_.v": ["a.long_.z"],
        "w": ["a.long_.v"],
    }
