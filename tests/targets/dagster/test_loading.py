"""Assets that others write by hand load our datasets in the form that they ask for."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.targets.dagster.running import DefsFolder, Outcome

ORDERS = """
    from collections.abc import Iterator
    from dataclasses import dataclass
    from datetime import date
    from typing import NamedTuple

    from synaflow_core import pipeline, step


    @dataclass(frozen=True)
    class Order:
        name: str
        day: date
        amount: float


    class Pair(NamedTuple):
        left: int
        right: str


    def orders() -> Iterator[Order]:
        for number in range(3):
            yield Order(f"order {number}", date(2024, 1, number + 1), number / 2)


    def pairs() -> list[Pair]:
        return [Pair(1, "a"), Pair(2, "b")]


    def numbers() -> set[int]:
        return {1, 2, 3}


    def prices() -> dict[str, float]:
        return {"a": 1.5, "b": 2.5}


    def best() -> Order:
        return Order("best", date(2024, 5, 1), 9.0)


    p = pipeline(
        "shop",
        None,
        [
            step("orders", orders, force_materialize=True),
            step("pairs", pairs),
            step("numbers", numbers),
            step("prices", prices),
            step("best", best),
        ],
    )
"""


def reader(dataset: str, annotation: Any, check: Callable[[Any], None]) -> Any:
    """An asset that loads a dataset."""
    import dagster as dg

    def mine(given: Any) -> None:
        check(given)

    mine.__annotations__ = {"return": None} if annotation is None else {"given": annotation}
    return dg.asset(name="mine", ins={"given": dg.AssetIn(["shop", dataset])})(mine)


def load_as(defs: DefsFolder, dataset: str, annotation: Any) -> tuple[list[Any], Outcome]:
    """What such an asset gets, and the run."""
    got: list[Any] = []

    def keep(given: Any) -> None:
        got.append([*given] if isinstance(given, Iterator) else given)

    outcome = defs.run(defs.export(ORDERS), more=[reader(dataset, annotation, keep)])
    return got, outcome


def names(orders: Iterable[Any]) -> list[str]:
    return [order.name for order in orders]


ORDER_NAMES = ["order 0", "order 1", "order 2"]


@pytest.mark.parametrize(
    "annotation",
    [None, Any, list, typing.Sequence, Iterator, Iterable, collections.abc.Generator, tuple],
    ids=str,
)
def test_elements_have_their_own_types(defs: DefsFolder, annotation: Any) -> None:
    got, outcome = load_as(defs, "orders", annotation)
    assert outcome.success, outcome.errors()
    assert names(got[0]) == ORDER_NAMES
    assert str(got[0][1].day) == "2024-01-02"


@pytest.mark.parametrize(
    ("dataset", "annotation", "expected"),
    [
        ("numbers", set, {1, 2, 3}),
        ("numbers", list[int], [1, 2, 3]),
        ("numbers", frozenset, frozenset({1, 2, 3})),
        ("prices", dict, {"a": 1.5, "b": 2.5}),
        ("prices", dict[str, float], {"a": 1.5, "b": 2.5}),
        ("prices", None, {"a": 1.5, "b": 2.5}),
        ("numbers", None, {1, 2, 3}),
    ],
    ids=str,
)
def test_containers_are_what_is_asked_for_or_what_they_were(
    defs: DefsFolder, dataset: str, annotation: Any, expected: Any
) -> None:
    got, outcome = load_as(defs, dataset, annotation)
    assert outcome.success, outcome.errors()
    assert got == [expected]


def test_one_value_is_that_value(defs: DefsFolder) -> None:
    got, outcome = load_as(defs, "best", None)
    assert outcome.success, outcome.errors()
    assert (got[0].name, got[0].amount) == ("best", 9.0)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_has_a_row_per_element_and_a_column_per_field(
    defs: DefsFolder, library: str
) -> None:
    module = pytest.importorskip(library)
    frame = module.Table if library == "pyarrow" else module.DataFrame

    def columns(given: Any) -> dict[str, list[Any]]:
        if library == "polars":
            return dict(given.to_dict(as_series=False))
        if library == "pyarrow":
            return dict(given.to_pydict())
        return dict(given.to_dict(orient="list"))

    got, outcome = load_as(defs, "orders", frame)
    assert outcome.success, outcome.errors()
    table = columns(got[0])
    assert table["name"] == ORDER_NAMES
    assert [str(day)[:10] for day in table["day"]] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert table["amount"] == [0.0, 0.5, 1.0]
    assert columns(load_as(defs, "pairs", frame)[0][0]) == {"left": [1, 2], "right": ["a", "b"]}
    assert columns(load_as(defs, "numbers", frame)[0][0]) == {"numbers": [1, 2, 3]}


def test_an_iterator_reads_as_it_is_asked(defs: DefsFolder) -> None:
    taken: list[str] = []

    def first_only(given: Iterator[Any]) -> None:
        taken.append(next(given).name)

    outcome = defs.run(defs.export(ORDERS), more=[reader("orders", Iterator, first_only)])
    assert outcome.success, outcome.errors()
    assert taken == ["order 0"]


def test_the_reference_itself_can_be_had(defs: DefsFolder) -> None:
    from synaflow_export.runtime.dagster import DatasetRef

    got, outcome = load_as(defs, "orders", DatasetRef)
    assert outcome.success, outcome.errors()
    assert got[0].count == 3


def test_a_form_that_nothing_can_be_made_into_is_told(defs: DefsFolder) -> None:
    got, outcome = load_as(defs, "orders", complex)
    assert got == []
    assert "dataset 'orders' cannot be loaded as <class 'complex'>" in outcome.errors()
    assert "data frame" in outcome.errors()


def test_values_of_other_assets_are_not_for_this_io_manager(defs: DefsFolder) -> None:
    import dagster as dg

    @dg.asset(io_manager_key="shop_io")
    def mine() -> int:
        return 1

    outcome = defs.run(defs.export(ORDERS), more=[mine])
    assert not outcome.success
    assert "io_manager_key of its own" in outcome.errors()
