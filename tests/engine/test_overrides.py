"""Overrides: other handlers and resources for one run, by compiled key."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    PIPELINE_SCOPE,
    ExecutionOverrides,
    Observer,
    Pipeline,
    Scope,
    include,
    pipeline,
    run,
    step,
)
from synaflow_core.errors import OverridesError
from tests.engine.twins import COLOURS, coloured
from tests.engine.watching import Watch, run_any


class Limit(NamedTuple):
    limit: int = 3


class Item(NamedTuple):
    item: int = 0


def checks(asynchronous: bool, watch: Watch | None = None) -> Pipeline:
    def validate(item: int, table: dict[str, int]) -> list[int]:
        if item == 1:
            raise ValueError("one")
        return [item * table["factor"]]

    def total(validate: list[int]) -> int:
        return sum(validate)

    def table() -> dict[str, int]:
        return {"factor": 10}

    return pipeline(
        "checks",
        Item,
        [
            step("validate", coloured(asynchronous, validate)),
            step("total", coloured(asynchronous, total)),
        ],
        resources={"table": table},
        observers=[watch.observer(asynchronous)] if watch else [],
    )


def build(asynchronous: bool, watch: Watch | None = None, *, per_item: bool) -> Pipeline:
    def numbers(limit: int) -> list[int]:
        return list(range(limit))

    def adapter(limit: int) -> Item:
        return Item(limit)

    def adapter_of_one(numbers: int) -> Item:
        return Item(numbers)

    inner = checks(asynchronous, watch)
    one = coloured(asynchronous, adapter_of_one if per_item else adapter)

    def whole(checked: list[int]) -> list[int]:
        return checked

    return pipeline(
        "outer",
        Limit,
        [
            step("numbers", coloured(asynchronous, numbers)),
            include("checked", one, inner),
            *([step("whole", coloured(asynchronous, whole))] if per_item else []),
        ],
    )


PER_ITEM = pytest.mark.parametrize("per_item", [False, True], ids=["once", "per item"])


@COLOURS
@PER_ITEM
def test_keys_reach_into_included_pipelines(asynchronous: bool, per_item: bool) -> None:
    p = build(asynchronous, per_item=per_item)
    inside = Scope("checked")
    errors: list[Any] = []
    overrides = ExecutionOverrides(
        materializers={inside("validate"): lambda value: [item + 1 for item in value]},
        error_materializers={inside("validate"): errors.append},
        resources={inside("table"): lambda: {"factor": 100}},
    )
    outputs = run_any(p, overrides=overrides).outputs
    assert outputs.get("whole", outputs.get("checked")) == ([1, 201] if per_item else 301)
    assert [context.item for context in errors] == ([None] if per_item else [])
    again = run_any(p).outputs  # the pipeline itself is as it was
    assert again.get("whole", again.get("checked")) == ([0, 20] if per_item else 30)


@COLOURS
def test_observers_of_a_run(asynchronous: bool) -> None:
    declared, own = Watch(), Watch()
    p = checks(asynchronous, declared)
    run_any(p, overrides=ExecutionOverrides.without_observers(p))
    assert declared.contexts == []
    overrides = ExecutionOverrides(observers={PIPELINE_SCOPE: [own.observer(asynchronous)]})
    run_any(p, overrides=overrides)
    assert declared.contexts == []
    assert own.events[0] == ("pipeline_started", "")
    one = Watch()
    overrides = ExecutionOverrides(observers={"total": [one.observer(asynchronous)]})
    run_any(p, overrides=overrides)
    assert one.events == [("step_started", "total"), ("step_completed", "total")]
    assert len(declared.contexts) > 2


@COLOURS
def test_without_observers_silences_runs_per_item(asynchronous: bool) -> None:
    inner = Watch()
    p = build(asynchronous, inner, per_item=True)
    run_any(p, overrides=ExecutionOverrides.without_observers(p))
    assert inner.contexts == []


@COLOURS
def test_one_error_materializer_for_all_steps(asynchronous: bool) -> None:
    p = build(asynchronous, per_item=False)
    errors: list[Any] = []
    overrides = ExecutionOverrides(error_materializers={PIPELINE_SCOPE: errors.append})
    run_any(p, Limit(1), overrides=overrides)
    assert [context.step_name for context in errors] == ["checked__validate"]


def test_all_wrong_keys_are_told_with_the_valid_ones() -> None:
    p = build(False, per_item=False)

    async def handler(context: Any) -> None: ...

    overrides = ExecutionOverrides(
        materializers={"checked__validat": list, "checked__validate": 3},  # type: ignore[dict-item]
        error_materializers={"nothing": None},
        observers={"numbers": [Observer(handler)], PIPELINE_SCOPE: [list]},  # type: ignore[list-item]
        resources={"table": dict},
    )
    with pytest.raises(OverridesError) as caught:
        run(p, overrides=overrides)
    assert str(caught.value).split("\n") == [
        "pipeline 'outer' cannot be run with these overrides",
        "  pipeline 'outer': overrides, error_materializers 'nothing': there is no step of that "
        "name; valid keys: '__pipeline__', 'checked', 'checked__validate', 'numbers' "
        "[unknown-override]",
        "      -> keys are compiled names: Scope('inc')('step')",
        "  pipeline 'outer': overrides, materializers 'checked__validat': there is no materialised "
        "output of that name; valid keys: 'checked', 'checked__validate', 'numbers' "
        "[unknown-override]",
        "      -> did you mean 'checked__validate'?",
        "  pipeline 'outer': overrides, materializers 'checked__validate': expected a callable, "
        "got 3 [invalid-override]",
        "      -> pass a function, or None for the default",
        "  pipeline 'outer': overrides, observers '__pipeline__': expected a list of "
        "Observer(handler), got <class 'list'> [invalid-override]",
        "      -> write [Observer(my_handler)], or [] for none",
        "  pipeline 'outer': overrides, resources 'table': there is no resource of that name; "
        "valid keys: 'checked__table' [unknown-override]",
        "      -> did you mean 'checked__table'?",
        f"  test_overrides.py:{handler.__code__.co_firstlineno}: overrides, observers 'numbers': "
        "expected a handler written with 'def', because the pipeline is sync, got 'async def' "
        "[handler-colour]",
        "      -> write it with 'def'",
    ]


def test_nothing_runs_with_wrong_overrides() -> None:
    ran: list[str] = []

    def only() -> int:
        ran.append("only")
        return 1

    with pytest.raises(OverridesError):
        run(pipeline("p", None, [step("only", only)]), overrides=ExecutionOverrides({"x": None}))
    assert ran == []
