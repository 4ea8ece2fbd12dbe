"""Pipelines of real functions, compiled and planned: the planner reads what the compiler writes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import NamedTuple

from synaflow_core import include, pipeline, step
from synaflow_core.contract import Contract
from synaflow_export.plan import Plan, PlanOptions, make_plan
from tests.plan.building import groups, why


class Params(NamedTuple):
    count: int = 3


def planned(p: object, options: PlanOptions | None = None) -> Plan:
    """Plan by way of the JSON, as an export of a contract file does."""
    return make_plan(Contract.from_json(p.contract().to_json()), options)  # type: ignore[attr-defined]


def test_a_future_used_on_both_sides_of_a_collected_branch() -> None:
    def ticket(count: int) -> Future[int]:
        future: Future[int] = Future()
        future.set_result(count)
        return future

    def numbers(ticket: Future[int]) -> list[int]:
        return list(range(ticket.result()))

    def total(numbers: list[int]) -> int:
        return sum(numbers)

    def report(ticket: Future[int], total: int) -> str:
        return f"{ticket.result()}: {total}"

    plan = planned(
        pipeline(
            "trap",
            Params,
            [
                step("ticket", ticket),
                step("numbers", numbers),
                step("total", total),
                step("report", report),
            ],
        )
    )
    assert groups(plan) == {"report": ("ticket", "numbers", "total", "report")}
    assert why(plan, "report")[1].startswith(
        "total joined ticket, numbers, report: it lies on a path ticket -> numbers -> total -> "
        "report between steps that must run together because ticket's value (Future"
    )
    assert [dataset.name for dataset in plan.datasets] == ["report"]


def test_a_stream_with_a_lazy_and_a_collecting_consumer() -> None:
    def numbers(count: int) -> Iterator[int]:
        yield from range(count)

    def show(number: int) -> None: ...

    def total(numbers: list[int]) -> int:
        return sum(numbers)

    plan = planned(
        pipeline(
            "fan",
            Params,
            [step("numbers", numbers), step("show", show), step("total", total)],
        )
    )
    assert groups(plan) == {"show": ("numbers", "show"), "total": ("total",)}
    assert [(d.name, d.representation, d.consumers, d.final) for d in plan.datasets] == [
        ("numbers", "items", ("total",), False),
        ("total", "value", (), True),
    ]


def test_an_include_is_planned_with_the_steps_it_becomes() -> None:
    def numbers(count: int) -> Iterator[int]:
        yield from range(count)

    def kept(number: int) -> int:
        return number

    sub = pipeline("sub", Params, [step("numbers", numbers), step("kept", kept)], exports="kept")

    def adapt(count: int) -> Params:
        return Params(count)

    def total(inner: list[int]) -> int:
        return sum(inner)

    p = pipeline("outer", Params, [include("inner", adapt, sub), step("total", total)])
    plan = planned(p)
    assert list(groups(plan)) == ["inner", "total"]
    assert set(plan.task("inner").steps) == {
        "inner__params",
        "inner__params__count",
        "inner__numbers",
        "inner",
    }
    assert groups(planned(p, PlanOptions(granularity="scope"))) == groups(plan)
    assert list(groups(planned(p, PlanOptions(granularity="step")))) == [
        "inner__numbers",
        "inner",
        "total",
    ]


def test_branches_of_one_source_cross_with_their_positions() -> None:
    def numbers(count: int) -> Iterator[int]:
        yield from range(count)

    def odd(number: int) -> int:
        return 1 // (number % 2)

    def half(number: int) -> float:
        return number / 2

    def both(odd: int, half: float) -> None: ...

    plan = planned(
        pipeline(
            "diamond",
            Params,
            [step("numbers", numbers), step("odd", odd), step("half", half), step("both", both)],
        ),
        PlanOptions(granularity="step"),
    )
    assert list(groups(plan)) == ["numbers", "odd", "half", "both"]
    assert {d.name: d.aligned for d in plan.datasets} == {
        "numbers": False,
        "odd": True,
        "half": True,
    }
