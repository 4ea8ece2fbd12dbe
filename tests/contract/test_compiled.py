"""The reader's rules hold for whatever the compiler makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core import Pipeline, include, pipeline, step
from synaflow_core.contract import Contract


class Empty(NamedTuple):
    pass


class Rows(NamedTuple):
    rows: list[int]
    limit: int = 3


class One(NamedTuple):
    row: int


def each(row: int) -> int:
    return row


def streamed(rows: Iterator[int], limit: int) -> Iterator[int]:
    yield from rows


def listed(each: list[int]) -> list[int]:
    return each


def sink(each: int) -> None: ...


def pairs(rows: list[int]) -> Iterator[tuple[int, str]]:
    yield 1, "a"


def mapping(pairs: dict[int, str]) -> dict[int, str]:
    return pairs


def keys(mapping: dict[int, str]) -> frozenset[int]:
    return frozenset(mapping)


def untyped(keys):  # type: ignore[no-untyped-def]
    return keys


def anything(untyped: Any) -> tuple[Any, ...]:
    return (untyped,)


def to_rows(each: int) -> One:
    return One(each)


def to_all(rows: list[int]) -> Rows:
    return Rows(rows)


async def fetched(row: int) -> int:
    return row


async def read(fetched: AsyncIterator[int]) -> int:
    return 1


def connect() -> int:
    return 1


def saved(each: list[int], db: int) -> str:
    return "ok"


def inner() -> Pipeline:
    return pipeline("inner", Rows, [step("each", fn=each), step("listed", fn=listed)])


PIPELINES = {
    "nothing": lambda: pipeline("p"),
    "no fields": lambda: pipeline("p", Empty),
    "items": lambda: pipeline("p", Rows, [step("each", fn=each), step("sink", fn=sink)]),
    "a list as a stream": lambda: pipeline(
        "p", Rows, [step("streamed", fn=streamed)], exports="streamed"
    ),
    "collected for all": lambda: pipeline(
        "p",
        Rows,
        [step("each", fn=each, force_materialize=True), step("sink", fn=sink)],
    ),
    "containers": lambda: pipeline(
        "p",
        Rows,
        [
            step("pairs", fn=pairs),
            step("mapping", fn=mapping),
            step("keys", fn=keys),
            step("untyped", fn=untyped),
            step("anything", fn=anything),
        ],
    ),
    "keyword": lambda: pipeline("p", Rows, [step("class", fn=each)], exports="class"),
    "include": lambda: pipeline("p", Rows, [include("sub", fn=to_all, pipeline=inner())]),
    "include in an include": lambda: pipeline(
        "p",
        Rows,
        [
            include(
                "sub",
                fn=to_all,
                pipeline=pipeline(
                    "middle", Rows, [include("deep", fn=to_all, pipeline=inner())], exports="deep"
                ),
            )
        ],
    ),
    "include per item": lambda: pipeline(
        "p",
        Rows,
        [
            step("each", fn=each),
            include("sub", fn=to_rows, pipeline=pipeline("one", One, [step("it", fn=each)])),
        ],
        exports="sub",
    ),
    "async": lambda: pipeline("p", Rows, [step("fetched", fn=fetched), step("read", fn=read)]),
    "resource": lambda: pipeline(
        "p", Rows, [step("each", fn=each), step("saved", fn=saved)], resources={"db": connect}
    ),
}


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_a_compiled_pipeline_is_read_back_as_it_was_written(name: str) -> None:
    contract = PIPELINES[name]().contract()

    again = Contract.from_json(contract.to_json())

    assert again == contract
    assert again.to_json() == contract.to_json()


def test_the_engine_follows_the_colour_of_the_functions() -> None:
    assert PIPELINES["async"]().contract().engine == "async"
    assert PIPELINES["items"]().contract().engine == "sync"
