"""Every message of the handoff store, kept as text to be read.

After changing a message on purpose: ``UPDATE_SNAPSHOTS=1 pytest tests/handoff/test_messages.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import HandoffStore
from tests.handoff.refused import CASES
from tests.reviewed import assert_reviewed, kept_in

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("name", list(CASES))
def test_the_message_is_the_one_that_was_reviewed(name: str, tmp_path: Path) -> None:
    with pytest.raises(HandoffError) as caught:
        CASES[name](HandoffStore(tmp_path), tmp_path)
    text = str(caught.value).replace(str(tmp_path), "FOLDER")
    text = re.sub(r"_attempts/[0-9a-f]+", "_attempts/ATTEMPT", text)
    assert "\n    -> " in text, "no next step"
    assert_reviewed(f"{type(caught.value).__name__}: {text}", SNAPSHOTS / f"{name}.txt")


def test_no_snapshot_is_left_over() -> None:
    assert kept_in(SNAPSHOTS) == set(CASES)
