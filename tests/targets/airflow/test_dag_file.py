"""The generated DAG file: what it says, how it is wired, and that it is pleasant to own."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import msgspec
import pytest

from synaflow_core.errors import ExportError
from synaflow_export.files.check import compare
from synaflow_export.files.write import write_files
from synaflow_export.plan.model import PlanOptions
from synaflow_export.target import Export, Sources, get_target
from tests.targets.airflow.running import DagFolder
from tests.targets.airflow.test_running import EVERY_PARAM, LINEAR
from tests.targets.regenerating import command_in
from tests.targets.test_pylayout import complaints

pytestmark = pytest.mark.airflow

NO_PARAMS = """
    from synaflow_core import pipeline, step

    def one() -> int:
        return 1

    p = pipeline(name="bare", steps=[step("one", fn=one)])
"""


def test_tasks_and_their_order_are_the_plans(dags: DagFolder) -> None:
    exported = dags.export(LINEAR, plan=PlanOptions(granularity="step"))
    dag = dags.parse().dags["linear"]
    assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == {
        task.name: set(task.upstream) for task in exported.plan.macro_tasks
    }


@pytest.mark.parametrize("name", ["total", "t" * 120])
def test_a_task_that_only_waits_is_wired_without_an_argument(dags: DagFolder, name: str) -> None:
    """Order without data: nothing of the first is read, but the second must come after it."""
    exported = dags.export(LINEAR)
    first, second = exported.plan.macro_tasks
    first = msgspec.structs.replace(first, name=name, outputs=())
    second = msgspec.structs.replace(second, inputs=(), upstream=(name,))
    plan = msgspec.structs.replace(exported.plan, macro_tasks=(first, second))
    target = get_target("airflow")
    contract, sources = exported.loaded.contract, exported.loaded.sources
    text = target.view(Export(plan, contract, target.make_options({}), sources))[-1].text

    if name == "total":
        assert "    total_done = total()\n    squares_ref = squares()\n" in text
        assert "    total_done >> squares_ref\n" in text
    exported.dag_file.write_text(text)
    dag = dags.parse().dags["linear"]
    assert dag.task_dict["squares"].upstream_task_ids == {name}
    assert complaints(text) == ""


def test_it_is_formatted_and_clean_for_the_linter_with_its_airflow_rules(dags: DagFolder) -> None:
    for source in (LINEAR, EVERY_PARAM, NO_PARAMS):
        assert complaints(dags.export(source).text) == ""


def test_the_documentation_names_steps_and_datasets_and_reaches_airflow(dags: DagFolder) -> None:
    dags.export(LINEAR)
    dag = dags.parse().dags["linear"]
    assert "| `total`      | `numbers`     | all  | skip     |" in dag.doc_md
    assert "|              | `odds`        | each | drop     |" in dag.doc_md
    doc = dag.task_dict["total"].doc_md
    assert doc.startswith(
        "Runs steps `numbers`, `odds`, `total`; produces datasets `odds`, `total`."
    )
    assert "- `odds`: Refuse even numbers." in doc


def test_no_task_has_a_return_annotation(dags: DagFolder) -> None:
    """``-> dict`` would make Airflow push every key as an XCom."""
    tree = ast.parse(dags.export(LINEAR).text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert len(functions) == 2
    assert [function.returns for function in functions] == [None, None]


def test_params_become_typed_fields_of_the_form(dags: DagFolder) -> None:
    dags.export(EVERY_PARAM)
    params = dags.parse().dags["every_param"].params
    found = {name: (param.value, param.schema) for name, param in params.items()}
    unset = params.get_param("need").value
    unchecked = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/any",
        "definitions": {"any": {}},
    }
    assert found == {
        "need": (unset, {"type": "integer", "minimum": 1}),
        "ratio": (0.5, {"type": "number"}),
        "text": ("a 'quoted' \"text\" with {{ braces }}", {"type": "string"}),
        "flag": (False, {"type": "boolean"}),
        "names": ([], {"type": "array", "items": {"type": "string"}}),
        "sizes": ({}, {"type": "object", "additionalProperties": {"type": "integer"}}),
        "note": (None, {"type": ["null", "string"]}),
        "region": ("eu", {"type": "string", "enum": ["eu", "us"]}),
        "color": ("red", {"type": "string", "enum": ["red", "blue"]}),
        "other": (None, {"type": ["null", "string"], "enum": [None, "red", "blue"]}),
        "day": ("2024-01-02", {"type": "string", "format": "date"}),
        "at": (None, {"type": ["null", "string"], "format": "date-time", **unchecked}),
    }
    assert params.get_param("need").description == "How many."
    assert unset not in (None, 0)


def test_without_a_schedule_it_runs_on_demand_only(dags: DagFolder) -> None:
    exported = dags.export(NO_PARAMS)
    dag = dags.parse().dags["bare"]
    assert "CRON = None\n" in exported.text
    assert (dag.schedule, dag.timetable.can_be_scheduled) == (None, False)
    assert "Param" not in exported.text


def test_a_schedule_has_whole_intervals_and_a_static_start(dags: DagFolder) -> None:
    exported = dags.export(
        NO_PARAMS,
        schedule="0 2 * * *",
        timezone="Europe/Rome",
        start_date="2025-05-01",
        catchup=True,
        max_active_runs=3,
        retries=4,
        retry_delay="90s",
        timeout="2h",
        owner="data team",
        tags=("one", "two"),
        store="s3://bucket/place",
    )
    dag = dags.parse().dags["bare"]
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert dag.start_date.isoformat() == "2025-04-30T22:00:00+00:00"
    assert (dag.catchup, dag.max_active_runs, set(dag.tags)) == (True, 3, {"one", "two"})
    (task,) = dag.tasks
    assert (task.owner, task.retries, task.retry_delay.total_seconds()) == ("data team", 4, 90)
    assert task.execution_timeout.total_seconds() == 7200
    assert '"retry_delay": timedelta(seconds=90),' in exported.text
    assert '"execution_timeout": timedelta(hours=2),' in exported.text
    assert 'STORE = "s3://bucket/place"' in exported.text
    assert complaints(exported.text) == ""


def test_a_required_param_and_a_schedule_exclude_each_other(dags: DagFolder) -> None:
    with pytest.raises(ExportError) as caught:
        dags.export(LINEAR, schedule="@daily")
    (problem,) = caught.value.problems
    assert (problem.code, problem.subject) == ("required-param-with-schedule", "param 'count'")
    assert list(dags.folder.iterdir()) == []

    dags.export(LINEAR.replace("count: int\n", "count: int = 3\n"), schedule="@daily")
    assert dags.parse().dags["linear"].timetable.can_be_scheduled


def test_the_header_says_where_it_comes_from_and_how_to_make_it_again(dags: DagFolder) -> None:
    exported = dags.export(
        LINEAR.replace("count: int\n", "count: int = 3\n"),
        plan=PlanOptions(granularity="step", allow_pickle=True),
        id="other",
        schedule="0 2 * * *",
        catchup=True,
        tags=("a b", "c"),
        timeout="1h",
        store=None,
        retry_delay="5m",
    )
    header = exported.text.split('"""')[0].splitlines()
    assert header[0].startswith("# Generated by synaflow-export ")
    assert header[0].endswith(" from pipe.py")
    assert header[1:4] == [
        "# Pipeline: linear",
        f"# Contract: {exported.loaded.contract.fingerprint}",
        "# To change what it does, edit the pipeline and export it again:",
    ]
    command = " ".join(line.strip("# \\") for line in header[4:-1])
    assert command == (
        "synaflow-export airflow pipe.py --granularity step --allow-pickle --id other "
        "--schedule '0 2 * * *' --retries 0 --retry-delay 5m --timeout 1h "
        "--tag 'a b' --tag c --catchup --out DAGS_FOLDER"
    )
    dag = dags.parse().dags["other"]
    assert dag.dag_display_name == "linear"


def test_exporting_twice_gives_no_diff(dags: DagFolder, tmp_path: Path) -> None:
    exported = dags.export(LINEAR)
    again = dags.export(LINEAR)
    assert [file.text for file in exported.files] == [file.text for file in again.files]
    assert compare(again.files, dags.folder) == []


def test_edited_policies_survive_the_next_export(dags: DagFolder) -> None:
    exported = dags.export(LINEAR.replace("count: int\n", "count: int = 3\n"))
    edited = exported.text.replace("CRON = None", 'CRON = "30 6 * * 1-5"').replace(
        '"retries": 0', '"retries": 9'
    )
    exported.dag_file.write_text(edited)
    changed = LINEAR.replace("count: int\n", "count: int = 4\n")
    dags.export(changed)

    (task, _) = dags.parse().dags["linear"].tasks
    assert task.retries == 9
    assert dags.parse().dags["linear"].params["count"] == 4
    assert 'CRON = "30 6 * * 1-5"' in exported.text


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("schedule", "every day", "cron"),
        ("schedule", "61 * * * *", "cron"),
        ("schedule", "* * * *", "cron"),
        ("schedule", "*/0 * * * *", "cron"),
        ("timezone", "Mars/Olympus", "time zone"),
        ("timezone", "../../etc/passwd", "time zone"),
        ("start_date", "soon", "ISO"),
        ("start_date", "2024-01-01T00:00:00+02:00", "without zone"),
        ("catchup", "yes", "true or false"),
        ("retries", -1, "at least 0"),
        ("retries", True, "whole number"),
        ("max_active_runs", 0, "at least 1"),
        ("retry_delay", "5 parsecs", "duration"),
        ("retry_delay", -1, "duration"),
        ("timeout", "", "duration"),
        ("owner", " ", "not empty"),
        ("tags", ("x" * 101,), "100"),
        ("tags", "one", "100"),
        ("id", "a b", "letters"),
        ("id", "", "letters"),
        ("store", "s3://user:secret@bucket/x", "credential"),
        ("store", "s3://bucket/x?aws_secret_access_key=1", "credential"),
        ("airflow_version", "2", "2.10 or 2.11"),
        ("airflow_version", "2.9", "3 stands for every Airflow 3"),
        ("airflow_version", "4", "one of 2.10, 2.11, 3"),
        ("airflow_version", "3.", "one of 2.10, 2.11, 3"),
        ("airflow_version", 2.10, "in quotes"),
        ("airflow_version", True, "one of 2.10, 2.11, 3"),
        ("retry_backoff", 0.5, "1"),
        ("retry_backoff", 2, "--airflow-version 3.3"),
        ("pool", "two words", "ASCII letters"),
        ("pools", "big", "did you mean 'pool'"),
        ("queue", 3, "not empty"),
        ("pool_slots", 0, "at least 1"),
        ("priority_weight", "high", "whole number"),
        ("max_active_tis_per_dagrun", 0, "at least 1"),
        ("outlets", "some", "final, all, none"),
        ("outlet_uris", ("report",), "DATASET=URI"),
        ("outlet_uris", ("report=s3://a b",), "without spaces"),
        ("outlet_uris", ("report=s3://user:secret@bucket",), "credential"),
        ("outlet_uris", ("report=airflow://x",), "for itself"),
        ("owner", "AKIAIOSFODNN7EXAMPLE", "credential"),
        ("slots", 3, "no such option"),
        ("retrys", 1, "did you mean 'retries'"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_named(option: str, value: Any, word: str) -> None:
    with pytest.raises(ExportError, match=word) as caught:
        get_target("airflow").make_options({option: value, "owner": "x"} | {option: value})
    (problem,) = caught.value.problems
    assert problem.subject == f"option '{option}'"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "schedule",
    ["@daily", "0 2 * * *", "*/5 0-6 1,15 jan-mar mon-fri", "0 0 * * 7", "0-30/10 * * * sun"],
)
def test_schedules_that_airflow_knows_are_accepted(schedule: str) -> None:
    from airflow.timetables.interval import CronDataIntervalTimetable

    get_target("airflow").make_options({"schedule": schedule})
    CronDataIntervalTimetable(schedule, timezone="UTC").validate()


def test_all_bad_options_are_told_at_once() -> None:
    with pytest.raises(ExportError) as caught:
        get_target("airflow").make_options({"retries": -1, "owner": "", "nope": 1})
    assert len(caught.value.problems) == 3


def test_a_contract_without_code_exports_but_one_without_a_source_does_not(
    dags: DagFolder,
) -> None:
    exported = dags.export(LINEAR)
    target = get_target("airflow")
    files = target.view(
        Export(
            exported.plan,
            exported.loaded.contract,
            target.make_options({}),
            Sources("contract.json"),
        )
    )
    assert "src" not in "".join(file.path for file in files)

    homeless = msgspec.structs.replace(exported.loaded.contract, source=None)
    with pytest.raises(ExportError, match="no-source"):
        target.view(
            Export(exported.plan, homeless, target.make_options({}), Sources("contract.json"))
        )


def test_the_dag_file_may_not_hide_the_module_that_it_needs(dags: DagFolder) -> None:
    from synaflow_core.contract import Source

    exported = dags.export(LINEAR)
    target = get_target("airflow")
    contract = msgspec.structs.replace(
        exported.loaded.contract, source=Source(module="linear_dag.pipes", attribute="p")
    )
    with pytest.raises(ExportError, match="shadowed-module"):
        target.view(
            Export(exported.plan, contract, target.make_options({}), Sources("linear_dag.pipes"))
        )


def test_a_template_of_ones_own_replaces_one_file_and_its_faults_are_named(
    dags: DagFolder, tmp_path: Path
) -> None:
    exported = dags.export(LINEAR)
    target = get_target("airflow")
    options, loaded = target.make_options({}), exported.loaded
    template = tmp_path / "templates" / "airflow" / "dag.py.jinja"
    template.parent.mkdir(parents=True)

    def rendered(text: str) -> str:
        template.write_text(text)
        folder = template.parent.parent
        files = target.view(Export(exported.plan, loaded.contract, options, loaded.sources, folder))
        return files[-1].text

    assert rendered("NAME = {{ dag.timezone }}") == 'NAME = "UTC"\n'
    for broken, word in (
        ("{{ dag.nothing }}", "nothing"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% for %}", "dag.py.jinja:1"),
        ("x = = 1", "not give valid Python"),
    ):
        with pytest.raises(ExportError, match=word):
            rendered(broken)


def test_everything_of_one_export_can_be_written_anywhere(dags: DagFolder, tmp_path: Path) -> None:
    exported = dags.export(LINEAR)
    write_files(exported.files, tmp_path / "a")
    write_files(exported.files, tmp_path / "b" / "c")
    texts = [
        {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()}
        for root in (tmp_path / "a", tmp_path / "b" / "c")
    ]
    assert texts[0] == texts[1]
    assert str(tmp_path) not in "".join(texts[0].values()).replace(str(dags.store), "")


def test_the_command_in_the_header_makes_the_same_files(
    dags: DagFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synaflow_export.cli import main

    exported = dags.export(
        LINEAR.replace("count: int\n", "count: int = 3\n"),
        plan=PlanOptions(granularity="step", allow_pickle=True, on_cycle="spill"),
        id="other",
        schedule="0 2 * * *",
        catchup=True,
        tags=("a b", "c"),
        timeout="1h",
        start_date="2025-05-01",
        max_active_runs=2,
        owner="it's me",
        timezone="Europe/Rome",
        retry_delay="5m",
    )
    command = command_in(exported.text)
    assert command[0] == "synaflow-export"
    (source,) = (folder for folder in tmp_path.iterdir() if folder.name.startswith("code"))
    monkeypatch.chdir(source)
    again = [str(dags.folder) if word == "DAGS_FOLDER" else word for word in command[1:]]
    assert main([*again, "--check"]) == 0
