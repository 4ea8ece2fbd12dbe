"""Like ``refusals``: pipelines whose names are fine, but whose types or topology are not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from synaflow_core.definition import Observer, StepMode, include, step
from synaflow_core.pipeline import PipelineRegistry, pipeline
from tests.core.building import function
from tests.core.refusals import (
    NUMBERS,
    Params,
    Twins,
    adapter,
    connect,
    doubled,
    forget,
    log,
    note,
    numbers_async,
    refusal,
    streaming,
    total,
)


@refusal
def types_that_do_not_fit() -> Any:
    steps = [
        NUMBERS,
        step("text", function(str, numbers=str)),
        step("wrapped", function(int, count=list[int])),
        step("shortened", function(int, urls=int)),
        step("maybe", function(int | None, count=int)),
        step("certain", function(int, maybe=int)),
        step("database", function(int, db=int)),
        step("doubled", doubled),
        step("joined", function(str, doubled=dict[str, int])),
    ]
    return pipeline("orders", Params, steps, resources={"db": connect})


@refusal
def types_of_one_name() -> Any:
    here = type("Event", (), {"__module__": "here"})
    there = type("Event", (), {"__module__": "there"})
    steps = [step("made", function(here)), step("last", function(int, made=there))]
    return pipeline("orders", None, steps)


@refusal
def nothing_to_consume() -> Any:
    last = step("last", function(int, log=int))
    return pipeline("orders", Params, [NUMBERS, step("log", log), last])


@refusal
def adapter_that_returns_something_else() -> Any:
    return pipeline("orders", Params, [include("sub", function(int, count=int), streaming())])


@refusal
def modes_that_the_types_contradict() -> Any:
    steps = [
        NUMBERS,
        step("total", total, mode=StepMode.EACH),
        step("plain", function(int, count=int), mode=StepMode.EACH),
        step("doubled", doubled, mode=StepMode.ALL),
    ]
    return pipeline("orders", Params, steps)


@refusal
def each_step_that_returns_a_stream() -> Any:
    exploded = step("exploded", function(Iterator[str], number=int))
    return pipeline("orders", Params, [NUMBERS, exploded])


@refusal
def each_step_that_walks_a_stream() -> Any:
    steps = [
        NUMBERS,
        step("words", function(Iterator[str])),
        step("last", function(int, number=int, words=Iterator[str])),
    ]
    return pipeline("orders", Params, steps)


@refusal
def options_for_each_steps_only() -> Any:
    steps = [
        step("plain", function(int, count=int), error_threshold_pct=0.1, shards=4),
        step("other", function(int), error_threshold_absolute=1),
    ]
    return pipeline("orders", Params, steps)


@refusal
def include_with_two_ends() -> Any:
    steps = [NUMBERS, step("doubled", doubled), step("total", total)]
    return pipeline("orders", Params, [include("sub", adapter, pipeline("inner", Params, steps))])


@refusal
def include_without_an_end() -> Any:
    inner = pipeline("inner", Params, [NUMBERS, step("log", log)])
    return pipeline("orders", Params, [include("sub", adapter, inner)])


@refusal
def include_with_a_step_called_params() -> Any:
    inner = pipeline("inner", Params, [step("params", function(int, count=int))])
    return pipeline("orders", Params, [include("sub", adapter, inner)])


@refusal
def stream_that_nobody_drains() -> Any:
    return pipeline("orders", Params, [NUMBERS])


@refusal
def exports_nothing() -> Any:
    return pipeline("orders", Params, [NUMBERS, step("log", log)], exports="log")


@refusal
def sync_and_async_mixed() -> Any:
    return pipeline("orders", Params, [step("numbers", numbers_async), step("doubled", doubled)])


@refusal
def async_after_sync() -> Any:
    async def doubled_async(number: int) -> int:
        return number

    return pipeline("orders", Params, [NUMBERS, step("doubled", doubled_async)])


@refusal
def iterator_of_the_wrong_colour() -> Any:
    last = step("last", function(int, numbers=AsyncIterator[int]))
    return pipeline("orders", Params, [NUMBERS, last])


@refusal
def sync_iterator_in_an_async_pipeline() -> Any:
    async def last(numbers: Iterator[int]) -> int:
        return sum(numbers)

    return pipeline("orders", Params, [step("numbers", numbers_async), step("last", last)])


@refusal
def handlers_of_the_wrong_colour() -> Any:
    each = step("doubled", doubled, rollback=forget, observers=[Observer(note)])
    return pipeline("orders", Params, [NUMBERS, each], materializer=note)


def adapter_of_an_item(number: int) -> Params:
    return Params([], number)


def undo_by_typo(outptu: int) -> None: ...


def undo_later_step(total: int) -> None: ...


def undo_one_item(output: int) -> None: ...


def undo_wrong_type(total: str, error: ValueError) -> None: ...


def undo_gone_items(numbers: list[int]) -> None: ...


def undo_other_step(doubled: list[int]) -> None: ...


def undo_lazily(output: int) -> Iterator[int]:
    yield output


def undo_twins(user_list: int) -> None: ...


def undo_anything(*what: int) -> None: ...


@refusal
def rollbacks_that_cannot_be_bound() -> Any:
    steps = [
        NUMBERS,
        step("doubled", doubled, rollback=undo_one_item),
        step("total", total, rollback=undo_wrong_type),
        step("first", function(int, total=int), rollback=undo_by_typo),
        step("second", function(int, total=int), rollback=undo_other_step),
        step("third", function(int, number=int), rollback=undo_gone_items),
        step("fourth", function(int, third=list[int]), rollback=undo_lazily),
    ]
    return pipeline("orders", Params, steps)


@refusal
def rollback_that_names_two_fields() -> Any:
    first = step("first", function(int, user=int), rollback=undo_twins)
    return pipeline("orders", Twins, [first])


@refusal
def rollback_without_names() -> Any:
    return pipeline("orders", Params, [NUMBERS, step("total", total, rollback=undo_anything)])


@refusal
def rollback_of_a_step_that_runs_per_item() -> Any:
    inner = pipeline("inner", Params, [NUMBERS, step("total", total, rollback=undo_later_step)])
    steps = [NUMBERS, include("sub", adapter_of_an_item, inner)]
    return pipeline("orders", Params, steps)


@refusal
def rollback_of_a_field_inside_an_include() -> Any:
    def undo(urls: list[str]) -> None: ...

    inner = pipeline("inner", Params, [NUMBERS, step("total", total, rollback=undo)])
    return pipeline("orders", Params, [include("sub", adapter, inner)])


@refusal
def lockstep_of_a_stream_and_what_its_list_gives() -> Any:
    steps = [
        NUMBERS,
        step("total", total),
        step("shares", function(float, number=int, total=int)),
    ]
    return pipeline("orders", Params, steps)


@refusal
def lockstep_of_a_branch_and_the_whole() -> Any:
    steps = [
        NUMBERS,
        step("doubled", doubled),
        step("ranks", function(int, doubled=int, numbers=list[int])),
    ]
    return pipeline("orders", Params, steps)


@refusal
def lockstep_of_an_iterator_and_a_sum() -> Any:
    steps = [
        NUMBERS,
        step("total", function(int, numbers=Iterator[int])),
        step("shares", function(float, numbers=Iterator[int], total=int)),
    ]
    return pipeline("orders", Params, steps)


@refusal
def lockstep_around_an_include() -> Any:
    inner = pipeline("inner", Params, [NUMBERS], exports="numbers")
    steps = [
        include("sub", adapter, inner),
        step("size", function(int, sub=list[int])),
        step("last", function(int, sub=int, size=int)),
    ]
    return pipeline("orders", Params, steps)


@refusal
def registry_with_two_pipelines_of_one_name() -> Any:
    return PipelineRegistry([streaming(), streaming()])
