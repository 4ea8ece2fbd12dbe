"""``synaflow-export backfill``: windows of the past, here, each in the store once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

EVENTS = Path(__file__).parents[1] / "windows" / "events.py"
SPAN = ["--from", "2026-06-01", "--to", "2026-06-04"]
WINDOW = ["--window", "day", "--bind", "since=start", "--bind", "until=end"]


@pytest.fixture
def events(project: Any) -> Path:
    return Path(shutil.copy(EVENTS, project.folder / "events.py"))


def manifests(store: Path) -> dict[str, int]:
    """Everything that makes a dataset visible, and when it was written."""
    return {
        path.relative_to(store).as_posix(): path.stat().st_mtime_ns
        for path in store.rglob("manifest.json")
    }


def test_a_span_twice_then_one_window_of_it(cli: Any, events: Path, project: Any) -> None:
    arguments = ["backfill", "events.py", *SPAN, *WINDOW, "--store", "ds", "--format", "json"]
    told = cli(*arguments)
    assert told.code == 0, told.err
    first = json.loads(told.out)
    assert [window["start"][:10] for window in first["windows"]] == [
        "2026-06-01",
        "2026-06-02",
        "2026-06-03",
    ]
    assert [window["datasets"]["normalized"]["count"] for window in first["windows"]] == [3] * 3
    digests = [window["datasets"]["normalized"]["digest"] for window in first["windows"]]
    assert len(set(digests)) == 3
    before = manifests(project.folder / "ds")
    assert len({path.split("/")[1] for path in before}) == 3

    one_day = ["--from", "2026-06-02", "--to", "2026-06-03"]
    again = cli("backfill", "events.py", *one_day, *WINDOW, "--store", "ds", "--format", "json")
    assert again.code == 0, again.err
    (window,) = json.loads(again.out)["windows"]
    assert window["datasets"]["normalized"]["digest"] == digests[1]
    after = manifests(project.folder / "ds")
    assert after.keys() == before.keys()
    changed = {path.split("/")[1] for path in after if after[path] != before[path]}
    assert changed == {window["run_key"]}


def test_a_window_that_fails_does_not_keep_the_others_from_running(
    cli: Any, events: Path, project: Any
) -> None:
    stops = {
        '    return f"{len': '    assert total != 63600  # the second day\n    return f"{len',
        'step("summary", summary)': 'step("summary", summary, on_error=OnError.STOP)',
        "import pipeline": "import OnError, pipeline",
    }
    text = events.read_text()
    for old, new in stops.items():
        text = text.replace(old, new)
    events.write_text(text)
    told = cli("backfill", "events.py", *SPAN, *WINDOW, "--store", "ds", "--format", "json")
    windows = json.loads(told.out)["windows"]
    failed = [window["start"][:10] for window in windows if window["error"]]
    assert (told.code, len(windows), len(failed)) == (1, 3, 1), told.err
    assert "1 of 3 windows failed" in told.err


def test_settings_choose_the_window_and_a_dry_run_lists_it(
    cli: Any, events: Path, project: Any
) -> None:
    project.write("synaflow.toml", 'window = "day"\nbind = ["since=start", "until=end"]\n')
    told = cli("backfill", "events.py", *SPAN, "--dry-run")
    assert told.code == 0, told.err
    assert "2026-06-03T00:00:00+00:00" in told.out
    lines = told.out.replace("\n", "")
    assert "airflow backfill create --dag-id events" in lines
    assert "prefect deployment run events/events -p since=2026-06-01T00:00:00+00:00" in lines
    assert "dagster job backfill" in lines
    assert not (project.folder / "ds").exists()


def test_the_commands_are_those_for_the_export(cli: Any, events: Path, project: Any) -> None:
    project.write(
        "synaflow.toml",
        'window = "day"\nbind = ["since=start", "until=end"]\n'
        '[airflow]\nid = "nightly.events"\nmax_active_runs = 3\n[dagster]\nid = "nightly"\n',
    )
    told = cli("backfill", "events.py", *SPAN, "--dry-run", "--format", "json")
    commands = json.loads(told.out)["commands"]
    three, two = commands["airflow"]
    assert three.startswith(
        "airflow backfill create --dag-id nightly.events --from-date 2026-06-01T"
    )
    assert three.endswith("--max-active-runs 3")
    assert two.startswith("airflow dags backfill nightly.events -s 2026-06-01T")
    assert commands["prefect"][0].startswith("prefect deployment run events/events -p since=")
    assert "-f nightly/definitions.py -j nightly " in commands["dagster"][0]

    told = cli("backfill", "events.py", *SPAN, "--dry-run", "--format", "json", "--id", "other")
    commands = json.loads(told.out)["commands"]
    assert all(" other " in line for line in (*commands["airflow"], *commands["dagster"]))
    assert "deployment run other/other -p" in commands["prefect"][0]


def test_where_nothing_can_be_exported_under_an_id_there_is_no_command(
    cli: Any, events: Path
) -> None:
    asked = ["backfill", "events.py", *SPAN, *WINDOW, "--dry-run", "--format", "json"]
    told = cli(*asked, "--id", "my-flow")
    assert told.code == 0, told.err
    assert json.loads(told.out)["commands"].keys() == {"airflow", "prefect"}
    assert "note: 'events' cannot be exported to Dagster as asked" in told.err
    assert "it must be a word of at most 48 letters, digits and '_', got 'my-flow'" in told.err
    export = cli("dagster", "events.py", *WINDOW, "--id", "my-flow")
    assert export.code == 2
    assert export.err.removeprefix("error: ") == told.err.removeprefix("note: ")


def test_under_another_name_a_window_is_kept_where_the_export_of_that_name_keeps_it(
    cli: Any, events: Path, project: Any
) -> None:
    day = ["--from", "2026-06-01", "--to", "2026-06-02", "--store", "ds", "--format", "json"]
    keys = []
    for name in ([], ["--id", "events"], ["--id", "other"], ["--id", "my-flow"]):
        told = cli("backfill", "events.py", *day, *WINDOW, *name)
        assert told.code == 0, told.err
        keys.append(json.loads(told.out)["windows"][0]["run_key"])
    assert keys[1:] == [keys[0], f"other@{keys[0]}", f"my-flow@{keys[0]}"]


def test_the_id_that_a_name_gets_on_orchestrators_is_no_other_name(
    cli: Any, events: Path, project: Any
) -> None:
    events.write_text(
        events.read_text().replace('"events",\n    Params', '"daily events",\n    Params')
    )
    day = ["--from", "2026-06-01", "--to", "2026-06-02", "--store", "ds", "--format", "json"]
    for name in ([], ["--id", "daily_events"]):
        told = cli("backfill", "events.py", *day, *WINDOW, *name)
        assert told.code == 0, told.err
        assert json.loads(told.out)["windows"][0]["run_key"].startswith("window.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*SPAN, "--store", "ds"], "none is chosen"),
        ([*SPAN, *WINDOW], "no store is chosen"),
        (["--from", "soon", "--to", "2026-06-04", *WINDOW, "--store", "ds"], "no date or time"),
        (["--from", "2026-06-04", "--to", "2026-06-04", *WINDOW, "--store", "ds"], "no whole day"),
        ([*SPAN, "--window", "day", "--bind", "x=start", "--store", "ds"], "does not exist"),
    ],
)
def test_mistakes(cli: Any, events: Path, project: Any, arguments: list[str], message: str) -> None:
    told = cli("backfill", "events.py", *arguments)
    assert told.code == 2
    assert message in told.err
    assert not (project.folder / "ds").exists()
