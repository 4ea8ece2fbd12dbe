"""Sharded macro-tasks on a real Dagster: the same datasets, by several processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_export.plan.model import PlanOptions
from tests.targets.airflow.running import in_process
from tests.targets.dagster.running import DefsFolder, Exported, Outcome
from tests.targets.test_pylayout import complaints

SQUARES = """
    import os
    from collections.abc import Generator
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        count: int
        folder: str
        fail: str = ""


    def numbers(count: int) -> Generator[int, None, None]:
        yield from range(count)


    def square(number: int, folder: str, fail: str) -> int:
        Path(folder, str(os.getpid())).touch()
        if fail == "die" and number == 7 and not Path(folder, "died").exists():
            Path(folder, "died").touch()
            os.kill(os.getpid(), 9)
        if fail == "stop" and number == 7:
            raise ValueError("seven")
        if number % 5 == 4:
            raise LookupError("four")
        return number * number


    def total(squares: list[int]) -> int:
        return sum(squares)


    p = pipeline(
        "squares",
        Params,
        [
            step("numbers", numbers),
            step("squares", square, shards=3),
            step("total", total),
        ],
    )
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the steps leave a file per process."""
    found = tmp_path / "processes"
    found.mkdir()
    return found


def squares(defs: DefsFolder, outcome: Outcome) -> list[int]:
    """The sharded dataset, read back."""
    ref = DatasetRef.from_dict(defs.references(outcome)["squares"])
    return list(HandoffStore(str(defs.store)).read(ref, int))


def test_shards_are_processes_and_the_datasets_are_the_same(defs: DefsFolder, folder: Path) -> None:
    exported = defs.export(SQUARES)
    params = {"count": 20, "folder": str(folder)}
    outcome = defs.run(exported, params)
    assert outcome.success, outcome.errors()
    assert len(list(folder.iterdir())) == 3
    assert outcome.reported()["squares"]["ok"] == 16
    assert outcome.reported()["squares"]["errors"] == 4

    one = defs.run(
        defs.export(
            SQUARES, plan=PlanOptions(granularity="step", shards=(("squares", 1),)), id="one"
        ),
        params,
    )
    assert one.success, one.errors()
    assert squares(defs, outcome) == squares(defs, one)
    assert defs.outputs(exported, outcome) == in_process(exported, params)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_rows_than_shards(defs: DefsFolder, folder: Path, count: int) -> None:
    exported = defs.export(SQUARES)
    params = {"count": count, "folder": str(folder)}
    outcome = defs.run(exported, params)
    assert outcome.success, outcome.errors()
    assert defs.outputs(exported, outcome) == in_process(exported, params)  # type: ignore[arg-type]


def test_a_shard_that_is_killed_is_tried_again(defs: DefsFolder, folder: Path) -> None:
    exported = defs.export(SQUARES, retries=1)
    outcome = defs.run(exported, {"count": 20, "folder": str(folder), "fail": "die"})
    assert outcome.success, outcome.errors()
    assert outcome.steps("STEP_UP_FOR_RETRY") == ["squares__squares"]
    retry = outcome.of("STEP_UP_FOR_RETRY")[0].event_specific_data
    assert "exit code -9" in json.dumps(str(retry))


def test_a_shard_with_wrong_data_fails_the_asset_at_once(defs: DefsFolder, folder: Path) -> None:
    source = SQUARES.replace("shards=3", "shards=3, on_error=OnError.STOP").replace(
        "% 5 == 4", "< 0"
    )
    outcome = defs.run(
        defs.export(source, retries=2), {"count": 20, "folder": str(folder), "fail": "stop"}
    )
    assert not outcome.success
    assert outcome.of("STEP_UP_FOR_RETRY") == []
    assert "shard 2/3 of 'squares': pipeline stopped at step 'squares': ValueError: seven" in (
        outcome.errors()
    )
    assert "squares/squares" not in outcome.materialised()


def test_thresholds_are_judged_on_the_sum(defs: DefsFolder, folder: Path) -> None:
    params = {"count": 20, "folder": str(folder)}
    source = SQUARES.replace("shards=3", "shards=3, error_threshold_absolute={}")
    outcome = run_with(defs, source, 4, params)
    assert outcome.checks() == {"squares_errors": (False, "ERROR")}
    assert not outcome.success
    outcome = run_with(defs, source, 5, params)
    assert outcome.checks() == {"squares_errors": (False, "WARN")}
    assert outcome.success, outcome.errors()


def run_with(defs: DefsFolder, source: str, limit: int, params: dict[str, object]) -> Outcome:
    exported: Exported = defs.export(source.replace("absolute={}", f"absolute={limit}"))
    return defs.run(exported, params)


def test_shards_as_steps_show_one_by_one_and_give_the_same(defs: DefsFolder, folder: Path) -> None:
    exported = defs.export(SQUARES, shard_steps=True)
    params = {"count": 20, "folder": str(folder)}
    outcome = defs.run(exported, params)
    assert outcome.success, outcome.errors()
    assert outcome.steps("STEP_SUCCESS") == [
        "squares__numbers",
        "squares__squares.squares__squares_plan",
        *(f"squares__squares.squares__squares_shard[{n}_of_3]" for n in (1, 2, 3)),
        "squares__squares.squares__squares_join",
        "squares__total",
    ]
    assert outcome.metadata("squares/squares")["dagster/row_count"] == 16
    assert outcome.reported()["squares"]["errors"] == 4
    assert defs.outputs(exported, outcome) == in_process(exported, params)  # type: ignore[arg-type]
    assert complaints(exported.text) == ""


def test_one_failing_shard_is_tried_again_alone(defs: DefsFolder, folder: Path) -> None:
    source = SQUARES.replace('if fail == "stop" and number == 7:', FIRST_TIME).replace(
        "shards=3", "shards=3, on_error=OnError.STOP"
    )
    source = source.replace("% 5 == 4", "< 0").replace('ValueError("seven")', 'OSError("seven")')
    exported = defs.export(source, shard_steps=True, retries=1)
    outcome = defs.run(exported, {"count": 20, "folder": str(folder), "fail": "once"})
    assert outcome.success, outcome.errors()
    assert outcome.steps("STEP_UP_FOR_RETRY") == ["squares__squares.squares__squares_shard[2_of_3]"]
    assert defs.outputs(exported, outcome) == {"total": sum(n * n for n in range(20))}


FIRST_TIME = """if fail and number == 7 and not (once := Path(folder, "once")).exists():
            once.touch()"""

SEVERAL = """
    from collections.abc import Iterator

    from synaflow_core import pipeline, step


    def numbers() -> Iterator[int]:
        yield from range(7)


    def halves(numbers: int) -> float:
        return 10 / (numbers - 3)


    def texts(halves: float) -> str:
        return f"{halves:.1f}"


    def both(halves: list[float], texts: list[str]) -> int:
        return len(halves) + len(texts)


    p = pipeline(
        "several",
        None,
        [
            step("numbers", numbers),
            step("halves", halves, shards=2, error_threshold_absolute=2),
            step("texts", texts),
            step("both", both),
        ],
    )
"""


def test_shards_as_steps_with_several_datasets(defs: DefsFolder) -> None:
    exported = defs.export(SEVERAL, shard_steps=True)
    outcome = defs.run(exported)
    assert outcome.success, outcome.errors()
    assert outcome.materialised() == [
        f"several/{n}" for n in ("numbers", "halves", "texts", "both")
    ]
    assert defs.outputs(exported, outcome) == {"both": 12}
    assert complaints(exported.text) == ""

    failing = defs.run(defs.export(SEVERAL.replace("absolute=2", "absolute=1"), shard_steps=True))
    assert failing.steps("STEP_FAILURE") == ["several__texts.several__texts_join"]
    assert "step 'halves'" in failing.errors()


def test_a_dataset_that_no_shard_could_read_skips_what_needs_it(defs: DefsFolder) -> None:
    source = SEVERAL.replace("def numbers() -> Iterator[int]:\n        yield from range(7)", BROKEN)
    exported = defs.export(source, shard_steps=True)
    outcome = defs.run(exported)
    assert outcome.success, outcome.errors()
    assert defs.outputs(exported, outcome) == in_process(exported) == {}  # type: ignore[arg-type]


BROKEN = """def numbers() -> list[int]:
        raise LookupError("none")"""
