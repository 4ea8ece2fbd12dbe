"""What is told of an include: its steps and its adapter, which run the user's code, and no more."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import pytest

from synaflow_core import Monitor, Pipeline, include, pipeline, step
from tests.engine.twins import COLOURS, coloured
from tests.engine.watching import Watch, run_any


class Many(NamedTuple):
    items: list[int]
    factor: int = 2


def including(asynchronous: bool, adapter: Any, **options: Any) -> Pipeline:
    def scaled(item: int, factor: int) -> int:
        return item * factor

    def numbers() -> list[int]:
        return [1, 2, 3]

    def total(scaled: list[int]) -> int:
        return sum(scaled)

    inner = pipeline(
        "inner", Many, [step("scaled", coloured(asynchronous, scaled))], exports="scaled"
    )
    return pipeline(
        "outer",
        None,
        [
            step("numbers", coloured(asynchronous, numbers)),
            include("scaled", coloured(asynchronous, adapter), inner),
            step("total", coloured(asynchronous, total)),
        ],
        **options,
    )


def well(numbers: list[int]) -> Many:
    return Many(numbers)


def badly(numbers: list[int]) -> Many:
    raise LookupError("no factor")


SHOWN = ["numbers", "scaled__params", "scaled", "total"]


@COLOURS
def test_reports_and_events_name_the_adapter_and_not_the_fields(asynchronous: bool) -> None:
    watch, monitor = Watch(), Monitor()
    p = including(asynchronous, well, observers=[watch.observer(asynchronous)])
    result = run_any(p, monitor=monitor)
    assert result.outputs == {"total": 12}
    assert list(result.steps) == [report.name for report in monitor.snapshot()] == SHOWN
    assert {name for _, name in watch.events if name} == set(SHOWN)


@COLOURS
def test_an_adapter_that_fails_is_told_by_its_name(
    asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch()
    with caplog.at_level(logging.WARNING):
        p = including(asynchronous, badly, observers=[watch.observer(asynchronous)])
        reports = run_any(p).steps
    assert [(r.name, r.status, r.reason) for r in reports.values()] == [
        ("numbers", "ok", ""),
        ("scaled__params", "failed", "LookupError: no factor"),
        ("scaled", "skipped", "'scaled__params' failed: LookupError: no factor"),
        ("total", "skipped", "needs 'scaled': 'scaled__params' failed: LookupError: no factor"),
    ]
    assert ("step_failed", "scaled__params") in watch.events
    assert len(caplog.records) == 1


@COLOURS
def test_a_materializer_of_the_pipeline_is_not_called_for_params(asynchronous: bool) -> None:
    built: list[list[int]] = []

    def note(items: list[int]) -> list[int]:
        built.append(items)
        return items

    run_any(including(asynchronous, well, materializer=coloured(asynchronous, note)))
    assert built == [[1, 2, 3], [2, 4, 6]]  # of 'numbers' and 'scaled'
