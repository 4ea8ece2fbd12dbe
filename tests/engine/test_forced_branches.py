"""``force_materialize`` on a consumer: its branch is collected, those of its siblings are not."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from synaflow_core import MaterializationEvent, Pipeline, pipeline, step
from synaflow_export.plan import make_plan
from tests.engine.twins import COLOURS
from tests.engine.watching import Watch, run_any

log: list[str] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    log.clear()


def numbers() -> Generator[int, None, None]:
    for number in range(3):
        log.append(f"p{number}")
        yield number


async def numbers_async() -> AsyncGenerator[int, None]:
    for number in numbers():
        yield number


def noting(name: str, asynchronous: bool) -> Callable[..., Any]:
    def read(numbers: Iterator[int]) -> list[int]:
        return [log.append(f"{name}{n}") or n for n in numbers]  # type: ignore[func-returns-value]

    async def read_async(numbers: AsyncIterator[int]) -> list[int]:
        found = []
        async for n in numbers:
            log.append(f"{name}{n}")
            found.append(n)
        return found

    return read_async if asynchronous else read


def forced(asynchronous: bool, materializer: Any = None, **options: Any) -> Pipeline:
    steps = [
        step("numbers", numbers_async if asynchronous else numbers, materializer=materializer),
        step("lazy", noting("x", asynchronous)),
        step("forced", noting("y", asynchronous), force_materialize=True),
    ]
    return pipeline("p", None, steps, **options)


@COLOURS
def test_the_branch_of_a_forced_consumer_is_collected_for_it_alone(asynchronous: bool) -> None:
    watch = Watch()
    p = forced(asynchronous, observers=[watch.observer(asynchronous)])
    assert run_any(p).outputs == {"lazy": [0, 1, 2], "forced": [0, 1, 2]}
    assert " ".join(log) == "p0 x0 p1 x1 p2 x2 y0 y1 y2"
    done = [c for c in watch.contexts if c.event is MaterializationEvent.COMPLETED]
    assert [(c.dataset_name, c.consumer_name) for c in done] == [("numbers", "forced")]


@COLOURS
def test_its_materializer_builds_what_is_iterated(asynchronous: bool) -> None:
    def doubled(items: list[int]) -> list[int]:
        return [item * 2 for item in items]

    async def doubled_async(items: list[int]) -> list[int]:
        return doubled(items)

    p = forced(asynchronous, materializer=doubled_async if asynchronous else doubled)
    assert run_any(p).outputs == {"lazy": [0, 1, 2], "forced": [0, 2, 4]}


def test_the_contract_says_that_it_is_collected() -> None:
    steps = forced(False).to_dict()["steps"]
    assert steps["lazy"]["materialized_deps"] == []
    assert steps["forced"]["materialized_deps"] == ["numbers"]


def test_the_plan_may_cut_there() -> None:
    plan = make_plan(forced(False).contract())
    assert [list(task.steps) for task in plan.macro_tasks] == [["numbers", "lazy"], ["forced"]]
