"""Hostile names, texts and values in a contract: none becomes code, and the flow still loads."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from synaflow_core.contract import Contract
from synaflow_core.errors import ExportError
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.plan.model import PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.target import Export, Sources, get_target
from synaflow_export.targets.prefect.params import unusable_params
from tests.targets.airflow.test_hostile import PAYLOADS, contract_of_names, hostile, names
from tests.targets.prefect.server import prefect_home
from tests.targets.test_pylayout import complaints, data

pytestmark = pytest.mark.prefect

FUNCTIONS = {
    "Decimal",
    "Field",
    "Path",
    "Path(__file__).with_name",
    "ThreadPoolTaskRunner",
    "date",
    "datetime",
    "finish_run",
    "float",  # float("inf")
    "flow",
    "run_macro_task",
    "start_run",
    "task",
    "timedelta",
}
MODULES = {
    "datetime",
    "decimal",
    "pathlib",
    "prefect",
    "prefect.task_runners",
    "pydantic",
    "synaflow_export.runtime.prefect",
    "typing",
    "uuid",
}


def exported(contract: Contract, granularity: Any, **options: Any) -> list[GeneratedFile]:
    """The flow file and ``prefect.yaml``."""
    target = get_target("prefect")
    plan = make_plan(contract, PlanOptions(granularity=granularity))
    export = Export(plan, contract, target.make_options(options), Sources("pipe.py"))
    return list(target.view(export)[-2:])


def check_only_expected_code(text: str) -> None:
    tree = ast.parse(text)
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            stem = called.removesuffix(".submit").removesuffix(".serve")
            assert called in FUNCTIONS or stem in functions, called
        if isinstance(node, ast.ImportFrom):
            assert node.module in MODULES
        assert not isinstance(node, ast.Import)


def loaded_flow(text: str, entrypoint: str, folder: Path) -> Any:
    from prefect.flows import load_flow_from_entrypoint

    (folder / entrypoint.partition(":")[0]).write_text(text, encoding="utf-8")
    return load_flow_from_entrypoint(f"{folder}/{entrypoint}")


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pipeline=names,
    steps=st.lists(st.tuples(names, hostile), min_size=1, max_size=6, unique_by=lambda s: s[0]),
    params=st.dictionaries(names, st.tuples(data, hostile), max_size=5),
    text=hostile,
    granularity=st.sampled_from(["step", "pipeline"]),
)
@example(
    pipeline=PAYLOADS[0],
    steps=[(payload or "x", payload) for payload in PAYLOADS],
    params={
        payload or "x": (payload, payload) for payload in PAYLOADS if not payload.startswith("__")
    },
    text=PAYLOADS[0],
    granularity="step",
)
def test_no_text_becomes_code_and_the_files_stay_in_shape(
    tmp_path: Path,
    pipeline: str,
    steps: list[tuple[str, str]],
    params: dict[str, tuple[Any, str]],
    text: str,
    granularity: str,
) -> None:
    import yaml

    prefect_home()
    contract = contract_of_names(pipeline, steps, params, text)
    words = [word for word in (text, *(about for _, about in params.values())) if word.strip()]
    options = {"owner": words[0], "tags": [word[:100] for word in words]} if words else {}
    if any(unusable_params(contract)):  # refused by name: see below
        return
    flow_file, deployment = exported(contract, granularity, **options)

    check_only_expected_code(flow_file.text)
    assert complaints(flow_file.text) == ""
    assert [file.text for file in exported(contract, granularity, **options)] == [
        flow_file.text,
        deployment.text,
    ]
    (entry,) = yaml.safe_load(deployment.text)["deployments"]
    if words:
        assert entry["tags"] == [*options["tags"], f"owner:{words[0]}"]

    os.environ.pop("BROKEN_OUT", None)
    before = set(sys.modules)
    flow = loaded_flow(flow_file.text, entry["entrypoint"], tmp_path)
    assert "BROKEN_OUT" not in os.environ
    assert not {"synaflow_core.macro.task", "jinja2"} & (set(sys.modules) - before)
    assert flow.name == entry["name"]
    assert len(flow.parameters.properties) == len(params)


@pytest.mark.parametrize(
    "name", ["wait_for", "return_state", "self", "model_config", "_private", "start_run"]
)
def test_a_param_whose_name_prefect_keeps_is_refused(name: str) -> None:
    contract = contract_of_names("p", [("a", "")], {name: (1, "")}, "")
    with pytest.raises(ExportError, match="rename the field") as caught:
        exported(contract, "step")
    assert [problem.code for problem in caught.value.problems] == ["kept-name"]


def test_a_param_may_be_called_as_what_stands_in_the_file(tmp_path: Path) -> None:
    prefect_home()
    params = dict.fromkeys(("run", "task", "a", "TASK", "flow", "schema", "größe"), (1, "about"))
    contract = contract_of_names("p", [("a", ""), ("run", "")], params, "")
    flow_file, _ = exported(contract, "step")
    assert complaints(flow_file.text) == ""
    flow = loaded_flow(flow_file.text, "p_flow.py:p", tmp_path)
    assert set(flow.parameters.properties) == set(params)
    assert 'run_ = start_run( FOLDER, { "run": run,' in " ".join(flow_file.text.split())
