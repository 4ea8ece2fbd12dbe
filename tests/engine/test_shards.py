"""Shards of a macro-task together give what one instance gives: values, order, counts, failures."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from synaflow_core import (
    DefinitionError,
    OnError,
    Pipeline,
    PipelineStopException,
    ThresholdExceededException,
    async_run,
    pipeline,
    run,
    step,
)
from synaflow_core.contract import Contract
from synaflow_core.errors import HandoffError
from synaflow_core.handoff import HandoffStore
from synaflow_core.macro.joining import ShardResult, join_shards
from synaflow_core.macro.shards import ShardSpec, split
from synaflow_core.macro.task import MacroSpec, run_macro_task
from synaflow_export.plan import GRANULARITIES
from tests.engine.reference import Plan as StepPlan
from tests.engine.reference import build, interpret, plans
from tests.engine.rehearsing import planned, read, rehearse
from tests.engine.sharding import sharded_plan


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=plans() | plans(11, joins=True),
    granularity=st.sampled_from(sorted(GRANULARITIES)),
    counts=st.lists(st.sampled_from([2, 3, 4, "auto"]), min_size=1, max_size=4),
    asynchronous=st.booleans(),
)
def test_a_sharded_plan_equals_run_and_the_reference(
    steps: list[StepPlan], granularity: str, counts: list[int | str], asynchronous: bool
) -> None:
    try:
        made = build(steps, asynchronous=asynchronous)
    except DefinitionError:
        assume(False)
        raise
    contract = Contract.from_json(made.contract().to_json())
    plan = sharded_plan(contract, granularity, counts)  # type: ignore[arg-type]  # drawn
    event(f"sharded: {sum(task.shards is not None for task in plan.macro_tasks)}")
    event(f"aligned: {any(dataset.aligned for dataset in plan.datasets)}")
    expected = asyncio.run(async_run(made)) if asynchronous else run(made)
    with tempfile.TemporaryDirectory() as folder:
        store = HandoffStore(folder)
        refs, reports = rehearse(made, plan, store)
        final = {d.producer_step for d in plan.datasets if d.final}
        outputs = {
            name: read(made, store, name, ref)
            for name, ref in refs.items()
            if ref is not None and name in final
        }
    reference = interpret(steps)
    assert outputs == expected.outputs == reference.outputs
    # In one process a stream may end early because its consumer does, or never begin because it
    # was skipped; a dataset is always whole.
    for task in plan.macro_tasks:
        for name in task.steps if task.shards is not None else ():
            report, whole = reports[name], expected.steps[name]
            assert (report.status, report.ok, report.errors) in (
                (whole.status, whole.ok, whole.errors),
                reference.counts[name],
            )


@given(st.integers(0, 10_000), st.none() | st.integers(1, 50), st.integers(1, 99))
def test_slices_cover_all_rows_once_in_order(rows: int, count: int | None, each: int) -> None:
    shards = split(ShardSpec("rows", count, each, 40), rows)
    assert [row for s in shards for row in range(s.start, s.stop)] == list(range(rows))
    assert [s.index for s in shards] == list(range(len(shards)))
    assert {s.count for s in shards} == {len(shards)}
    sizes = [s.stop - s.start for s in shards]
    assert max(sizes) - min(sizes) <= 1
    if rows:
        assert min(sizes) >= 1
        assert len(shards) <= (count or 40)
        if count is None:
            assert len(shards) == 40 or max(sizes) <= each
    else:
        assert sizes == [0]
    assert shards[-1].label == f"{len(shards)}/{len(shards)}"


class Params(NamedTuple):
    count: int = 100


def numbers(count: int) -> Generator[int, None, None]:
    yield from range(count)


def factor(count: int) -> int:
    return 3


def work(number: int, factor: int) -> int:
    if number % 10 == 7:
        raise ValueError(f"no {number}")
    return number * factor


def listed(works: list[int]) -> list[int]:
    return works


def sharded(*, shards: int | str = 4, **more: Any) -> Pipeline:
    steps = [
        step("numbers", numbers),
        step("factor", factor),
        step("work", work, shards=shards, **more),  # type: ignore[arg-type]
        step("listed", listed),
    ]
    return pipeline("p", Params, steps)


class Task:
    """The sharded macro-task of a pipeline, with everything before it done."""

    def __init__(self, made: Pipeline, folder: Path, count: int = 100) -> None:
        self.made, self.store, self.params = made, HandoffStore(folder), {"count": count}
        plan = planned(made)
        task = plan.task("work")
        before = [t for t in plan.macro_tasks if t.name in task.upstream]
        self.inputs = {}
        for upstream in before:
            result = run_macro_task(
                made, self.spec_of(upstream), inputs={}, params=self.params, **self.where
            )
            self.inputs |= result.refs
        self.spec = self.spec_of(task)
        assert self.spec.shards is not None
        self.shards = split(self.spec.shards, count)

    @property
    def where(self) -> dict[str, Any]:
        return {"store": self.store, "run_key": "r"}

    @staticmethod
    def spec_of(task: Any) -> MacroSpec:
        return msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec)

    def run(self, index: int) -> ShardResult:
        shard = self.shards[index]
        result = run_macro_task(
            self.made, self.spec, inputs=self.inputs, params=self.params, shard=shard, **self.where
        )
        return ShardResult(shard, result.refs, result.report)

    def join(self, parts: list[ShardResult]) -> Any:
        return join_shards(self.spec, parts, contract=self.made.contract(), **self.where)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 1000])
@pytest.mark.parametrize("shards", [2, 4, "auto"])
def test_any_number_of_rows(tmp_path: Path, count: int, shards: int | str) -> None:
    made = sharded(shards=shards)
    plan = planned(made, rows_per_shard=10 if shards == "auto" else None)
    refs, reports = rehearse(made, plan, HandoffStore(tmp_path), {"count": count})
    expected = run(made, {"count": count})
    assert refs["listed"] is not None
    assert (
        read(made, HandoffStore(tmp_path), "listed", refs["listed"]) == expected.outputs["listed"]
    )
    assert (reports["work"].ok, reports["work"].errors) == (
        expected.steps["work"].ok,
        expected.steps["work"].errors,
    )
    parts = list((tmp_path / "p/r/work/_parts").glob("*/manifest.json"))
    most = max(1, min(count, -(-count // 10) if shards == "auto" else int(shards)))
    assert len(parts) == most


def test_the_whole_reads_like_one_dataset_wherever_it_is_cut(tmp_path: Path) -> None:
    task = Task(sharded(), tmp_path)
    ref = task.join([task.run(i) for i in (2, 0, 3, 1)]).refs["work"]
    whole = [n * 3 for n in range(100) if n % 10 != 7]
    assert ref.count == len(whole)
    assert ref.errors == 10
    assert list(task.store.read(ref, int)) == whole
    for start, stop in itertools.product(range(0, 91, 9), range(0, 95, 7)):
        assert list(task.store.read(ref, int, start=start, stop=stop)) == whole[start:stop]


def test_a_shard_reads_no_block_and_no_part_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synaflow_core.handoff.writer.BLOCK_BYTES", 100)
    monkeypatch.setattr("synaflow_core.handoff.writer.BATCH_ITEMS", 10)
    task = Task(sharded(), tmp_path)
    blocks = sorted((tmp_path / "p/r/numbers").rglob("block-*"))
    assert len(blocks) == 3
    blocks[0].unlink()  # rows of the first shard
    last = task.run(3)
    assert last.report.steps[0].ok == 22
    with pytest.raises(HandoffError, match="numbers"):
        task.run(0)


def test_one_failing_shard_is_run_again_alone(tmp_path: Path) -> None:
    task = Task(sharded(), tmp_path)
    parts = [task.run(i) for i in range(4)]
    block = next((tmp_path / "p/r/work/_parts/00003-of-00004").rglob("block-*"))
    block.unlink()
    ref = task.join(parts).refs["work"]  # an attempt of equal content may replace it at any time
    task.run(2)
    assert list(task.store.read(ref, int)) == [n * 3 for n in range(100) if n % 10 != 7]


def test_thresholds_are_judged_on_the_sum(tmp_path: Path) -> None:
    within = Task(sharded(error_threshold_absolute=11), tmp_path / "a")
    parts = [within.run(i) for i in range(4)]
    assert within.join(parts).report.steps[0].errors == 10
    # 10 % of all items fail; of those of the last shards more.
    over = Task(sharded(error_threshold_pct=0.1), tmp_path / "b")
    parts = [over.run(i) for i in range(4)]
    with pytest.raises(ThresholdExceededException, match="'work' failed for 10 of 100 items"):
        over.join(parts)
    assert not over.store.exists("p", "r", "work")


def test_stop_fails_the_shard_that_it_happens_in(tmp_path: Path) -> None:
    task = Task(sharded(on_error=OnError.STOP, shards=20), tmp_path)
    assert task.run(0).report.steps[0].ok == 5
    with pytest.raises(PipelineStopException, match="no 7"):
        task.run(1)


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ([0, 1, 3], "nothing came from shard 3/4"),
        ([], "nothing came from shard 1/1"),
        ([0, 1, 1, 2, 3], "there are several results of shard 2/4"),
    ],
)
def test_missing_and_repeated_shards_are_refused(
    tmp_path: Path, kept: list[int], told: str
) -> None:
    task = Task(sharded(), tmp_path)
    parts = [task.run(i) for i in range(4)]
    with pytest.raises(HandoffError, match=told):
        task.join([parts[i] for i in kept])
    assert not task.store.exists("p", "r", "work")


def test_shards_of_another_cut_are_refused(tmp_path: Path) -> None:
    task = Task(sharded(), tmp_path)
    parts = [task.run(i) for i in range(4)]
    task.shards = split(ShardSpec("numbers", 4, 1, 4), 99)
    with pytest.raises(HandoffError, match="which now has 100"):
        task.run(0)
    other = msgspec.structs.replace(parts[3], shard=task.shards[3])
    with pytest.raises(HandoffError, match="planned at different times"):
        task.join([*parts[:3], other])


def test_a_part_that_is_gone_or_was_replaced_by_other_data_is_refused(tmp_path: Path) -> None:
    task = Task(sharded(), tmp_path)
    parts = [task.run(i) for i in range(4)]
    manifest = tmp_path / "p/r/work/_parts/00002-of-00004/manifest.json"
    kept = manifest.read_bytes()
    manifest.unlink()
    with pytest.raises(HandoffError, match=r"00002-of-00004 .* is not there"):
        task.join(parts)
    manifest.write_bytes((tmp_path / "p/r/work/_parts/00001-of-00004/manifest.json").read_bytes())
    with pytest.raises(HandoffError, match="was replaced by other data"):
        task.join(parts)
    assert not task.store.exists("p", "r", "work")
    manifest.write_bytes(kept)
    ref = task.join(parts).refs["work"]
    assert task.join(parts).refs["work"] == ref  # joining again gives the same
    assert len(list(task.store.read(ref, int))) == 90


def test_an_input_that_is_not_there_skips_the_steps_of_every_shard(tmp_path: Path) -> None:
    def broken(count: int) -> int:
        raise ValueError("no factor")

    steps = [
        step("numbers", numbers),
        step("factor", broken),
        step("work", work, shards=2),
        step("listed", listed),
    ]
    made = pipeline("p", Params, steps)
    refs, reports = rehearse(made, planned(made), HandoffStore(tmp_path))
    assert refs["work"] is refs["listed"] is None
    assert reports["work"].status == "skipped"
    assert "'factor'" in reports["work"].reason


def test_other_inputs_are_given_whole_to_every_shard(tmp_path: Path) -> None:
    def rows(count: int) -> list[int]:
        return list(range(count))

    def half(row: int) -> float:
        return row / 2

    def share(half: float, rows: list[int]) -> float:
        return half / sum(rows)

    def total(shares: Iterator[float]) -> float:
        return sum(shares)

    made = pipeline(
        "p",
        Params,
        [
            step("rows", rows),
            step("half", half),
            step("share", share, shards=3),
            step("total", total),
        ],
    )
    plan = planned(made)
    assert plan.task("share").steps == ("half", "share")  # sliced and whole: one dataset
    refs, _ = rehearse(made, plan, HandoffStore(tmp_path))
    assert refs["total"] is not None
    assert read(made, HandoffStore(tmp_path), "total", refs["total"]) == pytest.approx(0.5)
