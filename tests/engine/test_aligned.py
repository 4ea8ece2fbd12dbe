"""Joins by source item stay joins by source item where their branches cross, whole or in shards."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from synaflow_core import Pipeline, async_run, pipeline, run, step
from synaflow_core.errors import HandoffError
from synaflow_core.handoff import HandoffStore
from tests.engine.rehearsing import planned, read, rehearse


class Params(NamedTuple):
    count: int = 40


def events(count: int) -> Iterator[int]:
    yield from range(count)


async def async_events(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


def thirds(event: int) -> str:
    if event % 3 == 0:
        raise ValueError("three")
    return f"t{event}"


def fifths(event: int) -> str:
    if event % 5 == 0:
        raise ValueError("five")
    return f"f{event}"


def deeper(third: str) -> str:
    if third.endswith("7"):
        raise ValueError("seven")
    return third


def both(deeper: str, fifth: str, event: int) -> tuple[str, str, int]:
    return deeper, fifth, event


def pairs(both: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    return both


EXPECTED = [(f"t{n}", f"f{n}", n) for n in range(40) if n % 3 and n % 5 and n % 10 != 7]


def awaited(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The same as a coroutine function."""

    @functools.wraps(fn)
    async def call(*arguments: Any, **keywords: Any) -> Any:
        return fn(*arguments, **keywords)

    return call


def diamond(*, asynchronous: bool = False, **shards: Any) -> Pipeline:
    steps = [("thirds", thirds), ("fifths", fifths), ("deeper", deeper)]
    steps += [("both", both), ("pairs", pairs)]
    if asynchronous:
        steps = [("events", async_events), *((name, awaited(fn)) for name, fn in steps)]
    else:
        steps = [("events", events), *steps]
    return pipeline("p", Params, [step(n, fn, shards=shards.get(n)) for n, fn in steps])  # type: ignore[arg-type]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("granularity", "shards"),
    [
        ("step", {}),
        ("step", {"thirds": 3}),
        ("step", {"thirds": 3, "fifths": 4, "deeper": 5}),
        ("stream", {"both": 6}),
    ],
)
def test_a_diamond_that_drops(
    tmp_path: Path, granularity: str, shards: dict[str, int], asynchronous: bool
) -> None:
    made = diamond(asynchronous=asynchronous, **shards)
    plan = planned(made, granularity)
    store = HandoffStore(tmp_path)
    refs, reports = rehearse(made, plan, store)
    assert refs["pairs"] is not None
    assert read(made, store, "pairs", refs["pairs"]) == EXPECTED
    whole = asyncio.run(async_run(made)) if asynchronous else run(made)
    assert whole.outputs["pairs"] == EXPECTED
    for name, report in whole.steps.items():
        assert (reports[name].ok, reports[name].errors) == (report.ok, report.errors)


def test_branches_in_shards_meet_a_sibling_that_is_whole(tmp_path: Path) -> None:
    made = diamond(thirds=4)
    plan = planned(made, spill=("events", "deeper", "fifths"))
    assert [task.steps for task in plan.macro_tasks] == [
        ("events",),
        ("thirds", "deeper"),
        ("fifths",),
        ("both",),
        ("pairs",),
    ]
    assert [task.shards is not None for task in plan.macro_tasks] == [False, True, *[False] * 3]
    store = HandoffStore(tmp_path)
    refs, _ = rehearse(made, plan, store)
    assert refs["pairs"] is not None
    assert read(made, store, "pairs", refs["pairs"]) == EXPECTED
    deep = refs["deeper"]
    assert deep is not None
    assert deep.positions is not None
    assert list(store.read(deep.positions, int)) == [n for n in range(40) if n % 3 and n % 10 != 7]
    assert deep.count == deep.positions.count


def test_a_zip_of_aligned_branches_with_an_independent_stream(tmp_path: Path) -> None:
    def others(count: int) -> Iterator[int]:
        yield from range(100, 110)

    def zipped(third: str | None, fifth: str | None, other: int | None) -> tuple[Any, ...]:
        return third, fifth, other

    def rows(zipped: Iterator[tuple[Any, ...]]) -> list[str]:
        return [str(row) for row in zipped]

    steps = [("events", events), ("thirds", thirds), ("fifths", fifths), ("others", others)]
    steps += [("zipped", zipped), ("rows", rows)]
    made = pipeline("p", Params, [step(name, fn) for name, fn in steps])
    store = HandoffStore(tmp_path)
    refs, _ = rehearse(made, planned(made, "step"), store)
    assert refs["rows"] is not None
    assert read(made, store, "rows", refs["rows"]) == run(made).outputs["rows"]


def test_a_window_does_not_move_the_positions(tmp_path: Path) -> None:
    """``max_in_flight`` gives consumers a loop of their own, unless a join lies elsewhere."""
    steps = [
        step("events", events),
        step("thirds", thirds, max_in_flight=3),
        step("deeper", deeper),
        step("fifths", fifths, max_in_flight=2),
        step("both", both),
        step("pairs", pairs),
    ]
    made = pipeline("p", Params, steps)
    plan = planned(made, spill=("deeper", "fifths", "events"))
    store = HandoffStore(tmp_path)
    refs, _ = rehearse(made, plan, store)
    assert refs["pairs"] is not None
    assert read(made, store, "pairs", refs["pairs"]) == EXPECTED
    assert ("thirds", "deeper") in [task.steps for task in plan.macro_tasks]


def test_a_dataset_without_positions_is_refused(tmp_path: Path) -> None:
    made = diamond()
    plan = planned(made, "step")
    unaligned = tuple(
        replace(task, outputs=tuple(replace(out, aligned=False) for out in task.outputs))
        for task in plan.macro_tasks
    )
    plan = replace(plan, macro_tasks=unaligned)
    with pytest.raises(HandoffError, match="without the positions of its items"):
        rehearse(made, plan, HandoffStore(tmp_path))
