"""Generated definitions on a real Dagster: what they compute and what they tell.

That outputs and counts are those of ``run()`` for every kind of pipeline is shown by
``tests/conformance``.
"""

from __future__ import annotations

import json

import pytest

from synaflow_export.plan.model import PlanOptions
from tests.targets.airflow.running import in_process
from tests.targets.airflow.test_running import EVERY_PARAM, LINEAR
from tests.targets.dagster.running import DefsFolder, import_file


def test_a_run_gives_what_the_same_run_gives_in_process(defs: DefsFolder) -> None:
    exported = defs.export(LINEAR)
    params = {"count": 10, "double": True}
    outcome = defs.run(exported, params)
    assert outcome.success, outcome.errors()
    expected = {"total": 50, "squares": [4, 36, 100, 196, 324]}
    assert defs.outputs(exported, outcome) == in_process(exported, params) == expected  # type: ignore[arg-type]


def test_materialisations_say_how_much_where_and_what_each_step_did(defs: DefsFolder) -> None:
    exported = defs.export(LINEAR)
    outcome = defs.run(exported, {"count": 10})
    assert outcome.materialised() == ["linear/odds", "linear/total", "linear/squares"]

    odds, total = outcome.metadata("linear/odds"), outcome.metadata("linear/total")
    assert (odds["dagster/row_count"], odds["errors"]) == (5, 5)
    assert odds["dagster/uri"].startswith(f"file://{defs.store}/linear/{outcome.run_id}/odds")
    assert "dagster/row_count" not in total  # one value is no table
    rows = outcome.reported()
    assert {name: (row["status"], row["ok"], row["errors"]) for name, row in rows.items()} == {
        "numbers": ("ok", 10, 0),
        "odds": ("ok", 5, 5),
        "total": ("ok", 1, 0),
        "squares": ("ok", 1, 0),
    }
    assert rows["odds"]["remark"] == "ValueError: 0 is even"


def test_events_hold_references_and_never_data(defs: DefsFolder) -> None:
    source = LINEAR.replace("yield from range(count)", "yield from range(1000, 1000 + count)")
    outcome = defs.run(defs.export(source), {"count": 500})
    assert outcome.success, outcome.errors()
    for event in outcome.of("ASSET_MATERIALIZATION"):
        assert "1499" not in repr(event)
    for reference in defs.references(outcome).values():
        assert len(json.dumps(reference)) < 600


def test_an_async_pipeline_runs_in_an_ordinary_asset(defs: DefsFolder) -> None:
    source = LINEAR.replace("    def ", "    async def ")
    source = source.replace("Generator[int, None, None]", "AsyncGenerator[int, None]")
    source = source.replace("Iterator[int]) -> int:", "AsyncIterator[int]) -> int:")
    source = source.replace("import Generator, Iterator", "import AsyncGenerator, AsyncIterator")
    source = source.replace("yield from range(count)", "for i in range(count): yield i")
    source = source.replace("return sum(odds)", "return sum([odd async for odd in odds])")
    exported = defs.export(source)
    outcome = defs.run(exported, {"count": 10})
    assert outcome.success, outcome.errors()
    assert defs.outputs(exported, outcome) == {"total": 25, "squares": [1, 9, 25, 49, 81]}
    assert "async def" not in exported.text


def test_params_arrive_with_their_types_and_a_bool_stays_a_bool(defs: DefsFolder) -> None:
    exported = defs.export(EVERY_PARAM)
    given = {
        "need": 3,
        "flag": True,
        "names": ["x"],
        "sizes": {"k": 1},
        "note": "n",
        "region": "us",
        "color": "blue",
        "other": "red",
        "day": "2025-02-03",
        "at": "2025-02-03T04:05:06Z",
    }
    for params in (given, {"need": 1}):
        outcome = defs.run(exported, params)
        assert outcome.success, outcome.errors()
        assert defs.outputs(exported, outcome) == in_process(exported, params)  # type: ignore[arg-type]
    assert "bool False" in defs.outputs(exported, outcome)["facts"]


def test_the_same_pipeline_under_two_ids_keeps_its_data_apart(defs: DefsFolder) -> None:
    import dagster as dg

    merged = dg.Definitions.merge(
        *(import_file(defs.export(LINEAR, id=name).file).defs for name in ("eu", "us")),
        dg.Definitions(jobs=[dg.define_asset_job("both", selection='key:"eu/*" or key:"us/*"')]),
    )
    config = {
        "resources": {
            "eu_params": {"config": {"count": 3}},
            "us_params": {"config": {"count": 5}},
        }
    }
    done = merged.resolve_job_def("both").execute_in_process(
        instance=defs.dagster, run_config=config
    )
    rows = {
        event.asset_key.to_user_string(): event.event_specific_data.materialization.metadata
        for event in done.get_asset_materialization_events()
    }
    assert rows["eu/odds"]["dagster/row_count"].value == 1
    assert rows["us/odds"]["dagster/row_count"].value == 2
    assert rows["eu/odds"]["dagster/uri"] != rows["us/odds"]["dagster/uri"]


def test_a_run_reads_its_own_datasets_while_another_is_at_work(defs: DefsFolder) -> None:
    """Between two steps of this run, another one leaves the latest reference."""
    source = """
        import shutil
        from typing import NamedTuple

        from synaflow_core import pipeline, step

        class Params(NamedTuple):
            value: int
            other: str = ""
            latest: str = ""

        def first(value: int) -> int:
            return value

        def second(first: int, other: str, latest: str) -> int:
            if other:
                shutil.copy(other, latest)
            return 2

        def third(first: int, second: int) -> int:
            return 10 * first + second

        steps = [step("first", first), step("second", second), step("third", third)]
        p = pipeline("meanwhile", Params, steps)
    """
    exported = defs.export(source)
    other = defs.run(exported, {"value": 9})
    place = defs.store / ".dagster" / "meanwhile" / "first"
    params = {
        "value": 1,
        "other": str(place / f"{other.run_id}.json"),
        "latest": str(place / "latest.json"),
    }
    assert defs.outputs(exported, defs.run(exported, params)) == {"third": 12}
    only = defs.run(exported, {"value": 1}, only=["meanwhile/third"])  # no first of its own
    assert defs.outputs(exported, only) == {"third": 92}


def test_a_part_of_the_assets_reads_what_the_last_run_left(defs: DefsFolder) -> None:
    exported = defs.export(LINEAR)
    defs.run(exported, {"count": 6})
    outcome = defs.run(exported, {"count": 100}, only=["linear/squares"])
    assert outcome.materialised() == ["linear/squares"]
    assert outcome.metadata("linear/squares")["dagster/row_count"] == 3


def test_without_a_store_data_goes_to_dagsters_home_and_the_log_says_so(
    defs: DefsFolder,
) -> None:
    outcome = defs.run(defs.export(LINEAR, store=None), {"count": 3})
    home = defs.dagster.root_directory
    assert outcome.metadata("linear/odds")["dagster/uri"].startswith(f"file://{home}/synaflow/")
    logs = defs.dagster.all_logs(outcome.run_id)
    assert any("no store was chosen" in (entry.user_message or "") for entry in logs)


def test_the_store_of_the_environment_goes_first(
    defs: DefsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNAFLOW_STORE", str(defs.work / "elsewhere"))
    outcome = defs.run(defs.export(LINEAR), {"count": 3})
    assert outcome.success, outcome.errors()
    assert not defs.store.exists()
    assert list((defs.work / "elsewhere" / ".dagster").rglob("latest.json"))


def test_a_step_that_gave_nothing_materialises_nothing_and_its_readers_are_skipped(
    defs: DefsFolder,
) -> None:
    source = """
        from synaflow_core import pipeline, step

        def rate() -> float:
            raise LookupError("no rate today")

        def amounts() -> list[int]:
            return [1, 2]

        def priced(amounts: list[int], rate: float) -> list[float]:
            return [amount * rate for amount in amounts]

        def saved(priced: list[float]) -> None:
            raise AssertionError

        p = pipeline(
            "rates", None,
            [step("rate", rate), step("amounts", amounts), step("priced", priced),
             step("saved", saved)],
        )
    """
    outcome = defs.run(defs.export(source))
    assert outcome.success
    assert outcome.materialised() == ["rates/amounts"]
    assert sorted(outcome.steps("STEP_SKIPPED")) == ["rates__priced", "rates__saved"]
    (observed,) = outcome.of("ASSET_OBSERVATION")
    assert observed.asset_key.to_user_string() == "rates/rate"
    assert outcome.reported()["rate"]["remark"] == "LookupError: no rate today"


def test_a_task_of_which_only_a_part_needs_what_is_missing_runs_the_rest(
    defs: DefsFolder,
) -> None:
    source = """
        from synaflow_core import pipeline, step

        def rate() -> float:
            raise LookupError("no rate today")

        def priced(rate: float) -> float:
            return rate

        def fallback() -> str:
            return "none"

        p = pipeline(
            "parts", None,
            [
                step("rate", rate),
                step("priced", priced, macro_task="last"),
                step("fallback", fallback, macro_task="last"),
            ],
        )
    """
    exported = defs.export(source)
    outcome = defs.run(exported)
    assert outcome.success, outcome.errors()
    assert defs.outputs(exported, outcome) == in_process(exported) == {"fallback": "none"}  # type: ignore[arg-type]
    assert outcome.reported()["priced"]["status"] == "skipped"
    assert "rate_ref: DatasetRef | None," in exported.text
    latest = [
        file for file in (defs.store / ".dagster").rglob("latest.json") if "rate" in str(file)
    ]
    assert latest == []  # other runs never read a dataset that is not there


@pytest.mark.parametrize("granularity", ["step", "scope", "pipeline"])
def test_every_granularity_gives_the_same_result(defs: DefsFolder, granularity: str) -> None:
    exported = defs.export(LINEAR, plan=PlanOptions(granularity=granularity))  # type: ignore[arg-type]
    outcome = defs.run(exported, {"count": 7})
    assert outcome.success, outcome.errors()
    assert defs.outputs(exported, outcome) == {"total": 9, "squares": [1, 9, 25]}
