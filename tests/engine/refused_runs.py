"""What a run refuses before any step is called, each as a case whose message is kept.

Their messages are kept in ``snapshots/``; see ``test_run_messages.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from synaflow_core import (
    PIPELINE_SCOPE,
    ExecutionOverrides,
    Observer,
    Pipeline,
    RunResult,
    SynaflowError,
    async_run,
    dead_letters,
    disk_error_materializer,
    pipeline,
    run,
    step,
)
from synaflow_core.errors import (
    OverridesError,
    ParamsError,
    ReplayError,
    WrongEngineError,
)
from tests.engine.twins import coloured, reader, source
from tests.engine.watching import run_any

Case = Callable[[bool, Path], str]
CASES: dict[str, Case] = {}


def message(case: Case) -> Case:
    """Register a case, (asynchronous, folder) -> text, under the name of its function."""
    CASES[case.__name__] = case
    return case


def told(kind: type[Exception], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    return f"{kind.__name__}: {caught.value}"


def ends(kind: type[SynaflowError], made: Pipeline, params: Any = None, **options: Any) -> str:
    return told(kind, lambda: run_any(made, params, **options))


def left_behind(result: RunResult) -> str:
    """What the reports of the steps say."""
    lines = []
    for report in result.steps.values():
        lines.append(f"{report.name}: {report.status}")
        lines += [f"    {text}" for text in (report.reason, report.first_error) if text]
    return "\n".join(lines)


@message
def what_is_no_pipeline(asynchronous: bool, folder: Path) -> str:
    if asynchronous:
        return told(TypeError, lambda: asyncio.run(async_run("orders")))  # type: ignore[arg-type]
    return told(TypeError, lambda: run("orders"))  # type: ignore[arg-type]


class Params(NamedTuple):
    limit: int
    ratio: float = 0.5
    names: list[str] = []  # noqa: RUF012 - never changed


def fails_for(*bad: int) -> Callable[..., Any]:
    def work(numbers: int) -> int:
        if numbers in bad:
            raise ValueError(f"no {numbers}")
        return numbers

    return work


def working(asynchronous: bool, *bad: int, **options: Any) -> Pipeline:
    """numbers -> work, which fails for some -> total."""
    return pipeline(
        "orders",
        None,
        [
            step("numbers", source(asynchronous, 5)),
            step("work", coloured(asynchronous, fails_for(*bad)), **options),
            step("total", reader(asynchronous, "work")),
        ],
    )


# -- before anything runs --------------------------------------------------------------------------


@message
def wrong_engine_for_an_async_pipeline(asynchronous: bool, folder: Path) -> str:
    return told(WrongEngineError, lambda: run(working(True)))


@message
def wrong_engine_for_a_sync_pipeline(asynchronous: bool, folder: Path) -> str:
    return told(WrongEngineError, lambda: asyncio.run(async_run(working(False))))


def with_params(asynchronous: bool) -> Pipeline:
    def shown(limit: int, ratio: float, names: list[str]) -> str:
        return f"{limit} {ratio} {names}"

    return pipeline("orders", Params, [step("shown", coloured(asynchronous, shown))])


@message
def params_of_wrong_types_missing_and_unknown(asynchronous: bool, folder: Path) -> str:
    given = {"ratio": "much", "names": ["a", 2], "limt": 3}
    return ends(ParamsError, with_params(asynchronous), given)


@message
def params_missing(asynchronous: bool, folder: Path) -> str:
    return ends(ParamsError, with_params(asynchronous))


@message
def params_of_another_class(asynchronous: bool, folder: Path) -> str:
    return ends(ParamsError, with_params(asynchronous), 3)


@message
def params_of_a_pipeline_without_any(asynchronous: bool, folder: Path) -> str:
    return ends(ParamsError, working(asynchronous), {"limit": 3})


@message
def overrides_that_do_not_fit(asynchronous: bool, folder: Path) -> str:
    def note(context: Any) -> None: ...

    overrides = ExecutionOverrides(
        materializers={"totl": None, "work": None},
        error_materializers={"work": "a text"},  # type: ignore[dict-item]
        observers={"numbers": [note]},  # type: ignore[list-item]
        resources={"db": lambda: 1},
    )
    return ends(OverridesError, working(asynchronous), overrides=overrides)


@message
def override_of_the_wrong_colour_in_a_sync_pipeline(asynchronous: bool, folder: Path) -> str:
    async def note(context: Any) -> None: ...

    overrides = ExecutionOverrides(observers={PIPELINE_SCOPE: [Observer(note)]})
    return ends(OverridesError, working(False), overrides=overrides)


@message
def override_of_the_wrong_colour_in_an_async_pipeline(asynchronous: bool, folder: Path) -> str:
    def note(context: Any) -> None: ...

    overrides = ExecutionOverrides(observers={PIPELINE_SCOPE: [Observer(note)]})
    return ends(OverridesError, working(True), overrides=overrides)


# -- replaying dead letters ------------------------------------------------------------------------


def written(asynchronous: bool, folder: Path, *bad: int) -> tuple[Pipeline, Path]:
    path = folder / "dead.jsonl"
    made = working(asynchronous, *bad, error_materializer=disk_error_materializer(path))
    run_any(made)
    return made, path


@message
def replay_of_lines_that_are_no_letters(asynchronous: bool, folder: Path) -> str:
    _, path = written(asynchronous, folder, 2)
    path.write_text('{"step": 3}\nhello\n')
    return told(ReplayError, lambda: dead_letters(path))


@message
def replay_of_no_letters(asynchronous: bool, folder: Path) -> str:
    made, path = written(asynchronous, folder, 2)
    return ends(ReplayError, made, replay=dead_letters(path, step="total"))


@message
def replay_with_another_pipeline(asynchronous: bool, folder: Path) -> str:
    def wrok(numbers: int) -> int:
        return numbers

    _, path = written(asynchronous, folder, 2)
    steps = [
        step("numbers", source(asynchronous, 2)),
        step("wrok", coloured(asynchronous, wrok)),
        step("total", reader(asynchronous, "wrok")),
    ]
    return ends(ReplayError, pipeline("others", None, steps), replay=dead_letters(path))


@message
def replay_of_what_is_joined_with_other_items(asynchronous: bool, folder: Path) -> str:
    def both(others: int, work: int) -> None: ...

    path = folder / "dead.jsonl"
    steps = [
        step("numbers", source(asynchronous, 5)),
        step("others", source(asynchronous, 5)),
        step(
            "work",
            coloured(asynchronous, fails_for(2)),
            error_materializer=disk_error_materializer(path),
        ),
        step("both", coloured(asynchronous, both)),
    ]
    made = pipeline("orders", None, steps)
    run_any(made)
    return ends(ReplayError, made, replay=dead_letters(path))
