"""The page of options has every option that targets share, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synaflow_export.options.common import CommonOptions
from synaflow_export.options.model import TargetOptions, option_names
from synaflow_export.options.planning import PlanningOptions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "options.md"


@pytest.mark.parametrize("options", [PlanningOptions, CommonOptions])
def test_every_shared_option_has_a_row(options: type[TargetOptions]) -> None:
    rows = re.findall(r"^\| `(\w+)`( \*)? \| ([^|]*) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    told = {name: (bool(star), default) for name, star, default in rows}
    for name in option_names(options):
        star, default = told[name]
        assert star == (name in option_names(options, per_task=True))
        value = getattr(options, name)
        if isinstance(value, bool) or (value not in (None, ()) and name != "tags"):
            assert str(value).lower().removesuffix(".0") in default.replace('"', "").lower()
