"""Names that look like digits (`l`, `I`, `O`) are the user's own: generated files excuse them."""

from __future__ import annotations

from pathlib import Path

import pytest

from synaflow_export.loading.load import load
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.target import Export, get_target
from tests.targets.test_pylayout import complaints

CODE = """\
from typing import NamedTuple

from synaflow_core import pipeline, step


class Params(NamedTuple):
    I: int = 1


def l(I: int) -> list[int]:
    return [I]


def O(l: list[int]) -> int:
    return len(l)


p = pipeline("short", Params, [step("l", l), step("O", O)])
"""


@pytest.mark.parametrize("name", ["airflow", "dagster", "prefect"])
def test_generated_files_have_no_complaints(name: str, tmp_path: Path) -> None:
    (tmp_path / "pipe.py").write_text(CODE)
    loaded = load(str(tmp_path / "pipe.py"))
    target = get_target(name)
    plan = make_plan(loaded.contract, PlanOptions())
    export = Export(plan, loaded.contract, target.make_options({}), loaded.sources)
    (text,) = (
        f.text for f in target.view(export) if f.path.endswith(".py") and "src/" not in f.path
    )
    assert text.startswith("# ruff: noqa: E741, E743\n")
    assert complaints(text) == ""
