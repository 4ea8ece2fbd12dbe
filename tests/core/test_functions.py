from __future__ import annotations

import asyncio
import collections.abc as abc
import contextlib
import functools
import typing
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from synaflow_core.hints import (
    Function,
    Parameter,
    is_async_callable,
    place_of,
    read_fields,
    read_function,
)

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass
class Event:
    id: int


def plain_function(event: Event, count: int = 3) -> list[Event]:
    return [event] * count


async def coroutine(event: Event) -> Event:
    return event


def parameters(function: Function) -> list[tuple[str, Any, bool]]:
    return [(p.name, p.annotation, p.has_default) for p in function.parameters]


def test_string_annotations_are_resolved() -> None:
    function = read_function(plain_function)
    assert parameters(function) == [("event", Event, False), ("count", int, True)]
    assert function.returns == list[Event]
    assert function.complaints == ()
    assert not function.is_async


def test_the_place_is_the_line_of_the_definition_without_a_path() -> None:
    line = plain_function.__code__.co_firstlineno
    assert read_function(plain_function).where == f"test_functions.py:{line}"


def test_missing_annotations_are_any() -> None:
    def untyped(a, b=1):
        return a, b

    function = read_function(untyped)
    assert function.parameters == (Parameter("a", Any), Parameter("b", Any, has_default=True))
    assert function.returns is Any


def test_unannotated_generators_return_streams() -> None:
    def produce():
        yield 1

    async def produce_async():
        yield 1

    assert read_function(produce).returns == typing.Iterator[Any]
    assert read_function(produce_async).returns == typing.AsyncIterator[Any]
    assert read_function(produce_async).is_async


def test_a_closed_over_class_is_found() -> None:
    class Local:
        pass

    def takes(value: Local) -> list[Local]:
        assert isinstance(value, Local)
        return [value]

    function = read_function(takes)
    assert function.complaints == ()
    assert function.returns == list[Local]


def test_a_local_class_that_is_out_of_reach_is_a_complaint_about_that_parameter() -> None:
    class Local:
        pass

    def takes(count: int, value: Local) -> None: ...

    function = read_function(takes)
    assert parameters(function) == [("count", int, False), ("value", Any, False)]
    (complaint,) = function.complaints
    assert complaint.code == "unresolvable-annotation"
    assert complaint.parameter == "value"
    assert "'Local'" in complaint.message
    assert "module level" in complaint.hint


def test_a_name_imported_for_type_checking_only_is_a_complaint() -> None:
    def total() -> Decimal: ...

    (complaint,) = read_function(total).complaints
    assert "'Decimal'" in complaint.message
    assert "TYPE_CHECKING" in complaint.hint


def test_an_annotation_that_raises_anything_is_a_complaint() -> None:
    def odd(value: int) -> None: ...

    odd.__annotations__["value"] = "1 / 0"
    (complaint,) = read_function(odd).complaints
    assert "ZeroDivisionError" in complaint.message


def test_a_partial_hides_what_it_fixes() -> None:
    fixed = functools.partial(plain_function, count=5)
    assert parameters(read_function(fixed)) == [("event", Event, False)]
    positional = functools.partial(plain_function, Event(1))
    assert [p.name for p in read_function(positional).parameters] == ["count"]
    assert read_function(positional).returns == list[Event]
    assert read_function(fixed).where == read_function(plain_function).where


def test_callable_objects_methods_and_classes() -> None:
    class Scaler:
        def __call__(self, value: int) -> float:
            return float(value)

        def method(self, value: int) -> str:
            return str(value)

        @staticmethod
        def static(value: int) -> bytes:
            return bytes(value)

    made = read_function(Scaler())
    assert (parameters(made), made.returns) == ([("value", int, False)], float)
    bound = read_function(Scaler().method)
    assert (parameters(bound), bound.returns) == ([("value", int, False)], str)
    static = read_function(Scaler.static)
    assert (parameters(static), static.returns) == ([("value", int, False)], bytes)
    constructed = read_function(Event)
    assert (parameters(constructed), constructed.returns) == ([("id", int, False)], Event)


def test_decorated_functions_are_read_through() -> None:
    def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return fn(*args, **kwargs)

        return wrapper

    function = read_function(logged(plain_function))
    assert parameters(function)[0] == ("event", Event, False)
    assert function.returns == list[Event]
    assert function.where == read_function(plain_function).where


def test_a_decorator_may_turn_a_generator_into_something_else() -> None:
    @contextlib.contextmanager
    def opened() -> Iterator[int]:
        yield 1

    assert read_function(opened).complaints == ()


def test_builtins_without_names_are_complaints() -> None:
    (complaint,) = read_function(len).complaints
    assert complaint.code == "positional-only-parameter"
    (complaint,) = read_function(iter).complaints or read_function(dict).complaints
    assert complaint.code in ("no-signature", "positional-only-parameter")


def test_star_parameters_are_complaints() -> None:
    def greedy(a: int, *args: int, **kwargs: int) -> None: ...

    assert [(c.code, c.parameter) for c in read_function(greedy).complaints] == [
        ("star-parameter", "*args"),
        ("star-parameter", "**kwargs"),
    ]


def test_a_generator_must_be_annotated_as_one() -> None:
    def wrong() -> list[int]:
        yield 1

    def wrong_colour() -> AsyncIterator[int]:
        yield 1

    async def wrong_async() -> Iterator[int]:
        yield 1

    def fine() -> Generator[int, None, None]:
        yield 1

    def also_fine() -> Any:
        yield 1

    assert [c.code for c in read_function(wrong).complaints] == ["not-a-stream"]
    assert "list[int]" in read_function(wrong).complaints[0].message
    assert "'-> Iterator[T]'" in read_function(wrong_colour).complaints[0].hint
    assert "'-> AsyncIterator[T]'" in read_function(wrong_async).complaints[0].hint
    assert read_function(fine).complaints == ()
    assert read_function(also_fine).returns == typing.Iterator[Any]


def test_what_is_async() -> None:
    class Caller:
        async def __call__(self, value: int) -> int:
            return value

    async def stream() -> AsyncIterator[int]:
        yield 1

    def hands_on() -> AsyncIterator[int]:
        return stream()

    assert is_async_callable(coroutine)
    assert is_async_callable(functools.partial(coroutine, Event(1)))
    assert is_async_callable(stream)
    assert is_async_callable(Caller())
    assert not is_async_callable(plain_function)
    assert not is_async_callable(Event)
    assert not is_async_callable(42)
    assert read_function(hands_on).is_async
    assert asyncio.run(coroutine(Event(1))) == Event(1)


def test_fields_of_params_classes_keep_their_metadata() -> None:
    class Named(NamedTuple):
        count: int
        limit: typing.Annotated[int, "at least 1"] = 5

    @dataclass
    class Base:
        first: str

    @dataclass
    class Data(Base):
        second: list[int] = field(default_factory=list)
        derived: int = field(init=False, default=0)

    assert read_fields(Named) == ({"count": int, "limit": typing.Annotated[int, "at least 1"]}, ())
    assert read_fields(Data) == ({"first": str, "second": list[int]}, ())


def test_an_unresolvable_field_is_a_complaint() -> None:
    class Named(NamedTuple):
        count: int
        total: Decimal

    fields, (complaint,) = read_fields(Named)
    assert fields == {"count": int, "total": Any}
    assert complaint.parameter == "total"


def test_what_has_no_source_has_no_place() -> None:
    assert place_of(len) == ""
    assert place_of(3) == ""
    assert place_of(abc.Iterator) == ""
