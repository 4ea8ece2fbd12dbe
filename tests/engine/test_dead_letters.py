"""Dead letters: what failed is kept and can be replayed, on both engines."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    OnError,
    Pipeline,
    PipelineStopException,
    composite_error_materializer,
    dead_letters,
    disk_error_materializer,
    include,
    log_error_materializer,
    pipeline,
    step,
)
from synaflow_core.errors import ReplayError
from tests.engine.twins import COLOURS, coloured, source
from tests.engine.watching import run_any


@dataclass
class Order:
    id: int
    day: date
    tags: tuple[str, ...] = ()


class Params(NamedTuple):
    orders: tuple[Order, ...] = tuple(Order(i, date(2024, 1, i + 1), ("x",)) for i in range(5))
    rate: int = 10


class Fault:
    """Steps that fail until they are mended; ``calls`` notes what was called with what."""

    def __init__(self) -> None:
        self.mended = False
        self.calls: list[Any] = []

    def check(self, name: str, value: Any, bad: bool) -> None:
        self.calls.append((name, value))
        if bad and not self.mended:
            raise ValueError(f"bad {value}")


def shop(asynchronous: bool, path: Path, fault: Fault, **options: Any) -> Pipeline:
    """orders -> price (fails for odd ids, needs rates) -> total; orders -> count."""

    def rates(rate: int) -> dict[str, int]:
        fault.calls.append(("rates", rate))
        return {"x": rate}

    def price(order: Order, rates: dict[str, int]) -> int:
        fault.check("price", order.id, order.id % 2 == 1)
        return order.id * rates["x"]

    def count(order: Order) -> None:
        fault.calls.append(("count", order.id))

    def total(price: list[int]) -> int:
        return sum(price)

    return pipeline(
        "shop",
        Params,
        [
            step("rates", coloured(asynchronous, rates)),
            step("price", coloured(asynchronous, price), **options),
            step("count", coloured(asynchronous, count)),
            step("total", coloured(asynchronous, total)),
        ],
        error_materializer=disk_error_materializer(path / "new" / "dead.jsonl"),
    )


@COLOURS
def test_a_failed_call_becomes_a_line(asynchronous: bool, tmp_path: Path) -> None:
    result = run_any(shop(asynchronous, tmp_path, Fault()))
    assert result.outputs == {"total": 60}
    file = tmp_path / "new" / "dead.jsonl"
    first, second = [json.loads(line) for line in file.read_text().splitlines()]
    assert (first["pipeline"], first["step"], first["mode"]) == ("shop", "price", "each")
    assert first["run_id"] == second["run_id"] == result.run_id
    assert first["error"]["type"] == "ValueError"
    assert first["error"]["message"] == "bad 1"
    assert "fault.check" in first["error"]["traceback"]
    assert first["item"] == {"id": 1, "day": "2024-01-02", "tags": ["x"]}
    assert second["item_repr"].startswith("Order(id=3")


@COLOURS
def test_replaying_runs_the_step_and_what_follows_on_the_failed_items(
    asynchronous: bool, tmp_path: Path
) -> None:
    fault = Fault()
    p = shop(asynchronous, tmp_path, fault)
    run_any(p)
    file = tmp_path / "new" / "dead.jsonl"
    letters = dead_letters(file)
    assert letters.steps == {"price": 2}
    fault.calls.clear()

    still_bad = run_any(p, replay=letters)
    assert still_bad.steps["price"].errors == 2
    assert len(dead_letters(file)) == 4, "what fails again is appended again"
    assert len(dead_letters(file, run_id=still_bad.run_id)) == 2

    fault.mended = True
    fault.calls.clear()
    result = run_any(p, {"rate": 100}, replay=letters)
    assert result.outputs == {"total": 400}
    assert fault.calls == [("rates", 100), ("price", 1), ("price", 3)]
    assert (result.steps["price"].ok, result.steps["price"].errors) == (2, 0)
    assert result.steps["count"].status == "skipped"
    assert result.steps["count"].reason == "not part of the replay of 'price'"


@COLOURS
def test_a_step_under_stop_leaves_its_letter(asynchronous: bool, tmp_path: Path) -> None:
    fault = Fault()
    p = shop(asynchronous, tmp_path, fault, on_error=OnError.STOP)
    with pytest.raises(PipelineStopException):
        run_any(p)
    fault.mended = True
    letters = dead_letters(tmp_path / "new" / "dead.jsonl")
    assert run_any(p, replay=letters).outputs == {"total": 10}


@COLOURS
def test_a_diamond_is_replayed_with_both_sides(asynchronous: bool, tmp_path: Path) -> None:
    fault = Fault()

    def left(numbers: int) -> int:
        fault.check("left", numbers, numbers in (1, 3))
        return numbers * 10

    def right(numbers: int) -> int:
        return numbers * 100

    def both(left: int, right: int) -> int:
        return left + right

    def whole(both: list[int]) -> list[int]:
        return both

    def build() -> Pipeline:
        disk = disk_error_materializer(tmp_path / "dead.jsonl")
        return pipeline(
            "p",
            None,
            [
                step("numbers", source(asynchronous, 5)),
                step("left", coloured(asynchronous, left), error_materializer=disk),
                step("right", coloured(asynchronous, right)),
                step("both", coloured(asynchronous, both)),
                step("whole", coloured(asynchronous, whole)),
            ],
        )

    assert run_any(build()).outputs == {"whole": [0, 220, 440]}
    fault.mended = True
    result = run_any(build(), replay=dead_letters(tmp_path / "dead.jsonl"))
    assert result.outputs == {"whole": [110, 330]}
    assert result.steps["numbers"].status == "skipped"


@COLOURS
def test_a_join_is_replayed_with_pairs(asynchronous: bool, tmp_path: Path) -> None:
    fault = Fault()

    def squares(numbers: int) -> int:
        return numbers * numbers

    def both(numbers: int, squares: int) -> str:
        fault.check("both", (numbers, squares), numbers in (1, 3))
        return f"{numbers} {squares}"

    def whole(both: list[str]) -> list[str]:
        return both

    disk = disk_error_materializer(tmp_path / "dead.jsonl")
    steps = [
        step("numbers", source(asynchronous, 5)),
        step("squares", coloured(asynchronous, squares)),
        step("both", coloured(asynchronous, both), error_materializer=disk),
        step("whole", coloured(asynchronous, whole)),
    ]
    p = pipeline("p", None, steps)
    assert run_any(p).outputs == {"whole": ["0 0", "2 4", "4 16"]}
    fault.mended = True
    assert run_any(p, replay=dead_letters(tmp_path / "dead.jsonl")).outputs == {
        "whole": ["1 1", "3 9"]
    }


@COLOURS
def test_letters_of_several_steps_are_replayed_one_step_at_a_time(
    asynchronous: bool, tmp_path: Path
) -> None:
    fault = Fault()

    def first(numbers: int) -> int:
        fault.check("first", numbers, numbers == 1)
        return numbers

    def second(first: int) -> int:
        fault.check("second", first, first == 2)
        return first

    def whole(second: list[int]) -> list[int]:
        return second

    steps = [
        step("numbers", source(asynchronous, 4)),
        step("first", coloured(asynchronous, first)),
        step("second", coloured(asynchronous, second)),
        step("whole", coloured(asynchronous, whole)),
    ]
    disk = disk_error_materializer(tmp_path / "dead.jsonl")
    p = pipeline("p", None, steps, error_materializer=disk)
    assert run_any(p).outputs == {"whole": [0, 3]}
    letters = dead_letters(tmp_path / "dead.jsonl")
    with pytest.raises(ReplayError, match=r"got 'first' \(1\), 'second' \(1\)"):
        run_any(p, replay=letters)
    fault.mended = True
    again = [run_any(p, replay=letters.of(name)).outputs["whole"] for name in letters.steps]
    assert again == [[1], [2]]
    assert [x.item for x in dead_letters(tmp_path / "dead.jsonl", step="second")] == [2]


@COLOURS
def test_inside_includes(asynchronous: bool, tmp_path: Path) -> None:
    fault = Fault()

    class Rows(NamedTuple):
        rows: list[int]

    def parse(row: int) -> int:
        fault.check("parse", row, row == 2)
        return row

    def total(parse: list[int]) -> int:
        return sum(parse)

    inner = pipeline(
        "inner",
        Rows,
        [
            step("parse", coloured(asynchronous, parse)),
            step("total", coloured(asynchronous, total)),
        ],
        error_materializer=disk_error_materializer(tmp_path / "dead.jsonl"),
    )

    def numbers() -> list[int]:
        return [1, 2, 3]

    def adapter(numbers: list[int]) -> Rows:
        return Rows(numbers)

    outer = pipeline(
        "outer",
        None,
        [
            step("numbers", coloured(asynchronous, numbers)),
            include("inc", coloured(asynchronous, adapter), inner),
        ],
    )
    assert run_any(outer).outputs == {"inc": 4}
    fault.mended = True
    letters = dead_letters(tmp_path / "dead.jsonl")
    assert letters.steps == {"inc__parse": 1}
    assert run_any(outer, replay=letters).outputs == {"inc": 2}


# -- what cannot be replayed -----------------------------------------------------------------------


def refused(p: Pipeline, path: Path, **chosen: Any) -> str:
    with pytest.raises(ReplayError) as caught:
        run_any(p, replay=dead_letters(path, **chosen))
    return str(caught.value)


@COLOURS
def test_wiring_that_needs_the_other_items_is_refused(asynchronous: bool, tmp_path: Path) -> None:
    def share(numbers: int, total: int) -> float:
        if numbers == 1:
            raise ValueError("one")
        return numbers / total

    def total(numbers: list[int]) -> int:
        return sum(numbers)

    def half(numbers: int) -> float:
        return numbers / 2

    def risky(half: float) -> float:
        if half == 1:
            raise ValueError("one")
        return half

    def joined(risky: float, numbers: int) -> float:
        return risky + numbers

    def beside(risky: Iterator[float], numbers: Iterator[int]) -> float:
        return sum(risky) + sum(numbers)

    async def beside_async(risky: AsyncIterator[float], numbers: AsyncIterator[int]) -> float:
        return sum([x async for x in risky]) + sum([x async for x in numbers])

    path = tmp_path / "dead.jsonl"

    def build(*steps: Any) -> Pipeline:
        rows = step("numbers", source(asynchronous, 3), force_materialize=steps[0].name == "total")
        return pipeline("p", None, [rows, *steps], error_materializer=disk_error_materializer(path))

    shares = build(
        step("total", coloured(asynchronous, total)), step("share", coloured(asynchronous, share))
    )
    run_any(shares)
    assert "parameter 'numbers': needs all that 'numbers' makes" in refused(shares, path)
    path.unlink()
    halves = [
        step("half", coloured(asynchronous, half)),
        step("risky", coloured(asynchronous, risky)),
    ]
    joins = build(*halves, step("joined", coloured(asynchronous, joined)))
    run_any(joins)
    text = refused(joins, path)
    assert "joins the items of 'numbers' with those that come from the step" in text
    assert "run the pipeline again as a whole" in text
    pulls = build(*halves, step("beside", beside_async if asynchronous else beside))
    assert "reads 'numbers' side by side" in refused(pulls, path)


class Opaque:
    pass


def test_an_item_that_would_not_come_back_equal_is_told(tmp_path: Path) -> None:
    def things() -> list[Any]:
        return [Opaque(), 1, b"x", (1, 2), {"a": (1,)}, None]

    def use(things: int) -> None:
        raise ValueError("no")

    path = tmp_path / "dead.jsonl"
    p = pipeline(
        "p",
        None,
        [
            step("things", things),
            step("use", use, error_materializer=disk_error_materializer(path)),
        ],
    )
    run_any(p)
    letters = dead_letters(path)
    forms = [None, "declared", None, "tuple", None, "any"]
    assert [letter.item_as for letter in letters] == forms
    text = refused(p, path)
    assert f"{path}:1: item <" in text
    assert text.count("[unreplayable-item]") == 3


def test_letters_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    fault = Fault()
    path = tmp_path / "new" / "dead.jsonl"
    p = shop(False, tmp_path, fault)
    run_any(p)

    def prise(order: Order) -> None: ...

    other = pipeline("other", Params, [step("prise", prise)])
    text = refused(other, path)
    assert "step 'price' of pipeline 'other' does not exist; steps that are: 'prise'" in text
    assert "did you mean 'prise'?" in text
    assert "expected letters of one step, got none" in refused(p, path, step="nothing")

    def price() -> None: ...

    assert "is not called item by item" in refused(
        pipeline("p", None, [step("price", price)]), path
    )
    path.write_text(path.read_text() + "no json\n\n[]\n")
    with pytest.raises(ReplayError) as caught:
        dead_letters(path)
    assert "dead.jsonl:3: this line is no dead letter" in str(caught.value)
    assert "dead.jsonl:5:" in str(caught.value)


# -- other error materializers ---------------------------------------------------------------------


@COLOURS
def test_several_error_materializers(
    asynchronous: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    def broken(context: Any) -> None:
        raise RuntimeError("cannot tell")

    async def later(context: Any) -> None:
        seen.append("later")

    disk = disk_error_materializer(tmp_path / "dead.jsonl")
    several = composite_error_materializer(
        broken,
        None,
        seen.append,
        log_error_materializer(),
        disk,
        *([later] if asynchronous else []),
    )

    def each(numbers: int) -> None:
        raise ValueError(numbers)

    steps = [
        step("numbers", source(asynchronous, 1)),
        step("each", coloured(asynchronous, each), error_materializer=several),
    ]
    with caplog.at_level(logging.WARNING):
        run_any(pipeline("p", None, steps))
    assert [getattr(entry, "item", entry) for entry in seen] == (
        [0, "later"] if asynchronous else [0]
    )
    assert len(dead_letters(tmp_path / "dead.jsonl")) == 1
    assert "step 'each' of pipeline 'p' failed" in caplog.text
    assert "cannot tell" in caplog.text


def test_an_async_error_materializer_of_a_sync_run_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def later(context: Any) -> None: ...

    def value() -> None:
        raise ValueError

    hidden = composite_error_materializer(later)
    run_any(pipeline("p", None, [step("value", value, error_materializer=hidden)]))
    assert "the handler is asynchronous, but the pipeline is not" in caplog.text
