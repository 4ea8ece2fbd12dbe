"""The generated definitions file: what Dagster reads in it, and that it is pleasant to own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from synaflow_core.errors import ExportError
from synaflow_export.files.check import compare
from synaflow_export.plan.model import PlanOptions
from synaflow_export.target import Export, Sources, get_target
from tests.targets.airflow.test_golden import SUBPIPELINES
from tests.targets.airflow.test_running import LINEAR
from tests.targets.dagster.running import DefsFolder, Exported, import_file
from tests.targets.regenerating import command_in
from tests.targets.test_pylayout import complaints

NO_PARAMS = """
    from synaflow_core import pipeline, step

    def one() -> int:
        return 1

    p = pipeline(name="bare", steps=[step("one", fn=one)])
"""

WITH_DEFAULT = LINEAR.replace("count: int\n", "count: int = 3\n")


def specs(exported: Exported) -> dict[str, Any]:
    """Key, written with slashes -> specification of the asset."""
    graph = import_file(exported.file).defs.resolve_asset_graph()
    return {node.key.to_user_string(): node for node in graph.asset_nodes}


def test_every_dataset_is_an_asset_with_its_own_lineage(defs: DefsFolder) -> None:
    found = specs(defs.export(LINEAR))
    parents = {
        key: sorted(parent.to_user_string() for parent in node.parent_keys)
        for key, node in found.items()
    }
    assert parents == {
        "linear/odds": [],
        "linear/total": ["linear/odds"],
        "linear/squares": ["linear/odds"],
    }
    assert {node.group_name for node in found.values()} == {"linear"}
    assert all(node.kinds == {"python", "synaflow"} for node in found.values())
    assert found["linear/odds"].description == "Refuse even numbers."


def test_an_included_pipeline_is_a_group_and_a_prefix_of_its_own(defs: DefsFolder) -> None:
    found = specs(defs.export(SUBPIPELINES, name="pipe.py", plan=PlanOptions()))
    groups = {key: node.group_name for key, node in found.items()}
    assert groups == {
        "Sub_pipelines_/read": "Sub_pipelines_",
        "Sub_pipelines_/cleaned/params__rows": "Sub_pipelines_/cleaned",
        "Sub_pipelines_/cleaned/params__limit": "Sub_pipelines_/cleaned",
        "Sub_pipelines_/cleaned/stripped": "Sub_pipelines_/cleaned",
        "Sub_pipelines_/cleaned": "Sub_pipelines_/cleaned",
        "Sub_pipelines_/write": "Sub_pipelines_",
        "Sub_pipelines_/count": "Sub_pipelines_",
    }


def test_a_task_that_only_waits_depends_without_an_argument(defs: DefsFolder) -> None:
    """Order without data: nothing of the first is read, but the second must come after it."""
    exported = defs.export(LINEAR)
    first, second = exported.plan.macro_tasks
    first = msgspec.structs.replace(first, outputs=())
    second = msgspec.structs.replace(second, inputs=())
    plan = msgspec.structs.replace(exported.plan, macro_tasks=(first, second))
    target = get_target("dagster")
    loaded = exported.loaded
    view = target.view(Export(plan, loaded.contract, target.make_options({}), loaded.sources))
    for file in view:
        (defs.folder / file.path).write_text(file.text)

    assert complaints(view[-1].text) == ""
    found = specs(exported)
    assert set(found) == {"linear/total", "linear/squares"}
    assert {key.to_user_string() for key in found["linear/squares"].parent_keys} == {"linear/total"}


def test_definitions_show_the_inner_steps_and_link_to_their_source(defs: DefsFolder) -> None:
    exported = defs.export(LINEAR)
    metadata = specs(exported)["linear/total"].metadata
    rows = [row.data for row in metadata["synaflow/steps"].records]
    assert rows == [
        {"step": "numbers", "called": "once", "on error": "skip", "about": "Count up."},
        {"step": "odds", "called": "per item", "on error": "drop", "about": "Refuse even numbers."},
        {"step": "total", "called": "once", "on error": "skip", "about": ""},
    ]
    links = metadata["dagster/code_references"].code_references
    source = exported.file.parent / "src" / "pipe.py"
    lines = source.read_text().splitlines()
    assert {link.label: lines[link.line_number - 1].partition("(")[0] for link in links} == {
        "numbers": "def numbers",
        "odds": "def odd",
        "total": "def total",
    }
    assert {link.file_path for link in links} == {str(source.resolve())}


def test_loading_imports_neither_the_users_code_nor_what_only_runs_need(defs: DefsFolder) -> None:
    exported = defs.export(LINEAR)
    source = exported.file.parent / "src" / "pipe.py"
    source.write_text("raise SystemExit('the code of the user was imported')\n")
    code = (
        "import sys, warnings, runpy\nimport dagster, pydantic\nbefore = set(sys.modules)\n"
        "warnings.simplefilter('error')\n"
        f"runpy.run_path({str(exported.file)!r})\n"
        "print(*sorted(m for m in set(sys.modules) - before if '.' not in m or 'synaflow' in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    top = {name.partition(".")[0] for name in loaded}
    assert top.isdisjoint({"fsspec", "networkx", "jinja2", "typer", "pandas", "pyarrow", "pipe"})
    assert "synaflow_export.runtime.exported" not in loaded
    assert {name for name in loaded if name.startswith("synaflow_export")} <= {
        "synaflow_export",
        "synaflow_export.runtime",
        *(f"synaflow_export.runtime.dagster{name}" for name in LIGHT),
    }


LIGHT = (
    "",
    ".export",
    ".io_manager",
    ".params",
    ".place",
    ".rollback",
    ".running",
    ".shard_steps",
)


def test_it_is_formatted_and_clean_for_the_linter(defs: DefsFolder) -> None:
    for source in (LINEAR, NO_PARAMS, SUBPIPELINES):
        assert complaints(defs.export(source).text) == ""


def test_options_reach_dagster(defs: DefsFolder) -> None:
    import dagster as dg

    exported = defs.export(
        WITH_DEFAULT,
        schedule="0 2 * * *",
        timezone="Europe/Rome",
        retries=4,
        retry_delay="90s",
        retry_backoff=2,
        owner="data",
        tags=("nightly", "domain=numbers"),
        pool="db",
        executor="in_process",
        max_runtime="1h",
        id="evening",
        tasks={"squares": {"retries": 0, "owner": "ada@example.org", "pool": "cpu"}},
    )
    module = import_file(exported.file)
    found = specs(exported)
    assert set(found) == {"evening/odds", "evening/total", "evening/squares"}
    assert found["evening/odds"].owners == ["team:data"]
    assert found["evening/squares"].owners == ["ada@example.org"]
    tags = found["evening/odds"].tags
    assert (tags["nightly"], tags["domain"]) == ("", "numbers")
    assert (found["evening/odds"].pools, found["evening/squares"].pools) == ({"db"}, {"cpu"})
    assert module.total.op.retry_policy == dg.RetryPolicy(
        max_retries=4, delay=90, backoff=dg.Backoff.EXPONENTIAL
    )
    assert module.squares.op.retry_policy.max_retries == 0
    job = module.defs.resolve_job_def("evening")
    assert job.executor_def is dg.in_process_executor
    assert job.tags["dagster/max_runtime"] == "3600"
    (schedule,) = module.defs.schedules
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Europe/Rome")


def test_several_steps_at_a_time_are_processes_that_have_dagster_already(defs: DefsFolder) -> None:
    module = import_file(defs.export(NO_PARAMS, concurrency=3).file)
    assert module.EXECUTOR.name == "multiprocess"
    assert '"max_concurrent": 3' in defs.export(NO_PARAMS, concurrency=3).text


def test_without_a_schedule_it_runs_on_demand_only(defs: DefsFolder) -> None:
    module = import_file(defs.export(NO_PARAMS).file)
    assert module.CRON is None
    assert module.defs.schedules == []


def test_a_required_param_and_a_schedule_exclude_each_other(defs: DefsFolder) -> None:
    with pytest.raises(ExportError) as caught:
        defs.export(LINEAR, schedule="@daily")
    (problem,) = caught.value.problems
    assert (problem.code, problem.subject) == ("required-param-with-schedule", "param 'count'")
    assert not defs.folder.exists()


def test_edited_policies_survive_the_next_export(defs: DefsFolder) -> None:
    exported = defs.export(WITH_DEFAULT)
    edited = exported.text.replace("CRON = None", 'CRON = "30 6 * * 1-5"').replace(
        "max_retries=0", "max_retries=9"
    )
    exported.file.write_text(edited)
    defs.export(WITH_DEFAULT.replace("count: int = 3\n", "count: int = 4\n"))

    module = import_file(exported.file)
    assert module.squares.op.retry_policy.max_retries == 9
    assert module.LinearParams().count == 4
    assert [schedule.cron_schedule for schedule in module.defs.schedules] == ["30 6 * * 1-5"]


def test_exporting_twice_gives_no_diff(defs: DefsFolder) -> None:
    exported, again = defs.export(LINEAR), defs.export(LINEAR)
    assert [file.text for file in exported.files] == [file.text for file in again.files]
    assert compare(again.files, defs.folder) == []


def test_the_command_in_the_header_makes_the_same_files(
    defs: DefsFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synaflow_export.cli import main

    exported = defs.export(
        WITH_DEFAULT,
        plan=PlanOptions(granularity="step", allow_pickle=True, on_cycle="spill"),
        id="other",
        schedule="0 2 * * *",
        tags=("a", "c=d"),
        owner="it's me",
        timezone="Europe/Rome",
        retry_delay="5m",
        retry_backoff=2,
        executor="multiprocess",
        concurrency=2,
        max_runtime="2h",
        pool="p",
    )
    command = command_in(exported.text)
    assert command[:2] == ["synaflow-export", "dagster"]
    (source,) = (folder for folder in tmp_path.iterdir() if folder.name.startswith("code"))
    monkeypatch.chdir(source)
    again = [str(defs.folder) if word == "DEFS_FOLDER" else word for word in command[1:]]
    assert main([*again, "--check"]) == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"timeout": "1h"}, "--max-runtime"),
        ({"queue": "big"}, "dagster-celery"),
        ({"catchup": True}, "makes up for nothing"),
        ({"max_active_runs": 3}, "dagster.yaml"),
        ({"start_date": "2025-01-01"}, "no first moment"),
        ({"retry_backoff": 1.5}, "1 or 2"),
        ({"tags": ("a tag",)}, "63 letters"),
        ({"executor": "celery"}, "in_process"),
        ({"executor": "in_process", "concurrency": 2}, "one step at a time"),
        ({"work_pool": "x"}, "no such option"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_named(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ExportError, match=word) as caught:
        get_target("dagster").make_options(options)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("id", ["team.names-v2", "config", "class", "x" * 49, "a-b"])
def test_an_id_that_is_no_name_in_dagster_is_refused(defs: DefsFolder, id: str) -> None:
    with pytest.raises(ExportError, match="--id"):
        defs.export(NO_PARAMS, id=id)
    assert not defs.folder.exists()


@pytest.mark.parametrize("name", ["config", "dict", "class", "x" * 200, "größe", "a.b-c d"])
def test_any_pipeline_name_becomes_one_that_dagster_takes(defs: DefsFolder, name: str) -> None:
    exported = defs.export(NO_PARAMS.replace('"bare"', repr(name)))
    assert defs.run(exported).success


@pytest.mark.parametrize(
    "schedule",
    ["@daily", "0 2 * * *", "*/5 0-6 1,15 jan-mar mon-fri", "0 0 * * 7", "0-30/10 * * * sun"],
)
def test_schedules_that_are_accepted_are_known_to_dagster(defs: DefsFolder, schedule: str) -> None:
    (found,) = import_file(defs.export(NO_PARAMS, schedule=schedule).file).defs.schedules
    assert found.cron_schedule == schedule


def test_the_file_may_not_hide_the_module_that_it_needs(defs: DefsFolder) -> None:
    from synaflow_core.contract import Source

    exported = defs.export(LINEAR)
    target = get_target("dagster")
    contract = msgspec.structs.replace(
        exported.loaded.contract, source=Source(module="definitions", attribute="p")
    )
    options = target.make_options({})
    with pytest.raises(ExportError, match="shadowed-module"):
        target.view(Export(exported.plan, contract, options, Sources("definitions")))


def test_a_folder_that_is_not_whole_says_what_is_missing(defs: DefsFolder) -> None:
    exported = defs.export(LINEAR)
    (exported.file.parent / "plan.json").unlink()
    with pytest.raises(FileNotFoundError, match="deploy the whole folder"):
        import_file(exported.file)
