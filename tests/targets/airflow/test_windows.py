"""Params that take the bounds of a run's data interval, on both Airflows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synaflow_export.plan import PlanOptions
from synaflow_export.windows.binding import WindowSpec
from tests.targets.airflow.running import DagFolder, Exported, Outcome, on_both

pytestmark = pytest.mark.airflow

EVENTS = Path(__file__).parents[2] / "windows" / "events.py"
BIND = ("since=start", "until=end")
SPEC = WindowSpec("day", "0 0 * * *", "UTC", {"since": "start", "until": "end"})
DAYS = [f"2026-06-0{day}" for day in range(2, 9)]


def exported(dags: DagFolder, **options: Any) -> Exported:
    plan = PlanOptions(window=SPEC)
    return dags.export_file(EVENTS, plan=plan, window="day", bind=BIND, **options)


def run_of(dags: DagFolder, day: str) -> Outcome:
    """The run whose interval ends at the midnight that begins a day."""
    return dags.run("events", at=f"{day}T00:00:00+00:00")


@on_both
def test_a_week_of_runs_twice_gives_every_window_once(dags: DagFolder) -> None:
    made = exported(dags)
    first = {day: dags.outputs(made, run_of(dags, day)) for day in DAYS}
    folders = {path.name for path in (dags.store / "events").iterdir()}
    assert len(folders) == len(DAYS)
    assert first["2026-06-02"] == {"summary": "3 events, 33600"}
    assert len({str(outputs) for outputs in first.values()}) == len(DAYS)

    again = {day: dags.outputs(made, run_of(dags, day)) for day in DAYS[:2]}

    assert again == {day: first[day] for day in DAYS[:2]}
    assert {path.name for path in (dags.store / "events").iterdir()} == folders


@on_both
def test_a_window_given_by_hand_is_the_same_window(dags: DagFolder) -> None:
    made = exported(dags)
    by_interval = run_of(dags, "2026-06-02")
    conf = {"since": "2026-06-01T00:00:00Z", "until": "2026-06-02T00:00:00+00:00"}
    by_hand = dags.run("events", conf)
    assert dags.outputs(made, by_hand) == dags.outputs(made, by_interval)
    assert len(list((dags.store / "events").iterdir())) == 1


def test_a_name_that_is_no_id_of_a_dag_is_the_same_pipeline(dags: DagFolder) -> None:
    source = EVENTS.read_text().replace('"events",\n    Params', '"daily events",\n    Params')
    dags.export(source, plan=PlanOptions(window=SPEC), window="day", bind=BIND)
    outcome = dags.run("daily_events", at="2026-06-02T00:00:00+00:00")
    assert outcome.state == "success", outcome.log
    (folder,) = (path for path in dags.store.iterdir() if path.name.startswith("daily"))
    assert [path.name for path in folder.iterdir()] == [
        "window.since-20260601T000000Z.until-20260602T000000Z"
    ]


def test_a_run_by_hand_without_a_window_fails_at_once_and_says_so(dags: DagFolder) -> None:
    exported(dags)
    outcome = dags.run("events", logical_date=None)
    assert outcome.state == "failed"
    assert outcome.tasks["normalized"] == ("failed", 1)
    assert "give since and until" in outcome.output


def test_half_a_window_is_refused(dags: DagFolder) -> None:
    exported(dags)
    outcome = dags.run("events", {"since": "2026-06-01T00:00:00Z"})
    assert outcome.state == "failed"
    assert "only a part was given" in outcome.output


@on_both
def test_the_schedule_follows_from_the_window(dags: DagFolder) -> None:
    made = exported(dags)
    assert 'CRON = "0 0 * * *"' in made.text
    params = dags.describe("events")["params"]
    assert params["since"][0] is None
    assert params["since"][2] == "Empty: the start of the window."
