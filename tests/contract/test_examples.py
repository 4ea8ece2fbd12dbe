"""The example documents are what the code makes, and what the schema and the reader accept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest

from synaflow_core.contract import Contract
from tests.contract.examples import FOLDER, PIPELINES, example

ROOT = FOLDER.parents[1]
SCHEMA = json.loads((ROOT / "contract" / "dag.v1.schema.json").read_text(encoding="utf-8"))

each_example = pytest.mark.parametrize("name", sorted(PIPELINES))


@each_example
def test_the_document_is_what_the_code_makes(name: str) -> None:
    expected = (FOLDER / f"{name}.json").read_bytes()

    assert example(name).to_json() == expected, "python -m tests.contract.examples writes it anew"


def test_there_is_no_other_example() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(PIPELINES)


@each_example
def test_read_and_written_again_is_the_same(name: str) -> None:
    document = (FOLDER / f"{name}.json").read_bytes()

    contract = Contract.from_json(document)

    assert contract == example(name)
    assert contract.to_json() == document
    assert Contract.from_json(document.decode()) == contract
    assert Contract.from_json(json.dumps(json.loads(document))) == contract


@each_example
def test_to_dict_is_the_document_as_plain_data(name: str) -> None:
    contract = example(name)

    assert contract.to_dict() == json.loads(contract.to_json())


@each_example
def test_the_schema_accepts_it(name: str) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(
        json.loads((FOLDER / f"{name}.json").read_text())
    )


def test_the_quickstart_says_what_the_readme_says() -> None:
    step = example("quickstart").steps["transformer"]

    public = {
        "deps": {"producer": "Stream[int]"},
        "output": "Stream[int]",
        "fn": "transformer",
        "mode": "all",
        "on_error": "continue",
        "max_in_flight": 1,
        "materializer": "memory_materializer",
        "materialized_deps": [],
        "each_mode_deps": [],
    }
    assert list(msgspec.to_builtins(step))[: len(public)] == list(public)
    assert {name: getattr(step, name) for name in public} == public


def test_deps_name_producers_and_who_they_are() -> None:
    contract = example("orders")

    assert contract.steps["fetch"].binding == {"url": "urls"}
    producers = contract.producers()
    assert producers["urls"] == {"urls": "param", "day": "param"}
    assert producers["fetch"] == {"urls": "step", "page_size": "param"}
    assert producers["save"] == {
        "report": "step",
        "backlog": "step",
        "db": "resource",
        "dry_run": "param",
    }


def test_lazy_and_collected() -> None:
    steps = example("orders").steps

    assert [name for name, step in steps.items() if step.lazy] == ["urls", "fetch", "checked"]
    assert [name for name, step in steps.items() if step.collected] == ["orders"]
    assert {
        name: step.materialized_deps for name, step in steps.items() if step.materialized_deps
    } == {
        "orders": ["fetch"],
        "checked": ["orders"],
        "backlog": ["checked"],
    }


def test_same_bytes_whatever_the_hash_seed_and_the_folder(tmp_path: Path) -> None:
    program = (
        "import sys; from tests.contract.examples import example; "
        "sys.stdout.buffer.write(example('orders').to_json())"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        made = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=True,
        )
        assert made.stdout == (FOLDER / "orders.json").read_bytes()


def test_nothing_of_this_machine_is_in_a_contract() -> None:
    document = example("orders").to_json().decode()

    assert str(ROOT) not in document
    assert "0x" not in document


def test_importing_the_contract_brings_nothing_heavy() -> None:
    program = (
        "import sys, synaflow_core.contract; "
        "print([m for m in ('networkx', 'fsspec', 'jinja2', 'typer', 'rich', 'asyncio', "
        "'synaflow_export', 'synaflow_core.handoff') if m in sys.modules])"
    )
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert made.stdout.strip() == "[]"
