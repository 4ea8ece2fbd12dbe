"""One small pipeline for each way in which a pipeline can fail to compile.

Their messages are kept in ``snapshots/``; see ``test_messages.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

from synaflow_core.definition import OnError, include, step
from synaflow_core.pipeline import pipeline
from tests.core.building import function

REFUSALS: dict[str, Callable[[], Any]] = {}


def refusal(build: Callable[[], Any]) -> Callable[[], Any]:
    """Register a pipeline under the name of its function."""
    REFUSALS[build.__name__] = build
    return build


class Params(NamedTuple):
    urls: list[str]
    count: int = 3


class Twins(NamedTuple):
    user: int
    users: int


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def doubled(number: int) -> int:
    return 2 * number


def total(numbers: list[int]) -> int:
    return sum(numbers)


def log(number: int) -> None:
    print(number)


def connect() -> str:
    return "connection"


def adapter(count: int) -> Params:
    return Params([], count)


async def numbers_async(count: int) -> AsyncIterator[int]:
    yield count


async def note(context: Any) -> None: ...


async def forget() -> None: ...


NUMBERS = step("numbers", numbers)


def streaming() -> Any:
    return pipeline("streaming", Params, [NUMBERS, step("doubled", doubled)])


@refusal
def params_is_no_params_class() -> Any:
    return pipeline("orders", dict, [NUMBERS])


@refusal
def params_is_no_class_at_all() -> Any:
    return pipeline("orders", Params(["a"]), [NUMBERS])  # type: ignore[arg-type]


@refusal
def params_field_of_an_unknown_type() -> Any:
    class Hidden(NamedTuple):
        count: Decimal  # noqa: F821 - that is the point

    return pipeline("orders", Hidden, [NUMBERS])


@refusal
def pipeline_without_a_name() -> Any:
    return pipeline(" ")


@refusal
def step_is_no_step() -> Any:
    return pipeline("orders", Params, [numbers])  # type: ignore[list-item]


@refusal
def step_names_that_cannot_be_used() -> Any:
    names = ["1_load", "clean rows", "clean-rows", "inner__rows", "", "a.b"]
    return pipeline("orders", Params, [step(name, numbers) for name in names])


@refusal
def two_steps_of_one_name() -> Any:
    return pipeline("orders", Params, [NUMBERS, NUMBERS])


@refusal
def two_steps_of_one_dataset() -> Any:
    return pipeline("orders", Params, [NUMBERS, step("number_list", total)])


@refusal
def resource_called_like_a_step() -> Any:
    return pipeline("orders", Params, [NUMBERS], resources={"numbers": connect, "my db": connect})


@refusal
def exports_an_unknown_step() -> Any:
    return pipeline("orders", Params, [NUMBERS], exports="nubmers")


@refusal
def options_out_of_range() -> Any:
    wrong = step(
        "doubled",
        doubled,
        on_error="stop",  # type: ignore[arg-type]
        mode="each",  # type: ignore[arg-type]
        max_in_flight=0,
        shards=0,
        materializer=3,  # type: ignore[arg-type]
        observers=[note],  # type: ignore[list-item]
        error_threshold_absolute=0,
        error_threshold_pct=10,
        progress_weight=-1,
        macro_task="",
    )
    return pipeline("orders", Params, [NUMBERS, wrong])


@refusal
def threshold_under_stop() -> Any:
    each = step("doubled", doubled, on_error=OnError.STOP, error_threshold_absolute=3)
    return pipeline("orders", Params, [NUMBERS, each])


@refusal
def function_is_no_function() -> Any:
    return pipeline("orders", Params, [step("numbers", 3)])  # type: ignore[arg-type]


@refusal
def include_of_something_else() -> Any:
    return pipeline("orders", Params, [include("sub", adapter, "streaming")])  # type: ignore[arg-type]


@refusal
def function_without_a_signature() -> Any:
    return pipeline("orders", Params, [step("numbers", dict)])


@refusal
def function_with_positional_only_parameters() -> Any:
    return pipeline("orders", Params, [step("size", len)])


@refusal
def function_with_star_parameters() -> Any:
    def greedy(*args: int, **kwargs: int) -> int:
        return 1

    return pipeline("orders", Params, [step("greedy", greedy)])


@refusal
def annotation_that_cannot_be_evaluated() -> Any:
    def priced(count: Decimal) -> Decimal: ...  # noqa: F821 - that is the point

    return pipeline("orders", Params, [step("priced", priced)])


@refusal
def generator_annotated_as_a_list() -> Any:
    def listed(count: int) -> list[int]:
        yield from range(count)

    async def listed_async(count: int) -> list[int]:
        yield count

    return pipeline("orders", Params, [step("listed", listed), step("later", listed_async)])


@refusal
def resource_is_no_factory() -> Any:
    def open_url(url: str) -> str:
        return url

    resources = {"db": "sqlite://", "web": open_url}
    return pipeline("orders", Params, [NUMBERS], resources=resources)  # type: ignore[arg-type]


@refusal
def resource_that_nobody_uses() -> Any:
    return pipeline("orders", Params, [NUMBERS], resources={"db": connect})


@refusal
def parameter_that_nothing_feeds() -> Any:
    last = step("last", function(int, numbres=list[int], zebra=int))
    return pipeline("orders", Params, [NUMBERS, last])


@refusal
def parameter_of_the_very_first_step() -> Any:
    return pipeline("orders", None, [step("last", function(int, zebra=int))])


@refusal
def parameter_inside_an_include() -> Any:
    last = step("last", function(int, sub__numbers=list[int]))
    return pipeline("orders", Params, [include("sub", adapter, streaming()), last])


@refusal
def parameter_that_escapes_a_keyword() -> Any:
    steps = [step("class", numbers), step("last", function(int, class_=list[int]))]
    return pipeline("orders", Params, steps)


@refusal
def parameter_that_reads_its_own_step() -> Any:
    return pipeline("orders", None, [step("numbers", function(int, numbers=int))])


@refusal
def parameter_that_could_be_two_fields() -> Any:
    return pipeline("orders", Twins, [step("last", function(int, user_list=int))])


@refusal
def two_parameters_of_one_dataset() -> Any:
    last = step("last", function(int, number=int, number_list=list[int]))
    return pipeline("orders", Params, [NUMBERS, last])


@refusal
def step_declared_later() -> Any:
    return pipeline("orders", Params, [step("total", total), NUMBERS])


@refusal
def steps_in_a_circle() -> Any:
    steps = [
        step("first", function(int, third=int)),
        step("second", function(int, first=int)),
        step("third", function(int, second=int)),
    ]
    return pipeline("orders", Params, steps)


@refusal
def steps_that_are_one_step() -> Any:
    return pipeline("orders", Params, step("numbers", numbers))  # type: ignore[arg-type]


@refusal
def mistakes_of_three_kinds() -> Any:
    steps = [numbers, step("the total", total), step("log", log, max_in_flight=0)]
    return pipeline("orders", {"count": 3}, steps)  # type: ignore[arg-type]
