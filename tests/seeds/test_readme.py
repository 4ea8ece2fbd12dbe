"""readme.txt: the quickstart, its JSON, and what it says about the in-process run."""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from synaflow_core import PipelineRegistry, pipeline, run, step
from tests.seeds.running import run_block

CONSUMED = ["Consumed: 0", "Consumed: 10", "Consumed: 20", "Consumed: 30", "Consumed: 40"]


def test_quickstart_prints_what_its_steps_print() -> None:
    *printed, exported = run_block("quickstart").lines
    assert printed == CONSUMED
    assert ast.literal_eval(exported)["levels"] == [["producer"], ["transformer"], ["consumer"]]


# The JSON as the README prints it. It is of an early release: the page about build time prints the
# fields of today, which win, so each of the old fields is looked up where it is now.
README_JSON: dict[str, dict[str, Any]] = {
    "producer": {
        "deps": {"count": "int"},
        "output": "Generator[int, None, None]",
        "fn": "producer",
        "on_error": "stop",
        "needs_materialize": False,
    },
    "transformer": {
        "deps": {"producer": "Iterator[int]"},
        "output": "Generator[int, None, None]",
        "fn": "transformer",
        "on_error": "stop",
        "needs_materialize": False,
    },
    "consumer": {
        "deps": {"transformer": "Iterator[int]"},
        "output": "None",
        "fn": "consumer",
        "on_error": "stop",
        "needs_materialize": False,
    },
    "count": {
        "deps": {},
        "output": "int",
        "fn": None,
        "on_error": None,
        "needs_materialize": False,
    },
}
# CHANGED: both kinds of lazy type are named by what they are, a stream of items.
STREAMS = {"Generator[int, None, None]": "Stream[int]", "Iterator[int]": "Stream[int]"}


def test_quickstart_json_tells_what_the_readme_shows() -> None:
    exported = run_block("quickstart").module.my_pipeline.to_dict()
    # CHANGED: steps are under "steps", params under "params" (they have no function and no policy).
    steps = {name: shown for name, shown in README_JSON.items() if shown["fn"] is not None}
    params = {name: shown["output"] for name, shown in README_JSON.items() if shown["fn"] is None}
    assert exported["params"] == params
    assert list(exported["steps"]) == list(steps)
    for name, shown in steps.items():
        found = exported["steps"][name]
        wanted_deps = {dep: STREAMS.get(text, text) for dep, text in shown["deps"].items()}
        assert found["deps"] == wanted_deps
        assert found["output"] == STREAMS.get(shown["output"], shown["output"])
        assert found["fn"] == shown["fn"]
        # CHANGED: CONTINUE is the default ("OnError.CONTINUE (the default)", on a later page).
        assert found["on_error"] == "continue"
        # CHANGED: what is materialised is told per branch, by the consumer.
        assert bool(found["materialized_deps"]) is shown["needs_materialize"]


class Count(NamedTuple):
    count: int = 3


calls: list[str] = []


def numbers(count: int) -> Generator[int, None, None]:
    for number in range(count):
        calls.append(f"n{number}")
        yield number
    calls.append("end")


def first(numbers: Iterator[int]) -> int:
    total = 0
    for number in numbers:
        calls.append(f"f{number}")
        total += number
    return total


def second(numbers: Iterator[int]) -> int:
    total = 0
    for number in numbers:
        calls.append(f"s{number}")
        total += number
    return total


def whole(numbers: list[int]) -> int:
    calls.append(f"whole{numbers}")
    return sum(numbers)


def test_lockstep_gives_one_item_to_each_consumer_before_the_next_is_pulled() -> None:
    p = pipeline("tee", Count, [step("numbers", numbers), step("first", first), step("s", second)])
    calls.clear()
    assert run(p).outputs == {"first": 3, "s": 3}
    assert calls == ["n0", "f0", "s0", "n1", "f1", "s1", "n2", "f2", "s2", "end"]


def test_a_list_is_made_only_for_the_branch_that_asks_for_one() -> None:
    p = pipeline("lazy", Count, [step("numbers", numbers), step("w", whole), step("first", first)])
    calls.clear()
    assert run(p).outputs == {"w": 3, "first": 3}
    assert calls == ["n0", "f0", "n1", "f1", "n2", "f2", "end", "whole[0, 1, 2]"]


def test_a_pipeline_is_only_a_description() -> None:
    calls.clear()
    p = pipeline("still", Count, [step("numbers", numbers), step("first", first)])
    registry = PipelineRegistry([p])
    assert registry["still"] is p
    assert list(p.dag.steps) == ["numbers", "first"]
    assert calls == []
