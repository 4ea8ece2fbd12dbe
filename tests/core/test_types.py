from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Annotated, Any, NamedTuple, TypedDict

import pytest

from synaflow_core.dag import Delivery, Edge, OutputKind, Source
from synaflow_core.definition import StepMode, step
from tests.core.building import (
    UNTYPED,
    compiled,
    consumer_of,
    delivery,
    function,
    refused_once,
)


class Event(TypedDict):
    id: int


class Point(NamedTuple):
    x: int
    y: int


ITEM, STREAM, LIST, SET = Delivery.ITEM, Delivery.STREAM, Delivery.LIST, Delivery.SET
TUPLE, DICT, VALUE, FROZENSET = Delivery.TUPLE, Delivery.DICT, Delivery.VALUE, Delivery.FROZENSET

DELIVERIES = [
    # a scalar arrives as it is
    (int, int, VALUE),
    (int, float, VALUE),
    (int, Any, VALUE),
    (int, UNTYPED, VALUE),
    (UNTYPED, int, VALUE),
    (UNTYPED, list[int], VALUE),
    (Any, Iterator[int], VALUE),
    (Point, Point, VALUE),
    (Point, tuple, VALUE),
    (tuple[int, str], tuple[int, str], VALUE),
    (int | None, int | None, VALUE),
    (list[int] | None, list[int] | None, VALUE),
    # a stream: as it comes, item by item, lazily or collected
    (Iterator[int], UNTYPED, STREAM),
    (Iterator[int], Any, STREAM),
    (Iterator[int], object, STREAM),
    (Iterator[int], Iterator[int], STREAM),
    (Generator[int, None, None], Iterable[int], STREAM),
    (Iterable[int], Iterator[int], STREAM),
    (Iterator[int], Iterator, STREAM),
    (Iterator, Iterator[int], STREAM),
    (Iterator[int], Iterator[int] | None, STREAM),
    (Iterator[int], int, ITEM),
    (Iterator[int], float, ITEM),
    (Iterator[int], int | None, ITEM),
    (Iterator[int | None], int | None, ITEM),
    (Iterator[int], list[int], LIST),
    (Iterator[int], list, LIST),
    (Iterator[int], Sequence[int], LIST),
    (Iterator[int], Collection[float], LIST),
    (Iterator[int], list[int] | None, LIST),
    (Iterator[int], set[int], SET),
    (Iterator[int], frozenset[int], FROZENSET),
    (Iterator[int], tuple[int, ...], TUPLE),
    (Iterator[int], tuple, TUPLE),
    (Iterator[tuple[str, int]], dict[str, int], DICT),
    (Iterator[tuple[str, int]], Mapping[str, int], DICT),
    (Iterator[tuple[str, int]], tuple[str, int], ITEM),
    (Iterator[tuple[str, int]], tuple, ITEM),
    (Iterator, int, ITEM),
    (Iterator, list[int], LIST),
    # items that are containers themselves
    (Iterator[dict[str, int]], dict, ITEM),
    (Iterator[dict], dict[str, int], ITEM),
    (Iterator[dict[str, Any]], dict[str, Any], ITEM),
    (Iterator[list[int]], list[int], ITEM),
    (Iterator[list[int]], list[list[int]], LIST),
    (Iterator[list[int]], Sequence[int], ITEM),
    (Iterator[Point], Point, ITEM),
    (Iterator[Point], Point | None, ITEM),
    (Iterator[Event], Event, ITEM),
    (Iterator[Event], dict, ITEM),
    (Iterator[Event], list[dict], LIST),
    # a collection: the container that is asked for, an iterator, or item by item
    (list[int], UNTYPED, LIST),
    (list[int], list[int], LIST),
    (list[int], list, LIST),
    (list[int], set[int], SET),
    (list[int], tuple[int, ...], TUPLE),
    (list[int], Iterator[int], STREAM),
    (list[int], Generator[int, None, None], STREAM),
    (list[int], int, ITEM),
    (list, int, ITEM),
    (list[list[int]], list, LIST),
    (list[list[int]], list[int], ITEM),
    (set[int], list[int], LIST),
    (frozenset[int], frozenset[int], FROZENSET),
    (tuple[int, ...], list[int], LIST),
    (tuple[int, ...], int, ITEM),
    (dict[str, int], dict[str, int], DICT),
    (dict[str, int], dict, DICT),
    (dict[str, int], tuple[str, int], ITEM),
    (dict[str, int], list[tuple[str, int]], LIST),
    (dict[str, int], Iterator[tuple[str, int]], STREAM),
    (Annotated[list[int], "sorted"], Annotated[int, "metres"], ITEM),
]


def case_id(value: object) -> str:
    return str(getattr(value, "name", value))


@pytest.mark.parametrize(("made", "asked", "expected"), DELIVERIES, ids=case_id)
def test_how_a_result_reaches_a_parameter(made: Any, asked: Any, expected: Delivery) -> None:
    options = {"exports": "last"}
    made_by = function(made)
    p = compiled(step("made", made_by), step("last", function(int, made=asked)), **options)
    node = p.dag.steps["last"]
    assert node.edges[0].delivery is expected
    assert node.mode is (StepMode.EACH if expected is ITEM else StepMode.ALL)
    streaming = p.dag.steps["made"].output_kind is OutputKind.STREAM and expected.is_lazy
    assert node.edges[0].streaming is streaming


REFUSED = [
    (int, str),
    (int, list[int]),
    (int, Iterator[int]),
    (str, Iterator[str]),
    (str, list[str]),
    (Point, Iterator[int]),
    (Iterator[int], str),
    (Iterator[int], list[str]),
    (Iterator[int], dict[str, int]),
    (Iterator[int], tuple[int, int]),
    (Iterator[int | str], int),
    (list[int], str),
    (list[str], dict[str, str]),
    (dict[str, int], str),
    (dict[str, int], int),
    (list[int] | None, list[int]),
    (list[int] | None, Iterator[int] | None),
    (list[int] | set[int], Iterator[int]),
]


@pytest.mark.parametrize(("made", "asked"), REFUSED, ids=str)
def test_what_does_not_fit_is_refused_with_both_types(made: Any, asked: Any) -> None:
    from synaflow_core.hints import type_name

    problem = refused_once(step("made", function(made)), step("last", function(int, made=asked)))
    assert problem.code == "type-mismatch"
    assert problem.subject == "step 'last', parameter 'made'"
    assert f"expected {type_name(asked)}, got {type_name(made)} from step 'made'" in problem.message
    assert problem.hint


def test_a_refused_wrap_says_so() -> None:
    problem = refused_once(step("made", function(int)), step("last", function(int, made=list[int])))
    assert "never wrapped" in problem.hint


def test_the_hint_offers_the_three_ways_to_take_a_stream() -> None:
    problem = refused_once(
        step("made", function(Iterator[int])), step("last", function(int, made=str))
    )
    for way in ("int (one call per item)", "Iterator[int]", "list[int]"):
        assert way in problem.hint


def test_one_mistake_is_not_told_again_downstream() -> None:
    problem = refused_once(
        step("a", function(Iterator[int])),
        step("b", function(str, a=str)),
        step("c", function(int, b=int)),
    )
    assert problem.subject == "step 'b', parameter 'a'"


def test_an_each_step_offers_a_stream_of_its_results() -> None:
    p = compiled(
        step("rows", function(Iterator[int])),
        step("words", function(str, row=int)),
        step("last", function(int, words=list[str])),
    )
    node = p.dag.steps["words"]
    assert (node.mode, node.output_kind, node.element, node.returns) == (
        StepMode.EACH,
        OutputKind.STREAM,
        str,
        str,
    )
    assert p.dag.steps["last"].edges[0].delivery is LIST


def test_an_each_step_that_returns_lists_offers_a_stream_of_lists() -> None:
    p = compiled(
        step("rows", function(Iterator[int])),
        step("words", function(list[str], row=int)),
        step("last", function(int, words=list[str])),
    )
    assert p.dag.steps["words"].element == list[str]
    assert p.dag.steps["last"].mode is StepMode.EACH


def test_the_message_about_an_each_step_names_its_stream() -> None:
    problem = refused_once(
        step("rows", function(Iterator[int])),
        step("words", function(str, row=int)),
        step("last", function(int, words=int)),
    )
    assert "expected int, got Stream[str] from step 'words'" in problem.message


@pytest.mark.parametrize(
    ("returns", "kind", "element"),
    [
        (int, OutputKind.VALUE, int),
        (UNTYPED, OutputKind.VALUE, Any),
        (None, OutputKind.NONE, type(None)),
        (list[int], OutputKind.LIST, int),
        (Sequence[int], OutputKind.LIST, int),
        (set[int], OutputKind.SET, int),
        (frozenset[int], OutputKind.FROZENSET, int),
        (tuple[int, ...], OutputKind.TUPLE, int),
        (tuple[int, str], OutputKind.VALUE, tuple[int, str]),
        (dict[str, int], OutputKind.DICT, tuple[str, int]),
        (Point, OutputKind.VALUE, Point),
        (int | None, OutputKind.VALUE, int | None),
        (Iterator[int], OutputKind.STREAM, int),
        (Iterable[int], OutputKind.STREAM, int),
    ],
    ids=str,
)
def test_what_a_step_hands_on(returns: Any, kind: OutputKind, element: Any) -> None:
    node = compiled(step("a", function(returns)), exports=None if returns is None else "a")
    assert node.dag.steps["a"].output_kind is kind
    assert node.dag.steps["a"].element == element


def test_an_each_sink_hands_nothing_on() -> None:
    p = compiled(step("rows", function(list[int])), step("log", function(None, row=int)))
    assert p.dag.steps["log"].output_kind is OutputKind.NONE
    assert p.dag.steps["log"].mode is StepMode.EACH


@pytest.mark.parametrize("asked", [None, UNTYPED, int])
def test_nothing_cannot_be_consumed(asked: Any) -> None:
    problem = refused_once(step("log", function(None)), step("last", function(int, log=asked)))
    assert problem.code == "nothing-produced"


class Fields(NamedTuple):
    rows: list[int]
    pairs: dict[str, int]
    names: Sequence[str] = ()
    live: Iterator[int] = iter(())
    limit: int = 1
    maybe: list[int] | None = None


@pytest.mark.parametrize(
    ("field", "asked", "expected"),
    [
        ("rows", list[int], Delivery.PARAM),
        ("rows", Sequence[int], Delivery.PARAM),
        ("rows", UNTYPED, Delivery.PARAM),
        ("rows", Any, Delivery.PARAM),
        ("rows", tuple[int, ...], TUPLE),
        ("rows", set[int], SET),
        ("rows", Iterator[int], STREAM),
        ("rows", int, ITEM),
        ("pairs", dict[str, int], Delivery.PARAM),
        ("pairs", Mapping[str, int], Delivery.PARAM),
        ("pairs", tuple[str, int], ITEM),
        ("names", Sequence[str], Delivery.PARAM),
        ("names", list[str], LIST),
        ("names", str, ITEM),
        ("live", Iterator[int], STREAM),
        ("live", UNTYPED, STREAM),
        ("live", list[int], LIST),
        ("live", int, ITEM),
        ("limit", int, Delivery.PARAM),
        ("limit", float, Delivery.PARAM),
        ("maybe", list[int] | None, Delivery.PARAM),
    ],
    ids=case_id,
)
def test_params_fields_are_producers_too(field: str, asked: Any, expected: Delivery) -> None:
    p = compiled(step("last", function(int, **{field: asked})), params=Fields)
    (edge,) = p.dag.steps["last"].edges
    assert edge == Edge(
        field, field, Source.PARAM, expected, Any if asked is UNTYPED else asked, streaming=False
    )


@pytest.mark.parametrize(
    ("field", "asked"),
    [("rows", str), ("limit", list[int]), ("limit", Iterator[int]), ("maybe", list[int])],
)
def test_a_field_that_does_not_fit_is_refused(field: str, asked: Any) -> None:
    problem = refused_once(step("last", function(int, **{field: asked})), params=Fields)
    assert problem.code == "type-mismatch"
    assert f"from params field '{field}'" in problem.message


def test_an_unannotated_parameter_has_the_annotation_any() -> None:
    assert consumer_of(int, UNTYPED).edges[0].annotation is Any
    assert delivery(int, UNTYPED) is VALUE


def test_unannotated_generator_functions_are_streams() -> None:
    def rows():
        yield 1

    p = compiled(step("rows", rows), step("last", function(int, rows=list[int])))
    assert p.dag.steps["rows"].output_kind is OutputKind.STREAM
    assert p.dag.steps["rows"].element is Any


def test_async_streams_collect_and_stream() -> None:
    async def rows() -> AsyncIterator[int]:
        yield 1

    async def walked(rows: AsyncIterator[int]) -> int:
        return 1

    async def collected(rows: list[int]) -> int:
        return 1

    async def each(row: int) -> int:
        return 1

    p = compiled(
        step("rows", rows), step("walked", walked), step("collected", collected), step("each", each)
    )
    edges = [p.dag.steps[name].edges[0] for name in ("walked", "collected", "each")]
    assert [(e.delivery, e.streaming) for e in edges] == [
        (STREAM, True),
        (LIST, False),
        (ITEM, True),
    ]
    assert p.dag.is_async
