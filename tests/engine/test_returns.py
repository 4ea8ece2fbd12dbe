"""What a step returns is held against what it declares; thresholds at their exact boundary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from synaflow_core import (
    OnError,
    PipelineStopException,
    ThresholdExceededException,
    pipeline,
    run,
    step,
)


class Params(NamedTuple):
    count: int = 3


def numbers(count: int) -> list[int]:
    return list(range(count))


def forgotten(count: int) -> list[int]:  # type: ignore[return]
    pass


def lazy(count: int) -> list[int]:
    return (i for i in range(count))  # type: ignore[return-value]


def pulled(numbers: Iterator[int]) -> list[int]:
    return map(str, numbers)  # type: ignore[return-value]


@pytest.mark.parametrize(("fn", "shown"), [(forgotten, "None"), (lazy, "<generator")])
def test_a_step_that_does_not_return_its_list_is_blamed_itself(fn: object, shown: str) -> None:
    def each(rows: int) -> int:
        return rows

    def whole(rows: list[int]) -> int:
        return len(rows)

    steps = [step("rows", fn), step("each", each), step("whole", whole)]  # type: ignore[arg-type]
    result = run(pipeline("p", Params, steps))
    assert result.steps["rows"].status == "failed"
    assert "is declared to return a list but returned " + shown in result.steps["rows"].reason
    assert "test_returns.py:" in result.steps["rows"].reason
    assert result.steps["each"].status == result.steps["whole"].status == "skipped"
    stopping = [step("rows", fn, on_error=OnError.STOP)]  # type: ignore[arg-type]
    with pytest.raises(PipelineStopException, match="'rows'"):
        run(pipeline("p", Params, stopping))


def test_so_is_one_that_reads_a_stream() -> None:
    result = run(pipeline("p", Params, [step("numbers", numbers), step("pulled", pulled)]))
    assert result.outputs == {}
    assert "declared to return a list but returned <map" in result.steps["pulled"].reason


def test_a_threshold_in_percent_is_met_exactly() -> None:
    """7 of 100 reach 0.07 although 0.07 * 100 is 7.000000000000001."""
    for calls in (25, 50, 100):
        for errors in range(1, calls + 1):

            def refuse(number: int, errors: int = errors) -> None:
                if number < errors:
                    raise ValueError

            made = pipeline(
                "p",
                Params,
                [
                    step("numbers", numbers),
                    step(
                        "refuse",
                        refuse,
                        error_threshold_pct=errors / calls,
                        error_materializer=lambda error: None,
                    ),
                ],
            )
            with pytest.raises(ThresholdExceededException):
                run(made, Params(calls))
