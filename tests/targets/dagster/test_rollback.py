"""A run that failed or was cancelled is undone by another run: once, newest first, and visibly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.targets.dagster.running import DefsFolder, Exported, Outcome, import_file
from tests.targets.test_pylayout import complaints

BOOKING = """
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        log: str
        fail: str = ""


    def note(log: str, *words: object) -> None:
        with Path(log).open("a") as file:
            file.write(" ".join(map(str, words)) + "\\n")


    def flight(log: str) -> str:
        note(log, "book flight")
        return "AZ 1"


    def hotel(flight: str, log: str) -> str:
        note(log, "book hotel")
        return "Ritz"


    def pay(flight: str, hotel: str, log: str, fail: str) -> int:
        if fail and Path(fail).exists():
            raise ValueError("no money")
        note(log, "pay")
        return 100


    def unflight(flight: str, log: str, error: BaseException) -> None:
        note(log, "cancel", flight, "because", error)


    def unhotel(hotel: str, log: str) -> None:
        note(log, "cancel", hotel)


    p = pipeline(
        "booking",
        Params,
        [
            step("flight", flight, on_error=OnError.STOP, rollback=unflight),
            step("hotel", hotel, on_error=OnError.STOP, rollback=unhotel),
            step("pay", pay, on_error=OnError.STOP),
        ],
    )
"""


SEATS = """
    from pathlib import Path
    from typing import NamedTuple

    from synaflow_core import OnError, pipeline, step


    class Params(NamedTuple):
        log: str
        fail: str = ""


    def seats() -> list[int]:
        return [1, 2, 3, 4]


    def booked(seat: int, fail: str, log: str) -> int:
        if seat == 3 and fail and Path(fail).exists():
            raise ValueError("taken")
        with Path(log).open("a") as file:
            file.write(f"book {seat}\\n")
        return seat


    def cancel(booked: list[int], log: str) -> None:
        with Path(log).open("a") as file:
            file.writelines(f"cancel {seat}\\n" for seat in booked)


    def count(booked: list[int]) -> int:
        return len(booked)


    p = pipeline(
        "seats",
        Params,
        [
            step("seats", seats),
            step("booked", booked, shards=4, on_error=OnError.STOP, rollback=cancel),
            step("count", count),
        ],
    )
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the steps say what they do."""
    return tmp_path / "log.txt"


def failed(defs: DefsFolder, log: Path) -> tuple[Exported, Outcome]:
    """A run whose last macro-task fails."""
    exported = defs.export(BOOKING)
    (log.parent / "fail").touch()
    outcome = defs.run(exported, {"log": str(log), "fail": str(log.parent / "fail")})
    assert not outcome.success
    assert outcome.steps("STEP_FAILURE") == ["booking__pay"]
    return exported, outcome


def asked_for(defs: DefsFolder, exported: Exported, run_id: str, cancelled: bool = False) -> Any:
    """What the sensor answers to the end of a run."""
    import dagster as dg

    module = import_file(exported.file)
    run = defs.dagster.get_run_by_id(run_id)
    sensor = module.rollback_on_cancel if cancelled else module.rollback_on_failure
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=dg.DagsterEvent("PIPELINE_FAILURE", run.job_name),
        dagster_instance=defs.dagster,
        dagster_run=run,
    )
    return sensor(context if cancelled else context.for_run_failure())


def rolled_back(defs: DefsFolder, exported: Exported, run_id: str) -> Any:
    """The run of the rollback job that the sensor asks for."""
    request = asked_for(defs, exported, run_id)
    assert request.run_key == run_id
    job = import_file(exported.file).defs.resolve_job_def(f"{exported.name}_rollback")
    return job.execute_in_process(instance=defs.dagster, tags=request.tags, raise_on_error=False)


def gone_on_with(defs: DefsFolder, exported: Exported, outcome: Outcome) -> Outcome:
    """The run that somebody re-executes from the failure of another."""
    import dagster as dg

    job = dg.build_reconstructable_job(
        "tests.targets.dagster.test_rollback",
        "job_of",
        reconstructable_args=(str(exported.file), "booking"),
    )
    tags = defs.dagster.get_run_by_id(outcome.run_id).tags
    with dg.execute_job(
        job,
        instance=defs.dagster,
        tags={key: tags[key] for key in tags if key == "dagster/partition"},
        reexecution_options=dg.ReexecutionOptions.from_failure(outcome.run_id, defs.dagster),
        raise_on_error=False,
    ) as done:
        return Outcome(done.success, done.run_id, done.all_events)


def job_of(file: str, name: str) -> Any:
    """A job of a definitions file, for processes that build it anew."""
    return import_file(Path(file)).defs.resolve_job_def(name)


def test_what_a_failed_run_did_is_undone_once_and_newest_first(defs: DefsFolder, log: Path) -> None:
    exported, outcome = failed(defs, log)
    done = rolled_back(defs, exported, outcome.run_id)
    assert done.success
    assert log.read_text().splitlines() == [
        "book flight",
        "book hotel",
        "cancel Ritz",
        f"cancel AZ 1 because run {outcome.run_id} failed or was cancelled",
    ]
    observed = [e.asset_key.to_user_string() for e in done.all_events if e.is_asset_observation]
    assert sorted(observed) == ["booking/flight", "booking/hotel"]

    before = log.read_text()
    assert rolled_back(defs, exported, outcome.run_id).success  # there is nothing left
    assert log.read_text() == before
    assert not defs.dagster.get_run_by_id(outcome.run_id).is_success


def test_nobody_goes_on_with_what_was_undone(defs: DefsFolder, log: Path) -> None:
    exported, outcome = failed(defs, log)
    assert defs.references(outcome).keys() == {"flight", "hotel"}
    rolled_back(defs, exported, outcome.run_id)
    assert defs.references(outcome) == {}
    part = defs.run(exported, {"log": str(log)}, only=["booking/pay"])
    assert "no reference of booking/flight" in part.errors() or "booking/hotel" in part.errors()

    again = defs.run(exported, {"log": str(log)})
    assert again.success, again.errors()
    assert defs.outputs(exported, again) == {"pay": 100}
    assert log.read_text().splitlines()[-3:] == ["book flight", "book hotel", "pay"]


def test_what_a_later_run_made_stays_when_an_earlier_one_is_undone(
    defs: DefsFolder, log: Path
) -> None:
    exported, outcome = failed(defs, log)
    later = defs.run(exported, {"log": str(log)})
    assert later.success
    rolled_back(defs, exported, outcome.run_id)
    part = defs.run(exported, {"log": str(log)}, only=["booking/pay"])
    assert part.success, part.errors()


def test_a_run_that_goes_on_from_a_failure_needs_its_work(defs: DefsFolder, log: Path) -> None:
    exported, outcome = failed(defs, log)
    (log.parent / "fail").unlink()
    early = gone_on_with(defs, exported, outcome)
    assert "is still to be rolled back: wait for the job booking_rollback" in early.errors()
    rolled_back(defs, exported, outcome.run_id)
    late = gone_on_with(defs, exported, outcome)
    assert not late.success
    assert "pay" not in log.read_text()
    assert "run everything again" in late.errors() or "was rolled back" in late.errors()


def test_runs_of_others_and_runs_that_will_be_retried_are_left_alone(
    defs: DefsFolder, log: Path
) -> None:
    import dagster as dg

    exported, outcome = failed(defs, log)
    other = defs.export(BOOKING.replace('"booking"', '"other"'))
    assert isinstance(asked_for(defs, other, outcome.run_id), dg.SkipReason)
    assert asked_for(defs, exported, outcome.run_id, cancelled=True).run_key == outcome.run_id
    defs.dagster.add_run_tags(outcome.run_id, {"dagster/will_retry": "true"})
    assert isinstance(asked_for(defs, exported, outcome.run_id), dg.SkipReason)


@pytest.mark.parametrize("shards_are", ["steps", "processes"])
def test_one_of_four_shards_fails_and_the_others_are_undone(
    defs: DefsFolder, log: Path, shards_are: str
) -> None:
    exported = defs.export(SEATS, shard_steps=shards_are == "steps")
    fail = log.with_name("fail")
    fail.touch()
    params = {"log": str(log), "fail": str(fail)}
    outcome = defs.run(exported, params)
    assert not outcome.success
    assert rolled_back(defs, exported, outcome.run_id).success
    told = log.read_text().splitlines()
    booked = [line.removeprefix("book ") for line in told if line.startswith("book ")]
    if shards_are == "steps":
        assert sorted(booked) == ["1", "2", "4"]
        assert not any(line.startswith("book") for line in told[3:])
        assert sorted(told[3:]) == ["cancel 1", "cancel 2", "cancel 4"]
    else:  # those that are still at work when one fails are stopped, and undo themselves
        cancelled = [line.removeprefix("cancel ") for line in told if line.startswith("cancel ")]
        assert len(cancelled) == len(set(cancelled))
        assert set(cancelled) <= set(booked) <= {"1", "2", "4"}
        # A call that is stopped after its booking and before it returns has not completed.
        assert len(booked) - len(cancelled) < max(2, os.cpu_count() or 2)

    fail.unlink()
    log.unlink()
    again = defs.run(exported, params)
    assert again.success, again.errors()
    assert defs.outputs(exported, again) == {"count": 4}
    assert sorted(log.read_text().splitlines()) == ["book 1", "book 2", "book 3", "book 4"]


def test_a_file_with_long_names_stays_in_shape(defs: DefsFolder) -> None:
    text = defs.export(BOOKING, id="x" * 48).text
    assert complaints(text) == ""
    assert defs.export(BOOKING, id="x" * 48).text == text


def test_a_pipeline_without_rollbacks_has_no_sensors(defs: DefsFolder) -> None:
    from tests.targets.airflow.test_running import LINEAR

    module = import_file(defs.export(LINEAR).file)
    assert module.defs.sensors is None
    assert "rollback" not in defs.export(LINEAR).text
