"""Params that take the bounds of a partition."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from synaflow_export.plan import PlanOptions
from synaflow_export.runtime.dagster.rollback import ROLLBACK_OF
from synaflow_export.windows.binding import WindowSpec
from tests.targets.dagster.running import DefsFolder, Exported, import_file
from tests.targets.dagster.test_rollback import gone_on_with, rolled_back
from tests.windows.booking import BOOKED

EVENTS = Path(__file__).parents[2] / "windows" / "events.py"
DAYS = [f"2026-06-0{day}" for day in range(1, 8)]


def exported(defs: DefsFolder, schedule: str = "0 0 * * *", **options: Any) -> Exported:
    spec = WindowSpec("day", schedule, "UTC", {"since": "start", "until": "end"})
    chosen = {"window": "day", "bind": ("since=start", "until=end"), "start_date": "2026-06-01"}
    return defs.export_file(EVENTS, plan=PlanOptions(window=spec), **chosen, **options)


def booked(defs: DefsFolder) -> Exported:
    """One that can be undone."""
    spec = WindowSpec("day", "0 0 * * *", "UTC", {"since": "start", "until": "end"})
    chosen = {"window": "day", "bind": ("since=start", "until=end"), "start_date": "2026-06-01"}
    return defs.export(BOOKED, plan=PlanOptions(window=spec), **chosen)


def keys(defs: DefsFolder) -> set[str]:
    return {path.name for path in (defs.store / "events").iterdir()}


def test_a_week_of_partitions_twice_gives_every_window_once(defs: DefsFolder) -> None:
    made = exported(defs)
    first = {}
    for day in DAYS:
        outcome = defs.run(made, partition=day)
        assert outcome.success, outcome.errors()
        first[day] = defs.outputs(made, outcome)
    assert first["2026-06-01"] == {"summary": "3 events, 33600"}
    assert len({str(outputs) for outputs in first.values()}) == len(DAYS)
    before = keys(defs)
    assert len(before) == len(DAYS)

    again = {day: defs.outputs(made, defs.run(made, partition=day)) for day in DAYS[:2]}

    assert again == {day: first[day] for day in DAYS[:2]}
    assert keys(defs) == before


@pytest.mark.parametrize("name", ["daily events", "config"])
def test_a_name_that_dagster_does_not_take_is_the_same_pipeline(
    defs: DefsFolder, name: str
) -> None:
    source = EVENTS.read_text().replace('"events",\n    Params', f'"{name}",\n    Params')
    spec = WindowSpec("day", "0 0 * * *", "UTC", {"since": "start", "until": "end"})
    chosen = {"window": "day", "bind": ("since=start", "until=end"), "start_date": "2026-06-01"}
    made = defs.export(source, plan=PlanOptions(window=spec), **chosen)
    outcome = defs.run(made, partition="2026-06-01")
    assert outcome.success, outcome.errors()
    (folder,) = defs.store.glob(f"{name[:5]}*")
    assert [path.name for path in folder.iterdir()] == [
        "window.since-20260601T000000Z.until-20260602T000000Z"
    ]


def test_a_partition_may_begin_later_than_midnight(defs: DefsFolder) -> None:
    made = exported(defs, schedule="30 2 * * *")
    outcome = defs.run(made, partition="2026-06-03")
    assert outcome.success, outcome.errors()
    assert keys(defs) == {"window.since-20260603T023000Z.until-20260604T023000Z"}
    assert "hour_offset=2" in made.text
    assert "minute_offset=30" in made.text


def test_a_run_of_no_partition_fails_at_once_and_says_so(defs: DefsFolder) -> None:
    made = exported(defs)
    outcome = defs.run(made)
    assert not outcome.success
    assert "give since and until" in outcome.errors()


def test_a_run_of_no_partition_leaves_nothing_to_undo(defs: DefsFolder, tmp_path: Path) -> None:
    (tmp_path / "pipe.py").write_text(
        EVENTS.read_text()
        .replace(
            "def summary", "def unmake(total: int) -> None:\n    raise OSError\n\n\ndef summary"
        )
        .replace('step("total", total)', 'step("total", total, rollback=unmake)')
    )
    spec = WindowSpec("day", "0 0 * * *", "UTC", {"since": "start", "until": "end"})
    chosen = {"window": "day", "bind": ("since=start", "until=end"), "start_date": "2026-06-01"}
    made = defs.export_file(tmp_path / "pipe.py", plan=PlanOptions(window=spec), **chosen)
    outcome = defs.run(made)
    assert not outcome.success
    job = import_file(made.file).defs.resolve_job_def("events_rollback")
    undoing = job.execute_in_process(
        instance=defs.dagster, tags={ROLLBACK_OF: outcome.run_id}, raise_on_error=False
    )
    assert undoing.success


def test_a_late_rollback_leaves_the_next_run_of_the_window_alone(
    defs: DefsFolder, tmp_path: Path
) -> None:
    """The sensor may come late, and somebody may be quicker."""
    made = booked(defs)
    (tmp_path / "poor").touch()
    first = defs.run(made, {"folder": str(tmp_path)}, partition="2026-06-03")
    assert not first.success
    (tmp_path / "poor").unlink()
    second = defs.run(made, {"folder": str(tmp_path)}, partition="2026-06-03")
    assert second.success, second.errors()

    undoing = rolled_back(defs, made, first.run_id)

    assert undoing.success
    assert (tmp_path / "booked").exists()
    assert defs.outputs(made, second) == {"pay": "SEAT ON 03 JUNE"}
    assert rolled_back(defs, made, second.run_id).success  # whatever made that one fail
    assert not (tmp_path / "booked").exists()


def test_nobody_goes_on_with_what_was_undone_in_a_run_that_dagster_retried(
    defs: DefsFolder, tmp_path: Path
) -> None:
    """The run and its retry are of one window, so all is undone with the retry."""
    made = booked(defs)
    (tmp_path / "poor").touch()
    first = defs.run(made, {"folder": str(tmp_path)}, partition="2026-06-03")
    assert defs.references(first).keys() == {"book"}
    defs.dagster.add_run_tags(first.run_id, {"dagster/will_retry": "true"})
    retry = gone_on_with(defs, made, first)
    assert "no money" in retry.errors()

    undoing = rolled_back(defs, made, retry.run_id)

    assert undoing.success
    assert not (tmp_path / "booked").exists()
    assert defs.references(first) == {}
    observed = [e.asset_key.to_user_string() for e in undoing.all_events if e.is_asset_observation]
    assert observed == ["booking/book"]


def test_the_schedule_runs_the_window_that_is_over(defs: DefsFolder) -> None:
    import dagster as dg
    from dagster._core.test_utils import freeze_time

    made = exported(defs)
    assert "class EventsParams" in made.text  # what no window gives
    assert "since" not in made.text.partition("class EventsParams")[2].partition("@dg")[0]
    definitions = import_file(made.file).defs
    (schedule,) = definitions.schedules
    with freeze_time(datetime(2026, 6, 4, 0, 0, 1, tzinfo=UTC)):
        resolved = definitions.get_schedule_def(schedule.name)
        context = dg.build_schedule_context(
            instance=defs.dagster,
            scheduled_execution_time=datetime(2026, 6, 4, tzinfo=UTC),
            repository_def=definitions.get_repository_def(),
        )
        (request,) = resolved.evaluate_tick(context).run_requests
    assert request.partition_key == "2026-06-03"


@pytest.mark.slow
def test_a_partition_from_the_command_line_of_dagster(defs: DefsFolder, tmp_path: Path) -> None:
    made = exported(defs)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dagster")),
            *("asset", "materialize", "-f", str(made.file), "--select", "*"),
            *("--partition", "2026-06-02"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert keys(defs) == {"window.since-20260602T000000Z.until-20260603T000000Z"}
