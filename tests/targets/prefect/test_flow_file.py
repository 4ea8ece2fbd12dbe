"""The generated flow file and deployment: what they say, and that they are pleasant to own."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from synaflow_core.errors import ExportError
from synaflow_export.files.check import compare
from synaflow_export.plan.model import PlanOptions
from synaflow_export.target import get_target
from tests.targets.airflow.test_running import EVERY_PARAM, LINEAR
from tests.targets.prefect.running import FlowFolder
from tests.targets.regenerating import command_in
from tests.targets.test_pylayout import complaints

pytestmark = pytest.mark.prefect

OPTIONAL = LINEAR.replace("count: int\n", "count: int = 3\n")


def entries(flows: FlowFolder) -> dict[str, dict[str, Any]]:
    """Name -> deployment, as YAML readers see them."""
    text = (flows.folder / "prefect.yaml").read_text(encoding="utf-8")
    return {entry["name"]: entry for entry in yaml.safe_load(text)["deployments"]}


def test_the_form_has_types_bounds_choices_defaults_and_descriptions(flows: FlowFolder) -> None:
    schema = flows.load(flows.export(EVERY_PARAM)).parameters
    found = {
        name: {key: rule for key, rule in field.items() if key not in ("position", "title")}
        for name, field in schema.properties.items()
    }
    null = {"type": "null"}
    assert schema.required == ["need"]
    assert found == {
        "need": {"type": "integer", "minimum": 1, "description": "How many."},
        "ratio": {"type": "number", "default": 0.5},
        "text": {"type": "string", "default": "a 'quoted' \"text\" with {{ braces }}"},
        "flag": {"type": "boolean", "default": False},
        "names": {"type": "array", "items": {"type": "string"}, "default": []},
        "sizes": {"type": "object", "additionalProperties": {"type": "integer"}, "default": {}},
        "note": {"anyOf": [{"type": "string"}, null], "default": None},
        "region": {"type": "string", "enum": ["eu", "us"], "default": "eu"},
        "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
        "other": {"anyOf": [{"type": "string", "enum": ["red", "blue"]}, null], "default": None},
        "day": {"type": "string", "format": "date", "default": "2024-01-02"},
        "at": {"anyOf": [{"type": "string", "format": "date-time"}, null], "default": None},
    }


NESTED = """
    from dataclasses import dataclass, field
    from datetime import date, datetime, timedelta
    from decimal import Decimal
    from typing import Annotated, Optional
    from uuid import UUID

    from msgspec import Meta

    from synaflow_core import pipeline, step


    @dataclass(frozen=True)
    class Place:
        '''Where it is.'''

        city: str
        code: Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2)] = "IT"


    @dataclass(frozen=True)
    class Trip:
        to: Place
        days: list[date] = field(default_factory=list)
        next: Optional["Trip"] = None


    @dataclass(frozen=True)
    class Params:
        trip: Trip
        price: Decimal = Decimal("9.90")
        wait: timedelta = timedelta(minutes=90)
        key: Optional[UUID] = None
        at: datetime = datetime.fromisoformat("2025-01-02T03:04:05+00:00")
        sizes: Annotated[list[int], Meta(min_length=1, max_length=3)] = field(
            default_factory=lambda: [1, 2]
        )
        extra: dict[str, list[Place]] = field(default_factory=dict)


    def facts(trip: Trip, price: Decimal, wait: timedelta, key: Optional[UUID], at: datetime,
              sizes: list[int], extra: dict[str, list[Place]]) -> list[str]:
        return [repr(value) for value in (trip, price, wait, key, at, sizes, extra)]


    p = pipeline("nested params", Params, [step("facts", facts)])
"""


def test_nested_params_are_models_and_arrive_as_they_are_declared(flows: FlowFolder) -> None:
    from tests.targets.airflow.running import in_process

    exported = flows.export(NESTED)
    assert complaints(exported.text) == ""
    assert "class Trip(BaseModel, extra=" in exported.text
    params = {
        "trip": {"to": {"city": "Rome"}, "days": ["2025-02-03"]},
        "price": "12.50",
        "extra": {"x": [{"city": "Oslo", "code": "NO"}]},
    }
    outcome = flows.run(exported, params)
    assert outcome.state == "Completed", outcome.message
    assert flows.outputs(exported, outcome) == in_process(exported, params)

    from prefect.exceptions import ParameterTypeError

    flow = flows.load(exported)
    with pytest.raises(ParameterTypeError, match="Extra inputs are not permitted"):
        flow(trip={"to": {"city": "Rome", "cod": "IT"}})
    with pytest.raises(Exception, match=r"'trip\.to\.code'"):  # only the worker knows the pattern
        flow(trip={"to": {"city": "Rome", "code": "it"}})


def test_loading_imports_prefect_and_one_light_module_of_ours(flows: FlowFolder) -> None:
    exported = flows.export(LINEAR)
    program = (
        "import sys, runpy\n"
        f"runpy.run_path({str(exported.flow_file)!r})\n"
        "ours = {name for name in sys.modules if name.startswith(('synaflow', 'pipe'))}\n"
        "print(sorted(name for name in ours if not name.startswith('synaflow_export.runtime')))\n"
        "print(sorted({'msgspec', 'networkx', 'greenlet', 'jinja2'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    ours, heavy = map(ast.literal_eval, done.stdout.splitlines())
    assert ours == ["synaflow_export"]
    assert set(heavy) <= {"jinja2"}  # which Prefect imports


def test_the_documentation_reaches_prefect(flows: FlowFolder) -> None:
    flow = flows.load(flows.export(LINEAR))
    assert "| `total`      | `numbers`     | all  | skip     |" in flow.description
    assert inspect.getdoc(flow.fn).startswith("Runs the pipeline `linear`.")


def test_edited_policies_survive_the_next_export(flows: FlowFolder) -> None:
    exported = flows.export(LINEAR)
    edited = exported.text.replace('"retries": 0', '"retries": 9')
    exported.flow_file.write_text(edited, encoding="utf-8")
    again = flows.export(LINEAR.replace("double: bool = False", "double: bool = True"))
    assert '"retries": 9' in again.text
    assert "double: bool = True" in again.text


def test_an_edit_elsewhere_stops_the_export(flows: FlowFolder) -> None:
    exported = flows.export(LINEAR)
    exported.flow_file.write_text(exported.text.replace("total.submit(run)", "total(run)"))
    with pytest.raises(ExportError, match="edited-by-hand"):
        flows.export(LINEAR)


def test_pipelines_of_one_folder_share_a_deployment_file(flows: FlowFolder) -> None:
    flows.export(LINEAR, id="one", schedule=None)
    flows.export(OPTIONAL, id="two", schedule="@daily", timezone="Europe/Rome")
    found = entries(flows)
    assert list(found) == ["two", "one"]
    assert found["two"]["schedules"] == [{"cron": "0 0 * * *", "timezone": "Europe/Rome"}]
    assert found["one"]["schedules"] == []
    assert found["one"]["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}

    for name, more in (("one", {}), ("two", {"schedule": "@daily", "timezone": "Europe/Rome"})):
        source = LINEAR if name == "one" else OPTIONAL
        again = flows.export(source, id=name, **more)
        assert compare(again.files, flows.folder) == []


def test_an_edited_deployment_is_kept_and_the_others_are_not_touched(flows: FlowFolder) -> None:
    flows.export(LINEAR, id="one")
    flows.export(OPTIONAL, id="two")
    file = flows.folder / "prefect.yaml"
    text = file.read_text()
    at = text.index("name: two")
    file.write_text(text[:at] + text[at:].replace("parameters: {}", "parameters: {count: 7}", 1))

    flows.export(OPTIONAL, id="two", schedule="@hourly")
    flows.export(LINEAR, id="one", work_pool="other")

    found = entries(flows)
    assert (found["two"]["parameters"], found["two"]["schedules"]) == ({"count": 7}, [])
    assert found["one"]["work_pool"] == {"name": "other"}


@pytest.mark.parametrize("before", ["deployments:\n- name: mine\n  tags: []\n", "pull: []\n", ""])
def test_deployments_of_others_stay(flows: FlowFolder, before: str) -> None:
    flows.folder.mkdir()
    (flows.folder / "prefect.yaml").write_text(f"name: ours # keep\n{before}prefect-version: 3\n")
    exported = flows.export(LINEAR)
    flows.export(LINEAR, work_pool="another")
    text = (flows.folder / "prefect.yaml").read_text()
    assert entries(flows)["linear"]["work_pool"] == {"name": "another"}
    assert ("mine" in entries(flows)) == ("mine" in before)
    for line in ("name: ours # keep", *before.splitlines(), "prefect-version: 3"):
        assert line in text.splitlines()
    assert exported.files[-1].path == "prefect.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "deployments: []\n",
        "deployments:\n  # --- linear: may be edited, the next export keeps it\n",
    ],
)
def test_a_deployment_file_with_no_place_for_ours_is_told(flows: FlowFolder, text: str) -> None:
    flows.folder.mkdir()
    (flows.folder / "prefect.yaml").write_text(text)
    with pytest.raises(ExportError, match="no-place-for-block"):
        flows.export(LINEAR)
    assert [path.name for path in flows.folder.iterdir()] == ["prefect.yaml"]
    assert (flows.folder / "prefect.yaml").read_text() == text


def test_a_required_param_and_a_schedule_exclude_each_other(flows: FlowFolder) -> None:
    with pytest.raises(ExportError, match="required-param-with-schedule"):
        flows.export(LINEAR, schedule="@daily")


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("catchup", True, "synaflow-export backfill"),
        ("start_date", "2025-01-01", "begins when it is deployed"),
        ("task_runner", "slurm", "threads, processes, dask, ray"),
        ("airflow_version", "3", "no such option"),
        ("max_active_runs", 0, "at least 1"),
        ("work_pool", "", "not empty"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_named(option: str, value: Any, word: str) -> None:
    with pytest.raises(ExportError, match=word) as caught:
        get_target("prefect").make_options({option: value})
    (problem,) = caught.value.problems
    assert problem.subject == f"option '{option}'"


def test_the_command_in_the_header_makes_the_same_files(
    flows: FlowFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synaflow_export.cli import main

    exported = flows.export(
        OPTIONAL,
        plan=PlanOptions(granularity="step", allow_pickle=True),
        id="other",
        schedule="0 2 * * *",
        tags=("a b", "c"),
        timeout="1h",
        owner="it's me",
        pool="db",
        queue="fast",
        concurrency=2,
        task_runner="processes",
        inline_subflows=True,
        retry_backoff=1.5,
    )
    command = command_in(exported.text)
    (source,) = (folder for folder in tmp_path.iterdir() if folder.name.startswith("code"))
    monkeypatch.chdir(source)
    again = [str(flows.folder) if word == "FLOWS_FOLDER" else word for word in command[1:]]
    assert main([*again, "--check"]) == 0


def test_it_passes_a_type_checker(flows: FlowFolder, tmp_path: Path) -> None:
    """Against our own annotations; Prefect's do not know that tasks take futures."""
    settings = tmp_path / "mypy.ini"
    settings.write_text(
        "[mypy]\nstrict = true\ndisallow_untyped_decorators = false\n"
        "disallow_any_unimported = false\ndisallow_subclassing_any = false\n"
        "[mypy-prefect.*,pydantic.*,pydantic_core.*]\nfollow_imports = skip\n"
        "ignore_missing_imports = true\n[mypy-synaflow_core.*]\nfollow_imports = silent\n"
    )
    exported = flows.export(EVERY_PARAM)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(settings), str(exported.flow_file)],
        capture_output=True,
        text=True,
        check=False,
    )
    mine = [line for line in done.stdout.splitlines() if "every_param_flow.py" in line]
    assert mine == [], done.stdout
