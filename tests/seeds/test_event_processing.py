"""event-processing.txt: events one by one and in windows, idempotency, re-processing."""

from __future__ import annotations

import pytest

from tests.seeds.running import run_block

LOGGED = ["Event: {'id': 1, 'amount': 0.1}", "Event: {'id': 2, 'amount': 0.2}"]


@pytest.mark.parametrize("block", ["events", "events_async"])
def test_one_step_serves_a_lazy_and_a_materialised_consumer(block: str) -> None:
    ran = run_block(block)
    assert ran.lines == LOGGED
    assert ran.module.result.outputs == {"aggregate": 0.1 + 0.2}
    assert {name: report.ok for name, report in ran.module.result.steps.items()} == {
        "normalize": 2,
        "log_each": 1,
        "aggregate": 1,
    }


@pytest.mark.parametrize("block", ["events", "events_async"])
def test_modes_are_those_of_the_comments(block: str) -> None:
    steps = run_block(block).module.p.to_dict()["steps"]
    assert {name: found["mode"] for name, found in steps.items()} == {
        "normalize": "each",  # EACH: one event at a time
        "log_each": "all",  # ALL: receives lazy stream
        "aggregate": "all",  # ALL: materializes the window
    }
    assert steps["log_each"]["materialized_deps"] == []
    assert steps["aggregate"]["materialized_deps"] == ["normalize"]


@pytest.mark.parametrize("block", ["idempotent", "idempotent_async"])
def test_a_rerun_gives_the_same_and_drops_the_corrupt_event_both_times(block: str) -> None:
    ran = run_block(block)
    stored = ["Stored: {'id': 1, 'processed': True}", "Stored: {'id': 3, 'processed': True}"]
    assert ran.lines == stored * 2
    for result in ran.module.results:
        process = result.steps["process"]
        assert (process.status, process.ok, process.errors) == ("ok", 2, 1)


def test_a_week_is_reprocessed_event_by_event_and_day_by_day() -> None:
    ran = run_block("backfill")
    days = range(1, 8)
    amounts = [[(100 * day + n) / 100 for n in range(2)] for day in days]
    assert [r.outputs["aggregate"] for r in ran.module.one_by_one] == [
        amount for window in amounts for amount in window
    ]
    assert [r.outputs["aggregate"] for r in ran.module.by_day] == [sum(w) for w in amounts]
    logged = [
        f"Event: {{'day': {day}, 'amount': {amount}}}"
        for day, window in zip(days, amounts, strict=True)
        for amount in window
    ]
    assert ran.lines == logged * 2  # the same pipeline, the same events, in the same order
