"""Every option of every installed target shows in what is generated, or is refused: none is lost.

Whatever somebody writes into a settings file is either honoured or told. New targets and new
options are found by themselves; an option whose values are unusual may need another candidate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.errors import ExportError
from synaflow_export.loading.load import Loaded, load
from synaflow_export.options.model import TargetOptions, option_names
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.target import Export, Target, get_target, target_names
from synaflow_export.windows.choice import window_of

PIPELINE = """
from collections.abc import Iterator
from typing import NamedTuple

from synaflow_core import include, pipeline, step


class Params(NamedTuple):
    since: str = "2024-01-01"


def rows(since: str) -> Iterator[int]:
    yield from range(10)


def doubled(row: int) -> int:
    return 2 * row


def total(doubled: list[int]) -> int:
    return sum(doubled)


class Inner(NamedTuple):
    number: int


def half(number: int) -> int:
    return number // 2


def to_inner(total: int) -> Inner:
    return Inner(total)


def quarter(half: int) -> int:
    return half // 2


inner = pipeline("inner", Inner, [step("half", half), step("quarter", quarter)])
p = pipeline(
    "p",
    Params,
    [
        step("rows", rows),
        step("doubled", doubled),
        step("total", total),
        include("inner", to_inner, inner),
    ],
)
"""

USUAL: Mapping[str, Any] = {  # options that give others something to act on
    "schedule": "0 3 * * *",
    "retries": 4,
    "retry_backoff": 2,
    "pool": "ordinary",
    "store": "s3://usual/store",
    "airflow_version": "3.3",  # "3" alone does not know how to write a backoff
}
TOGETHER: Mapping[str, Mapping[str, Any]] = {  # options that say nothing alone
    "window": {"schedule": None, "bind": ("since=start",)},
    "bind": {"schedule": None, "window": "day"},
}
CANDIDATES: tuple[Any, ...] = (
    *(True, False, 3, 5, 2, 1.0, "5m", "1h", "0 2 * * *", "week", "Europe/Rome", "2025-02-03"),
    *("since=end", "total=s3://bucket/total", "me@example.com", "else", "s3://bucket/synaflow"),
    *("all", "none", "500m", "processes", "in_process", "2.11", "3.2"),
)
ONE_VALUE = {("argo", "max_active_runs")}  # whoever asks for another is told


def cases(*, per_task: bool) -> list[tuple[str, str]]:
    return [
        (name, option)
        for name in target_names()
        for option in option_names(get_target(name).options_type, per_task=per_task)
    ]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    file: Path = tmp_path_factory.mktemp("code") / "p_code.py"
    file.write_text(PIPELINE)
    return load(str(file))


def texts(loaded: Loaded, target: Target[Any], values: Mapping[str, Any]) -> dict[str, str]:
    options = target.make_options(values)
    shards = (("doubled", 2),) if "shard_steps" in values else ()  # or there is none to show
    plan = make_plan(loaded.contract, PlanOptions(window=window_of(options), shards=shards))
    # no flags: the header would repeat them, and show every option that way
    export = Export(plan, loaded.contract, options, loaded.sources, flags=frozenset())
    return {file.path: file.text for file in target.view(export)}


def others(options: type[TargetOptions], name: str, usual: Any) -> list[Any]:
    """Values of an option that make sense and are not the usual one."""
    found = []
    for candidate in CANDIDATES:
        for value in (candidate, (candidate,)):
            if value != usual and not list(options.refusals(name, value, "here")):
                found.append(value)
    return found


def usual(target: Target[Any], option: str) -> dict[str, Any]:
    known = option_names(target.options_type)
    return {n: v for n, v in {**USUAL, **TOGETHER.get(option, {})}.items() if n in known}


def default_of(target: Target[Any], option: str) -> Any:
    return next(f.default for f in dataclasses.fields(target.options_type) if f.name == option)


@pytest.mark.parametrize(("name", "option"), cases(per_task=False))
def test_an_option_shows_or_is_refused(loaded: Loaded, name: str, option: str) -> None:
    target = get_target(name)
    base = usual(target, option)
    values = others(target.options_type, option, base.get(option, default_of(target, option)))
    assert values or (name, option) in ONE_VALUE, f"no candidate is a value of {option}"
    shown, told = [], not values
    for value in values:
        try:
            shown.append(texts(loaded, target, {**base, option: value}))
        except ExportError:
            told = True
    alone = {n: v for n, v in base.items() if n not in TOGETHER}
    if option == "shard_steps":
        alone[option] = False
    shown.append(texts(loaded, target, alone))
    assert told or any(one != shown[0] for one in shown), f"{option} changes nothing"


@pytest.mark.parametrize(("name", "option"), cases(per_task=True))
def test_an_option_of_one_task_shows_or_is_refused(loaded: Loaded, name: str, option: str) -> None:
    target = get_target(name)
    base = usual(target, option)
    before = texts(loaded, target, base)
    for value in others(target.options_type, option, base.get(option, default_of(target, option))):
        try:
            everywhere = texts(loaded, target, {**base, option: value})
            after = texts(loaded, target, {**base, "tasks": {"doubled": {option: value}}})
        except ExportError:
            continue
        assert after != before, f"{option}={value!r} of one task changes nothing"
        assert after != everywhere, f"{option}={value!r} of one task holds for all"
