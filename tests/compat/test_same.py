"""The same definitions on the public package and on ours: same results, calls, counts, errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.running import Outcome, on_ours, on_theirs
from tests.compat.scenarios import SCENARIOS, Scenario


def comparable(calls: list[Any], ordered: bool) -> list[str]:
    texts = [str(call) for call in calls]
    return texts if ordered else sorted(texts)


def check(scenario: Scenario, ours: Outcome, theirs: Outcome) -> None:
    assert ours.error == theirs.error
    assert ours.outputs == {name: theirs.outputs.get(name) for name in ours.outputs}
    assert comparable(ours.calls, scenario.ordered) == comparable(theirs.calls, scenario.ordered)
    if not ours.error:
        assert ours.counts == theirs.counts


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_both_packages_agree(scenario: Scenario) -> None:
    theirs = on_theirs(scenario.build)
    check(scenario, on_ours(scenario.build, public=True), theirs)
    check(scenario, on_ours(scenario.build, public=False), theirs)


def test_the_scenarios_are_many_and_not_idle() -> None:
    assert len(SCENARIOS) >= 40
    assert sum(s.is_async for s in SCENARIOS) >= 8
    assert sum(s.ordered for s in SCENARIOS) >= 20
