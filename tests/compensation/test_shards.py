"""The shards of a macro-task: each has entries of its own, and the next cut may be another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from synaflow_core import OnError, PipelineStopException, pipeline, step
from synaflow_core.compensation import rollback_run, undone_macro_tasks
from synaflow_core.handoff import HandoffStore
from synaflow_core.macro.shards import ShardSpec, split
from tests.compensation.world import Refs, run_task, specs

pytestmark = pytest.mark.filterwarnings("error")


@dataclass(frozen=True)
class Row:
    key: int
    text: str


def test_each_shard_has_entries_of_its_own(tmp_path: Path) -> None:
    undone: list[list[int]] = []

    def source() -> list[Row]:
        return [Row(i, "x") for i in range(8)]

    def stored(source: Row) -> Row:
        if source.key == 7:
            raise OSError("full")
        return source

    def forget(stored: list[Row]) -> None:
        undone.append([row.key for row in stored])

    def total(stored: list[Row]) -> int:
        return len(stored)

    steps = [
        step("source", source),
        step("stored", stored, rollback=forget, on_error=OnError.STOP, shards=4),
        step("total", total),
    ]
    made = pipeline("p", None, steps)
    store, refs = HandoffStore(tmp_path), Refs()
    first, second, _ = specs(made)
    run_task(made, first, refs, store, {})
    assert isinstance(second.shards, ShardSpec)
    shards = split(second.shards, 8)
    for shard in shards[:3]:
        run_task(made, second, dict(refs), store, {}, shard=shard)
    with pytest.raises(PipelineStopException):
        run_task(made, second, dict(refs), store, {}, shard=shards[3])
    assert undone == [[6]]  # the call of the failing shard that had returned
    run_task(made, second, dict(refs), store, {}, shard=shards[1])  # one is run again
    assert undone == [[6], [2, 3]]
    result = rollback_run(made, "r", store)
    assert undone[2:] == [[2, 3], [4, 5], [0, 1]]
    assert [each.shard for each in result.undone] == [1, 2, 0]
    assert {each.shard for each in result.already} == {1, 3}
    assert undone_macro_tasks("p", "r", store) == tuple((second.name, i) for i in (0, 1, 2, 3))


def test_a_run_of_the_same_key_may_be_cut_into_other_shards(tmp_path: Path) -> None:
    undone: list[list[int]] = []
    rows = tmp_path / "rows"

    def source() -> list[Row]:
        return [Row(i, "x") for i in range(int(rows.read_text()))]

    def stored(source: Row) -> Row:
        return source

    def forget(stored: list[Row]) -> None:
        undone.append([row.key for row in stored])

    steps = [step("source", source), step("stored", stored, rollback=forget, shards=4)]
    made, store = pipeline("p", None, steps), HandoffStore(tmp_path / "store")
    first, second = specs(made)
    assert isinstance(second.shards, ShardSpec)

    def run(count: int) -> None:
        rows.write_text(str(count))
        refs = Refs()
        run_task(made, first, refs, store, {})
        for shard in split(second.shards, count):
            run_task(made, second, dict(refs), store, {}, shard=shard)

    run(4)
    run(2)  # what four shards did is undone by two, each once
    assert sorted(undone) == [[0], [1], [2], [3]]
    assert undone_macro_tasks("p", "r", store) == ()
    result = rollback_run(made, "r", store)
    assert sorted(undone[4:]) == [[0], [1]]
    assert len(result.already) == 4
    run(3)
    assert undone_macro_tasks("p", "r", store) == ()
