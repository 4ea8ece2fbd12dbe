"""A run spread over macro-tasks is undone from its ledger: newest first, each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    HandoffError,
    Pipeline,
    PipelineStopException,
    include,
    pipeline,
    step,
)
from synaflow_core.compensation import (
    RollbackResult,
    UndoneStep,
    rollback_run,
    undone_macro_tasks,
)
from synaflow_core.compensation.ledger import Ledger
from synaflow_core.handoff import HandoffStore
from tests.compensation.world import (
    STEPS,
    Params,
    Refs,
    lines,
    run_task,
    specs,
    world_pipeline,
)

pytestmark = pytest.mark.filterwarnings("error")


def run_until_it_fails(made: Pipeline, store: HandoffStore, params: dict[str, Any]) -> Refs:
    """Run all macro-tasks; the last one must fail."""
    refs: Refs = {}
    *before, last = specs(made)
    for spec in before:
        run_task(made, spec, refs, store, params)
    with pytest.raises(PipelineStopException):
        run_task(made, last, refs, store, params)
    return refs


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return tmp_path / "world.txt"


@pytest.mark.parametrize("url", ["{}/store", "memory://rollback/{}"])
def test_a_failed_run_is_undone_newest_first(tmp_path: Path, world: Path, url: str) -> None:
    made, store = world_pipeline(), HandoffStore(url.format(tmp_path))
    refs = run_until_it_fails(made, store, {"world": str(world)})
    done = ["do create1", "do insert0x1", "do insert1x1", "do insert2x1", "do publish1"]
    assert lines(world) == done
    result = rollback_run(made, "r", store, error=ValueError("it does not add up"))
    undone = ["undo publish1", "undo insert0x1+insert1x1+insert2x1", "undo create1"]
    assert lines(world) == [*done, *undone]
    assert [each.step for each in result.undone] == ["publish", "inserts", "create"]
    assert (result.failed, result.already, result.complete) == ((), (), True)
    assert result.macro_tasks == ("publish", "inserts", "create")
    assert result.to_dict()["complete"] is True
    assert result.to_dict()["macro_tasks"] == list(result.macro_tasks)
    assert result.to_dict()["undone"][0] == {
        "step": "publish",
        "macro_task": "publish",
        "shard": None,
        "error": "",
    }
    again = rollback_run(made, "r", store)
    assert lines(world) == [*done, *undone]
    assert again == RollbackResult(already=result.undone)
    ref = refs["create"]
    assert ref is not None
    with pytest.raises(HandoffError, match=r"was withdrawn.*rolled back"):
        store.read_value(ref, str)
    assert not store.exists("world", "r", "create")
    assert rollback_run(made, "another run", store) == RollbackResult()


def test_a_retry_after_a_rollback_does_the_work_again(tmp_path: Path, world: Path) -> None:
    made, store = world_pipeline(), HandoffStore(tmp_path / "store")
    params = {"world": str(world)}
    refs = run_until_it_fails(made, store, params)
    rollback_run(made, "r", store)
    assert undone_macro_tasks("world", "r", store) == (
        ("create", None),
        ("inserts", None),
        ("publish", None),
    )
    first, second, third, last = specs(made)
    with pytest.raises(HandoffError, match="was withdrawn"):  # on top of undone work
        run_task(made, last, refs, store, {**params, "fail": False})
    for spec in (first, second, third, last):
        run_task(made, spec, refs, store, {**params, "fail": False})
    assert undone_macro_tasks("world", "r", store) == ()
    result = refs["check"]
    assert result is not None
    assert store.read_value(result, int) == 3
    assert lines(world)[-5:] == [
        "do create2",
        "do insert0x2",
        "do insert1x2",
        "do insert2x2",
        "do publish2",
    ]
    later = rollback_run(made, "r", store)  # the second attempt can be undone as well
    assert [each.step for each in later.undone] == ["publish", "inserts", "create"]
    assert [each.step for each in later.already] == ["publish", "inserts", "create"]
    assert lines(world)[-3:] == [
        "undo publish2",
        "undo insert0x2+insert1x2+insert2x2",
        "undo create2",
    ]


def test_a_failing_macro_task_undoes_what_it_did_before_it_raises(
    tmp_path: Path, world: Path
) -> None:
    made = pipeline("world", Params, STEPS)
    (whole,) = specs(made, "pipeline")
    store = HandoffStore(tmp_path / "store")
    with pytest.raises(PipelineStopException):
        run_task(made, whole, {}, store, {"world": str(world)})
    assert lines(world)[-3:] == [
        "undo publish1",
        "undo insert0x1+insert1x1+insert2x1",
        "undo create1",
    ]
    result = rollback_run(made, "r", store)
    assert [each.step for each in result.already] == ["publish", "inserts", "create"]
    assert len(lines(world)) == 8


def test_a_dataset_that_cannot_be_written_undoes_the_macro_task(
    tmp_path: Path, world: Path
) -> None:
    def lossy(create: str) -> object:
        return object()

    def last(lossy: object) -> int:
        return 1

    steps = [
        step("create", STEPS[0].fn, rollback=STEPS[0].rollback, macro_task="first"),
        step("lossy", lossy, macro_task="first"),
        step("last", last),
    ]
    made = pipeline("world", Params, steps)
    store = HandoffStore(tmp_path / "store")
    with pytest.raises(HandoffError, match="lossy"):
        run_task(made, specs(made)[0], {}, store, {"world": str(world)})
    assert lines(world) == ["do create1", "undo create1"]


def test_a_rollback_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    stuck = [True]
    undone: list[str] = []

    def a() -> int:
        return 1

    def b(a: int) -> int:
        return 2

    def undo_a(output: int, error: Exception) -> None:
        undone.append(f"a {output} {error}")

    def undo_b(output: int, repeated: bool) -> None:
        if stuck[0]:
            raise OSError("the line is dead")
        undone.append(f"b {output} {repeated}")

    made = pipeline("p", None, [step("a", a, rollback=undo_a), step("b", b, rollback=undo_b)])
    store, refs = HandoffStore(tmp_path), Refs()
    for spec in specs(made):
        run_task(made, spec, refs, store, {})
    result = rollback_run(made, "r", store, error="cancelled")
    assert result == RollbackResult(
        undone=(UndoneStep("a", "a"),),
        failed=(UndoneStep("b", "b", None, "OSError: the line is dead"),),
    )
    assert not result.complete
    stuck[0] = False
    again = rollback_run(made, "r", store)
    assert [each.step for each in again.undone] == ["b"]
    assert [each.step for each in again.already] == ["a"]
    assert undone == ["a 1 cancelled", "b 2 True"]


def test_an_attempt_that_was_killed_is_undone_by_the_next_one(tmp_path: Path, world: Path) -> None:
    """What a kill leaves behind: an entry without a mark. A second attempt may not add to it."""
    made, store, refs = world_pipeline(), HandoffStore(tmp_path / "store"), Refs()
    first, second, *_ = specs(made)
    params = {"world": str(world)}
    run_task(made, first, refs, store, params)
    run_task(made, second, refs, store, params)
    run_task(made, second, refs, store, params)
    assert lines(world)[4:] == [
        "undo insert0x1+insert1x1+insert2x1",
        "do insert0x2",
        "do insert1x2",
        "do insert2x2",
    ]
    assert undone_macro_tasks("world", "r", store) == ()
    result = rollback_run(made, "r", store)
    assert [each.step for each in result.undone] == ["inserts", "create"]
    assert [each.step for each in result.already] == ["inserts"]


class Inner(NamedTuple):
    name: str


def test_async_runs_and_included_steps_are_undone_too(tmp_path: Path) -> None:
    undone: list[Any] = []

    async def adapter(world: str) -> Inner:
        return Inner(world.upper())

    async def numbers(name: str) -> AsyncIterator[int]:
        for number in range(3):
            yield number

    async def clean(numbers: AsyncIterator[int], name: str) -> None:
        await asyncio.sleep(0)
        undone.append(([number async for number in numbers], name))

    async def listed(numbers: set[int]) -> list[int]:
        return sorted(numbers)

    async def unlisted(listed: list[int], numbers: list[int], error: BaseException) -> None:
        undone.append((listed, sorted(numbers), str(error)))

    inner = pipeline(
        "inner",
        Inner,
        [step("numbers", numbers, rollback=clean), step("listed", listed, rollback=unlisted)],
    )
    made = pipeline("p", Params, [include("made", adapter, inner)])
    store, refs = HandoffStore(tmp_path), Refs()
    for spec in specs(made, "step"):
        run_task(made, spec, refs, store, {"world": "w"})
    result = rollback_run(made, "r", store, error="late")
    assert undone == [([0, 1, 2], [0, 1, 2], "late"), ([0, 1, 2], "W")]
    assert [each.step for each in result.undone] == ["made", "made__numbers"]


def test_what_cannot_be_kept_fails_the_step_and_is_undone_at_once(tmp_path: Path) -> None:
    undone: list[object] = []

    def connect() -> object:
        return object()

    def disconnect(output: object) -> None:
        undone.append(output)

    made = pipeline("p", None, [step("connect", connect, rollback=disconnect)])
    told = r"rollback of step 'connect' is to be given cannot be kept: parameter 'output', item 0"
    with pytest.raises(HandoffError, match=told):
        run_task(made, specs(made)[0], {}, HandoffStore(tmp_path), {})
    assert len(undone) == 1


def test_a_rollback_of_other_code_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    undone: list[str] = []

    def a() -> int:
        return 1

    def b(a: int) -> int:
        return 2

    def undo_a(output: int) -> None:
        undone.append("a")

    def undo_b(output: int) -> None:
        undone.append("b")

    def undo_b_otherwise(a: int) -> None:
        undone.append("b")

    steps = [step("a", a, rollback=undo_a), step("b", b, rollback=undo_b)]
    made = pipeline("p", None, steps)
    store, refs = HandoffStore(tmp_path), Refs()
    for spec in specs(made):
        run_task(made, spec, refs, store, {})
    other = pipeline("p", None, [steps[0], step("b", b, rollback=undo_b_otherwise)])
    result = rollback_run(other, "r", store)
    assert undone == ["a"]
    assert "not the one that the run was to be undone with" in result.failed[0].error
    result = rollback_run(pipeline("p", None, steps[:1]), "r", store)
    assert "no such step any more" in result.failed[0].error
    assert [each.step for each in rollback_run(made, "r", store).undone] == ["b"]
    result = rollback_run(pipeline("p", None, steps[:1]), "r", store)
    assert result.complete  # what is undone needs no code any more
    assert {each.step for each in result.already} == {"a", "b"}


def test_order_does_not_depend_on_clocks(
    tmp_path: Path, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, store, refs = world_pipeline(), HandoffStore(tmp_path / "store"), Refs()
    first, second, third, _ = specs(made)
    for spec, now in ((first, 3_000), (second, 2_000), (third, 1_000)):  # each clock is behind
        monkeypatch.setattr("time.time_ns", lambda now=now: now)
        run_task(made, spec, refs, store, {"world": str(world)})
    names = Ledger(store, "world", "r").listing().entries
    assert all(3_000 <= int(name.partition(".")[0]) < 3_010 for name in names)
    result = rollback_run(made, "r", store)
    assert [each.step for each in result.undone] == ["publish", "inserts", "create"]


def test_a_macro_task_without_rollbacks_keeps_no_ledger(tmp_path: Path) -> None:
    made = pipeline("p", None, [step("a", lambda: 1)])
    run_task(made, specs(made)[0], {}, HandoffStore(tmp_path), {})
    assert not list(tmp_path.rglob("*ledger*"))
