"""Every message that a run can end with, or leave behind, kept as text to be read.

One file per message for both engines: what they say is the same. After changing a message on
purpose: ``UPDATE_SNAPSHOTS=1 pytest tests/engine/test_run_messages.py``; see ``tests/reviewed.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tests.engine.ended_runs  # noqa: F401 - registers its cases
from tests.engine.refused_runs import CASES
from tests.engine.twins import COLOURS
from tests.engine.watching import _never_hangs
from tests.reviewed import assert_reviewed, kept_in

__all__ = ["_never_hangs"]  # a fixture that every test here uses

SNAPSHOTS = Path(__file__).parent / "snapshots"


@COLOURS
@pytest.mark.parametrize("name", list(CASES))
def test_the_message_is_the_one_that_was_reviewed(
    name: str, asynchronous: bool, tmp_path: Path
) -> None:
    text = CASES[name](asynchronous, tmp_path).replace(str(tmp_path), "FOLDER")
    text = re.sub(r"_attempts/[0-9a-f]+", "_attempts/ATTEMPT", text)
    assert str(Path(__file__).parent) not in text, "a machine's path"
    assert_reviewed(text, SNAPSHOTS / f"{name}.txt")


def test_no_snapshot_is_left_over() -> None:
    assert kept_in(SNAPSHOTS) == set(CASES)
