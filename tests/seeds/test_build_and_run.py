"""build-and-run.txt: the JSON is the contract, a runner of one's own, assertions on the Dag."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core import DefinitionError, OnError, StepMode, pipeline, run, step
from tests.seeds.running import run_block

# As printed. The page cuts the JSON after the first step of the quickstart.
PRINTED = json.loads("""
{
  "name": "example",
  "params": {"count": "int"},
  "steps": {
    "producer": {
      "deps": {"count": "int"},
      "output": "Stream[int]",
      "fn": "producer",
      "mode": "all",
      "on_error": "continue",
      "max_in_flight": 1,
      "materializer": "memory_materializer",
      "materialized_deps": [],
      "each_mode_deps": []
    }
  }
}
""")


def test_the_frozen_fields_have_the_printed_values() -> None:
    exported = run_block("quickstart").module.my_pipeline.to_dict()
    assert {key: exported[key] for key in ("name", "params")} == {
        key: PRINTED[key] for key in ("name", "params")
    }
    # CHANGED: the contract has more fields than the page prints; all printed ones are the same.
    printed = PRINTED["steps"]["producer"]
    found = exported["steps"]["producer"]
    assert {key: found[key] for key in printed} == printed
    for other in exported["steps"].values():
        assert printed.keys() <= other.keys()


def test_the_json_is_deterministic() -> None:
    once, again = (run_block("quickstart").module.my_pipeline.to_dict() for _ in range(2))
    assert once == again
    assert json.loads(json.dumps(once)) == once


def test_a_custom_runner_runs_the_quickstart(capsys: pytest.CaptureFixture[str]) -> None:
    runner = run_block("custom_runner").module.MyRunner()
    block = run_block("quickstart").module
    made = runner.execute(block.my_pipeline.dag, block.MyParams(count=5))
    assert made == {
        "producer": [0, 1, 2, 3, 4],
        "transformer": [0, 10, 20, 30, 40],
        "consumer": None,
    }
    assert capsys.readouterr().out.splitlines() == [f"Consumed: {10 * n}" for n in range(5)]


def test_a_custom_runner_agrees_with_run_on_items_streams_and_lists() -> None:
    runner = run_block("custom_runner").module.MyRunner()
    block = run_block("events").module
    made = runner.execute(block.p.dag, block.Window())
    assert made["aggregate"] == block.result.outputs["aggregate"]
    assert made["normalize"] == [{"id": 1, "amount": 0.1}, {"id": 2, "amount": 0.2}]


def test_the_dag_can_be_asserted_on() -> None:
    block = run_block("dag_assertions")  # the assertions are in the block
    assert block.lines == []  # nothing ran
    assert block.module.dag.steps["consumer"].mode == StepMode.ALL


class Params(NamedTuple):
    rows: list[int]


def rows_to_text(row: int) -> str:
    return str(row)


def wants_number(texts: Iterator[int]) -> int:
    return sum(texts)


def wants_nothing_known(nowhere: int) -> int:
    return nowhere


def ping(pong: int) -> int:
    return pong


def pong(ping: int) -> int:
    return ping


def whole(rows: list[int]) -> int:
    return sum(rows)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([step("texts", rows_to_text), step("n", wants_number)], "str"),
        ([step("n", wants_nothing_known)], "nowhere"),
        ([step("ping", ping), step("pong", pong)], "pong"),
        ([step("whole", whole, mode=StepMode.EACH)], "EACH"),
    ],
    ids=["type error", "missing dependency", "circular graph", "mode conflict"],
)
def test_mistakes_are_caught_at_build_time(steps: list[Any], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        pipeline("broken", Params, steps)


def test_semantic_decisions_are_frozen_in_the_json() -> None:
    p = pipeline(
        "frozen",
        Params,
        [
            step("texts", rows_to_text, on_error=OnError.STOP, max_in_flight=4),
            step("listed", _listed),
        ],
    )
    exported = p.to_dict()["steps"]
    assert exported["texts"]["mode"] == "each"
    assert exported["texts"]["each_mode_deps"] == ["rows"]
    assert exported["texts"]["max_in_flight"] == 4
    assert exported["texts"]["on_error"] == "stop"
    assert exported["listed"]["materialized_deps"] == ["texts"]
    assert run(p, Params([1, 2])).outputs["listed"] == 2


def _listed(texts: list[str]) -> int:
    return len(texts)
