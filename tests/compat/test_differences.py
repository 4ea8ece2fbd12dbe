"""Where ours differs from the public package on purpose: it really does, and as it is told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.compat.differences import DIFFERENCES, Difference
from tests.compat.running import Outcome, on_ours, on_theirs

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "differences.md"
HANGS = "hangs"
TIME_LIMIT = 2  # seconds; the same pipelines without the difference end in milliseconds

by_name = pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: d.build.__name__)


def fields(outcome: Outcome, wanted: dict[str, Any]) -> dict[str, Any]:
    """The fields of an outcome that a difference speaks of; of outputs and counts, those steps."""
    found = {key: getattr(outcome, key) for key in wanted}
    for key in found.keys() & {"outputs", "counts"}:
        if wanted[key]:
            found[key] = {name: found[key].get(name) for name in wanted[key]}
    return found


@by_name
def test_ours_does_what_is_written(difference: Difference) -> None:
    for public in (True, False):
        assert fields(on_ours(difference.build, public=public), difference.ours) == difference.ours


@pytest.mark.parametrize(
    "difference", [d for d in DIFFERENCES if d.theirs != HANGS], ids=lambda d: d.build.__name__
)
def test_theirs_does_what_is_written(difference: Difference) -> None:
    assert fields(on_theirs(difference.build), difference.theirs) == difference.theirs
    assert difference.theirs != difference.ours


HANGING = """
import logging
from tests.compat.differences import DIFFERENCES
from tests.compat.running import on_theirs
[found] = [d for d in DIFFERENCES if d.build.__name__ == {name!r}]
print("started", flush=True)
on_theirs(found.build)
"""


@pytest.mark.parametrize(
    "difference", [d for d in DIFFERENCES if d.theirs == HANGS], ids=lambda d: d.build.__name__
)
def test_theirs_does_not_end(difference: Difference) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING.format(name=difference.build.__name__)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(TIME_LIMIT)
    finally:
        process.kill()
        process.communicate()


def test_the_page_tells_every_difference() -> None:
    told = re.findall(
        r"^- \*\*(.+?)\.\*\* (.+?)\n(?=\n|- |#)", PAGE.read_text("utf-8"), re.M | re.S
    )
    on_page = {name: " ".join(reason.split()) for name, reason in told}
    assert {d.name: d.reason for d in DIFFERENCES}.items() <= on_page.items()
