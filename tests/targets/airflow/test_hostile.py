"""Names and texts that want to break out of the generated file."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from synaflow_core.contract import Contract, Source, StepContract
from synaflow_export.plan.model import PlanOptions
from synaflow_export.plan.planner import make_plan
from synaflow_export.target import Export, Sources, get_target
from tests.targets.test_pylayout import complaints, data, texts

pytestmark = pytest.mark.airflow

PAYLOADS = (
    '"""; import os; os.environ["BROKEN_OUT"] = "1"; """',
    "'); __import__('os').environ.__setitem__('BROKEN_OUT', '1'); ('",
    "{{ 7 * 7 }}",
    "{% raise %}",
    "{# comment",
    "a\nimport os\nos.environ['BROKEN_OUT'] = '1'\n#",
    "x\r# -*- coding: utf-7 -*-",
    "\\",
    '\\"""',
    '"',
    "ends with a backslash\\",
    "| pipe | `tick` |",
    "class",
    "task",
    "Param",
    "print",
    "__init__",
    "synaflow_report",
    "return_value",
    "a" * 1000,
    "漢字" * 200,
    "a b " * 300,
    "../../etc/passwd",
    "",
)
FUNCTIONS = {
    "Asset",
    "CronDataIntervalTimetable",
    "DAG",
    "Dataset",
    "Param",
    "Path",
    "Path(__file__).with_name",
    "float",  # float("inf")
    "pendulum.datetime",
    "TaskGroup",
    "cleandoc",
    "run_macro_task",
    "conclude",
    "join_shards",
    "plan_shards",
    "roll_back",
    "task",
    "timedelta",
}
IMPORTS = {
    ("datetime", "timedelta"),
    ("inspect", "cleandoc"),
    ("pathlib", "Path"),
    ("", "pendulum"),
    *(("airflow.sdk", name) for name in ("DAG", "Asset", "Param", "TaskGroup", "task")),
    ("airflow", "DAG"),
    ("airflow.datasets", "Dataset"),
    ("airflow.decorators", "task"),
    ("airflow.models.param", "Param"),
    ("airflow.utils.task_group", "TaskGroup"),
    ("airflow.timetables.interval", "CronDataIntervalTimetable"),
    *(
        ("synaflow_export.runtime.airflow", name)
        for name in ("run_macro_task", "plan_shards", "join_shards", "roll_back", "conclude")
    ),
}

hostile = st.sampled_from(PAYLOADS) | texts
names = hostile.filter(bool)


def contract_of_names(
    pipeline: str,
    steps: list[tuple[str, str]],
    params: dict[str, tuple[Any, str]],
    text: str,
    scopes: list[list[str]] | None = None,
    *,
    rollback: str | None = None,
) -> Contract:
    """A chain of steps with any names, docs and includes, as a contract that nobody checked."""
    made: dict[str, StepContract] = {}
    digest = f"sha256:{'0' * 64}"
    before: str | None = None
    for index, (name, doc) in enumerate(steps):
        scope = scopes[index % len(scopes)] if scopes else []
        made[name] = StepContract(
            deps={before: "list[int]"} if before is not None else {},
            output="list[int]",
            fn="f",
            mode="all",
            on_error="continue",
            max_in_flight=1,
            materializer="memory_materializer",
            materialized_deps=[],
            each_mode_deps=[],
            fn_ref="pipe:f",
            binding={},
            delivery={before: "list"} if before is not None else {},
            output_kind="list",
            element_schema={"type": "integer"},
            codec="jsonl",
            force_materialize=False,
            error_materializer=None,
            error_threshold_absolute=None,
            error_threshold_pct=None,
            pipeline="".join(scope) or pipeline,
            parent_pipeline=None,
            scope=scope,
            observers=[],
            rollback=rollback,
            progress_weight=None,
            macro_task=None,
            shards=None,
            doc=doc,
            code_digest=digest,
            is_async=False,
            exported=False,
            hidden=False,
            where="pipe.py:1",
        )
        before = name
    return Contract(
        contract_version=1,
        name=pipeline,
        description=text,
        engine="sync",
        source=Source(module="pipe", attribute="p"),
        fingerprint=digest,
        params=dict.fromkeys(params, "Any"),
        params_schema={
            "type": "object",
            "properties": {
                name: {
                    "default": default,
                    "description": about,
                    "title": about,
                    "not": {"const": 3},
                }
                if index % 2
                else {"type": "string", "description": about}
                for index, (name, (default, about)) in enumerate(params.items())
            },
            "required": [name for index, name in enumerate(params) if not index % 2],
        },
        resources={},
        steps=made,
        levels=[[name] for name in made],
    )


def dag_text(contract: Contract, argument: str, granularity: Any, **options: Any) -> str:
    target = get_target("airflow")
    plan = make_plan(contract, PlanOptions(granularity=granularity))
    return target.view(Export(plan, contract, target.make_options(options), Sources(argument)))[
        -1
    ].text


def check_only_expected_code(text: str) -> None:
    tree = ast.parse(text)
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    variables = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            for method in ("().as_teardown", ".partial", ".set_downstream"):
                called = called.removesuffix(method)
            called = re.sub(r"(?s)\.partial\(.*\)\.expand$", "", called)
            assert called in FUNCTIONS | functions | variables
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", "")
            assert {(module, alias.name) for alias in node.names} <= IMPORTS


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pipeline=names,
    steps=st.lists(st.tuples(names, hostile), min_size=1, max_size=6, unique_by=lambda s: s[0]),
    params=st.dictionaries(names, st.tuples(data, hostile), max_size=5),
    text=hostile,
    argument=names,
    granularity=st.sampled_from(["step", "pipeline"]),
    scopes=st.lists(st.lists(names, max_size=4), max_size=5),
    version=st.sampled_from(["3", "2.10"]),
)
@example(
    pipeline=PAYLOADS[0],
    steps=[(payload or "x", payload) for payload in PAYLOADS],
    params={payload or "x": (payload, payload) for payload in PAYLOADS},
    text=PAYLOADS[0],
    argument=PAYLOADS[5],
    granularity="step",
    scopes=[[payload or "x"] * n for n in range(8) for payload in PAYLOADS[n : n + 3]],
    version="2.10",
)
@example(
    pipeline=PAYLOADS[5],
    steps=[(payload or "x", payload) for payload in PAYLOADS],
    params={},
    text=PAYLOADS[5],
    argument=PAYLOADS[0],
    granularity="pipeline",
    scopes=[],
    version="3",
)
def test_no_text_becomes_code_and_the_file_stays_in_shape(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    pipeline: str,
    steps: list[tuple[str, str]],
    params: dict[str, tuple[Any, str]],
    text: str,
    argument: str,
    granularity: str,
    scopes: list[list[str]],
    version: str,
) -> None:
    contract = contract_of_names(pipeline, steps, params, text, scopes, rollback="undo")
    words = [word for word in (text, *(about for _, about in params.values())) if word.strip()]
    options: dict[str, Any] = {"airflow_version": version, "outlets": "all"}
    if words:
        options |= {"owner": words[0], "queue": words[0], "tags": [word[:100] for word in words]}
    source = dag_text(contract, argument, granularity, **options)

    check_only_expected_code(source)
    assert complaints(source, ignore="AIR3" if version != "3" else "") == ""
    assert source == dag_text(contract, argument, granularity, **options)

    file = tmp_path / "hostile_dag.py"
    file.write_text(source, encoding="utf-8")
    os.environ.pop("BROKEN_OUT", None)
    airflow = request.getfixturevalue("airflow3" if version == "3" else "airflow2")
    told = airflow.load(file=str(file))
    assert not told["broken"]
    teardowns = [name for name, task in told["tasks"].items() if task["is_teardown"]]
    assert len(teardowns) == 2
    work = len(steps) if granularity == "step" else 1
    assert len(told["tasks"]) == work + 2
    assert list(told["params"]) == list(params)
    for index, (name, (default, _)) in enumerate(params.items()):
        if index % 2:
            assert told["params"][name][0] == default


@pytest.mark.parametrize("version", ["3", "2.11"])
def test_names_of_shards_are_as_safe(
    request: pytest.FixtureRequest, tmp_path: Path, version: str
) -> None:
    names = [payload or "x" for payload in PAYLOADS]
    docs = [(name, name) for name in names]
    contract = contract_of_names("shards", docs, {}, "", [["a", "b"]], rollback="undo")
    steps = dict(contract.steps)
    for name, before in zip(names[1::2], names[::2], strict=False):
        steps[name] = msgspec.structs.replace(
            steps[name],
            mode="each",
            deps={before: "int"},
            each_mode_deps=[before],
            delivery={before: "item"},
            output="Stream[int]",
            output_kind="value",
            shards=2,
        )
    contract = msgspec.structs.replace(contract, steps=steps)
    source = dag_text(contract, "pipe.py", "stream", airflow_version=version, outlets="all")

    check_only_expected_code(source)
    assert complaints(source, ignore="AIR3" if version != "3" else "") == ""
    file = tmp_path / "hostile_dag.py"
    file.write_text(source, encoding="utf-8")
    told = request.getfixturevalue(f"airflow{version[0]}").load(file=str(file))
    assert not told["broken"]
    mapped = [task for task in told["tasks"].values() if task["mapped"]]
    assert len(mapped) == len(names) // 2
    assert len(told["tasks"]) == len(names) + 2 * len(mapped) + 2


def test_arguments_of_tasks_are_no_context_keys() -> None:
    """Airflow refuses a task whose positional argument is named like a key of its context."""
    from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

    keys = sorted(KNOWN_CONTEXT_KEYS)
    contract = contract_of_names("keys", [(key, "") for key in keys], {}, "")
    tree = ast.parse(dag_text(contract, "pipe.py", "step"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    arguments = {argument.arg for function in functions for argument in function.args.args}
    assert len(arguments) == len(keys) - 1
    assert not arguments & set(keys)
