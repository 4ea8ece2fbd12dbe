from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core.definition import Observer, step
from tests.core.building import UNTYPED, compiled, function, refused, refused_once

ROWS = step("rows", function(Iterator[int]))


def handle(context: Any) -> None: ...


async def handle_async(context: Any) -> None: ...


def undo() -> None: ...


async def undo_async() -> None: ...


async def rows() -> AsyncIterator[int]:
    yield 1


async def each(row: int) -> int:
    return row


# --- ends --------------------------------------------------------------------------------------


def test_a_stream_that_nobody_drains_is_refused() -> None:
    problem = refused_once(ROWS)
    assert problem.code == "terminal-stream"
    assert "exports='rows'" in problem.hint
    assert "force_materialize=True" in problem.hint


def test_exporting_or_collecting_it_makes_it_a_result() -> None:
    assert compiled(ROWS, exports="rows").dag.steps["rows"].exported
    collected = compiled(step("rows", function(Iterator[int]), force_materialize=True))
    assert collected.dag.steps["rows"].collected
    assert not collected.dag.steps["rows"].lazy


@pytest.mark.parametrize("returns", [int, list[int], None, UNTYPED])
def test_other_ends_are_fine(returns: Any) -> None:
    compiled(step("last", function(returns)))


def test_a_terminal_each_step_is_fine() -> None:
    compiled(ROWS, step("last", function(int, row=int)))


def test_an_unknown_export_is_refused_with_a_guess() -> None:
    problem = refused_once(ROWS, step("totals", function(int, row=int)), exports="total")
    assert problem.code == "unknown-export"
    assert problem.hint == "did you mean 'totals'?"
    assert "'rows', 'totals'" in problem.message


def test_nothing_cannot_be_exported() -> None:
    problem = refused_once(step("log", function(None)), exports="log")
    assert problem.code == "exports-nothing"


def test_a_collected_stream_streams_to_nobody() -> None:
    p = compiled(
        step("rows", function(Iterator[int]), force_materialize=True),
        step("each", function(int, row=int)),
        step("walked", function(int, rows=Iterator[int])),
    )
    assert [e.streaming for n in ("each", "walked") for e in p.dag.steps[n].edges] == [False, False]


# --- resources ---------------------------------------------------------------------------------


class Database:
    pass


class Connection:
    def __enter__(self) -> Database:
        return Database()

    def __exit__(self, *problem: object) -> None: ...


class Session:
    def __enter__(self) -> Session:
        return self

    def __exit__(self, *problem: object) -> None: ...


@contextlib.contextmanager
def managed() -> Iterator[Database]:
    yield Database()


def generated() -> Iterator[Database]:
    yield Database()


def returned() -> contextlib.AbstractContextManager[Database]:
    return contextlib.nullcontext(Database())


def untyped():
    return Database()


@pytest.mark.parametrize(
    ("factory", "made"),
    [
        (function(Database), Database),
        (Database, Database),
        (managed, Database),
        (generated, Database),
        (returned, Database),
        (Connection, Database),
        (Session, Session),
        (function(Connection), Database),
        (function(list[int]), list[int]),
        (untyped, Any),
    ],
)
def test_the_type_that_a_factory_makes(factory: Callable[..., Any], made: Any) -> None:
    p = compiled(step("last", function(int, db=made)), resources={"db": factory})
    assert p.dag.resource_types == {"db": made}
    assert p.dag.steps["last"].edges[0].delivery.value == "resource"
    assert p.dag.resources == {"db": factory}


def test_a_resource_of_another_type_is_refused() -> None:
    problem = refused_once(step("last", function(int, db=int)), resources={"db": managed})
    assert problem.code == "type-mismatch"
    assert "expected int, got Database from resource 'db'" in problem.message


def test_a_resource_is_never_taken_apart() -> None:
    problem = refused_once(
        step("last", function(int, db=int)), resources={"db": function(list[int])}
    )
    assert problem.code == "type-mismatch"


def test_an_unused_resource_is_refused() -> None:
    problem = refused_once(step("last", function(int)), resources={"db": managed})
    assert problem.code == "unused-resource"
    assert problem.subject == "resource 'db'"


@pytest.mark.parametrize("kind", ["step", "params field"])
def test_a_resource_collides_with_nothing(kind: str) -> None:
    params = NamedTuple("P", [("db", int)]) if kind == "params field" else None
    steps = [step("db", function(int))] if kind == "step" else []
    problem = refused_once(*steps, params=params, resources={"db": managed})
    assert problem.code == "resource-collision"
    assert kind in problem.message


@pytest.mark.parametrize("factory", [3, "db", function(int, url=str)])
def test_a_factory_is_called_without_arguments(factory: Any) -> None:
    problem = refused_once(step("last", function(int, db=int)), resources={"db": factory})
    assert problem.code == "resource-factory"


def test_a_resource_has_a_legal_name() -> None:
    problem = refused_once(step("last", function(int)), resources={"my db": managed})
    assert problem.code == "illegal-name"
    assert "my_db" in problem.hint


def test_a_factory_with_an_unresolvable_annotation_is_refused() -> None:
    def make() -> Missing: ...  # noqa: F821 - that is the point

    problem = refused_once(step("last", function(int, db=int)), resources={"db": make})
    assert problem.code == "unresolvable-annotation"


# --- colour ------------------------------------------------------------------------------------


def test_all_async_is_async_and_all_sync_is_sync() -> None:
    assert compiled(step("rows", rows), step("each", each)).dag.is_async
    assert not compiled(ROWS, step("each", function(int, row=int))).dag.is_async


def test_mixed_colours_are_refused_with_both_places() -> None:
    problem = refused_once(step("rows", rows), step("last", function(int, row=int)))
    assert problem.code == "mixed-colour"
    assert f"'rows' at test_ends_and_colour.py:{rows.__code__.co_firstlineno}" in problem.message
    assert "async def" in problem.hint
    problem = refused_once(ROWS, step("each", each))
    assert problem.subject == "step 'each'"
    assert "'def'" in problem.hint


def test_a_sync_pipeline_has_sync_iterators() -> None:
    problem = refused_once(ROWS, step("last", function(int, rows=AsyncIterator[int])))
    assert problem.code == "iteration-colour"
    assert "Iterator[int]" in problem.hint


def test_an_async_pipeline_streams_to_async_iterators() -> None:
    async def last(rows: Iterator[int]) -> int:
        return 1

    async def iterable(rows: Iterable[int]) -> int:
        return 1

    problems = refused(step("rows", rows), step("last", last), step("iterable", iterable))
    assert [p.code for p in problems] == ["iteration-colour"] * 2
    assert {p.hint for p in problems} == {"annotate it AsyncIterator[int]"}


@pytest.mark.parametrize("asked", [Iterator[int], AsyncIterator[int], UNTYPED])
def test_what_is_in_memory_is_walked_either_way_in_an_async_pipeline(asked: Any) -> None:
    async def made() -> list[int]:
        return [1]

    async def last(made: Any) -> int:
        return 1

    last.__annotations__["made"] = asked if asked is not UNTYPED else Any
    compiled(step("made", made), step("last", last))


def test_no_steps_have_no_colour() -> None:
    assert not compiled().dag.is_async


# --- handlers ----------------------------------------------------------------------------------

SYNC = [ROWS]
ASYNC = [step("rows", rows)]


@pytest.mark.parametrize("option", ["materializer", "error_materializer", "rollback"])
def test_async_handlers_need_an_async_pipeline(option: str) -> None:
    handler = undo_async if option == "rollback" else handle_async
    last = step("last", function(int, row=int), **{option: handler})
    problem = refused_once(ROWS, last)
    assert problem.code == "handler-colour"
    assert problem.subject == f"step 'last', {option} '{handler.__name__}'"
    assert problem.where == f"test_ends_and_colour.py:{handler.__code__.co_firstlineno}"
    compiled(*ASYNC, step("each", each, **{option: handler}))


@pytest.mark.parametrize("option", ["materializer", "error_materializer"])
def test_materializers_may_be_sync_in_an_async_pipeline(option: str) -> None:
    compiled(*ASYNC, step("each", each, **{option: handle}))
    compiled(*ASYNC, step("each", each), **{option: handle})


def test_observers_and_rollbacks_have_the_colour_of_the_pipeline() -> None:
    watched = [Observer(handle)]
    compiled(ROWS, step("last", function(int, row=int), observers=watched, rollback=undo))
    assert refused_once(*ASYNC, step("each", each, observers=watched)).code == "handler-colour"
    assert refused_once(*ASYNC, step("each", each, rollback=undo)).code == "handler-colour"
    assert refused_once(*ASYNC, step("each", each), observers=watched).code == "handler-colour"


def test_handlers_of_the_pipeline_are_told_once() -> None:
    problem = refused_once(
        ROWS, step("last", function(int, row=int)), error_materializer=handle_async
    )
    assert problem.subject == "error_materializer 'handle_async'"


def test_steps_inherit_the_handlers_of_the_pipeline() -> None:
    def own(context: Any) -> None: ...

    p = compiled(
        ROWS,
        step("last", function(int, row=int), materializer=own),
        materializer=handle,
        error_materializer=handle,
        observers=[Observer(handle)],
    )
    assert p.dag.steps["rows"].materializer is handle
    assert p.dag.steps["last"].materializer is own
    assert p.dag.steps["last"].error_materializer is handle
    assert p.dag.observers == (Observer(handle),)
    assert p.dag.steps["last"].observers == ()
