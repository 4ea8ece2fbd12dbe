"""Names and texts that want to break out of the generated file."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from synaflow_core.contract import Contract
from synaflow_export.plan.model import PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.target import Export, Sources, get_target
from tests.targets.airflow.test_hostile import PAYLOADS, contract_of_names, hostile, names
from tests.targets.dagster.running import import_file
from tests.targets.test_pylayout import complaints, data

FUNCTIONS = {
    "EXPORT.io_manager",
    "EXPORT.metadata",
    "Export",
    "Field",
    "Path",
    "dg.AssetIn",
    "dg.Definitions",
    "dg.RetryPolicy",
    "dg.ScheduleDefinition",
    "dg.asset",
    "dg.define_asset_job",
    "float",  # float("inf")
    "run_macro_task",
}
IMPORTS = {
    "from collections.abc import Iterator",
    "from pathlib import Path",
    "import dagster as dg",
    "from pydantic import Field",
}
PARAMS = [
    *PAYLOADS,
    *("copy", "json", "str", "Any", "Field", "model_x", "_private", "self", "X", "x", "IO"),
]


def definitions(contract: Contract, argument: str, granularity: Any, **options: Any) -> str:
    target = get_target("dagster")
    plan = make_plan(contract, PlanOptions(granularity=granularity))
    export = Export(plan, contract, target.make_options(options), Sources(argument))
    return target.view(export)[-1].text


def check_only_expected_code(text: str) -> None:
    tree = ast.parse(text)
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called.removesuffix(".configure_at_launch") in FUNCTIONS | classes
        if isinstance(node, ast.Import | ast.ImportFrom):
            written = ast.unparse(node)
            ours = isinstance(node, ast.ImportFrom) and node.module in (
                "synaflow_export.runtime.dagster",
                "typing",
            )
            assert ours or written in IMPORTS


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pipeline=names,
    steps=st.lists(st.tuples(names, hostile), min_size=1, max_size=6, unique_by=lambda s: s[0]),
    params=st.dictionaries(names, st.tuples(data, hostile), max_size=5),
    text=hostile,
    argument=names,
    granularity=st.sampled_from(["step", "pipeline"]),
)
@example(
    pipeline=PAYLOADS[0],
    steps=[(payload or "x", payload) for payload in PAYLOADS],
    params={payload or "y": (payload, payload) for payload in PARAMS},
    text=PAYLOADS[0],
    argument=PAYLOADS[5],
    granularity="step",
)
@example(
    pipeline=PAYLOADS[5],
    steps=[(payload or "x", payload) for payload in PAYLOADS],
    params={"text": ("", ""), "number": (float("inf"), "")},
    text=PAYLOADS[5],
    argument=PAYLOADS[0],
    granularity="pipeline",
)
def test_no_text_becomes_code_and_the_file_stays_in_shape(
    tmp_path: Path,
    pipeline: str,
    steps: list[tuple[str, str]],
    params: dict[str, tuple[Any, str]],
    text: str,
    argument: str,
    granularity: str,
) -> None:
    import dagster as dg

    contract = contract_of_names(pipeline, steps, params, text)
    words = [word for word in (text, *(about for _, about in params.values())) if word.strip()]
    options = {"owner": words[0]} if words else {}
    source = definitions(contract, argument, granularity, **options)

    check_only_expected_code(source)
    assert complaints(source) == ""
    assert source == definitions(contract, argument, granularity, **options)

    file = tmp_path / "definitions.py"
    file.write_text(source, encoding="utf-8")
    plan = make_plan(contract, PlanOptions(granularity=granularity))
    (tmp_path / "contract.json").write_bytes(contract.to_json())
    (tmp_path / "plan.json").write_bytes(plan.to_json())
    os.environ.pop("BROKEN_OUT", None)
    defs = import_file(file).defs
    assert "BROKEN_OUT" not in os.environ
    dg.Definitions.validate_loadable(defs)

    keys = {key for asset in defs.assets for key in asset.keys}
    assert len(keys) == sum(max(1, len(task.outputs)) for task in plan.macro_tasks)
    (job,) = defs.jobs
    resources = {
        name: _value(default, index) for index, (name, (default, _)) in enumerate(params.items())
    }
    key = next(iter(keys)).path[0]
    config = {"resources": {f"{key}_params": {"config": resources}}} if params else {}
    assert dg.validate_run_config(defs.resolve_job_def(job.name), config)


def _value(default: Any, index: int) -> Any:
    return default if index % 2 else "text"
