"""What a flow run is called that covers a window: the same to its tasks and to its hooks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from synaflow_export.loading.load import load
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.runtime.exported import Exported
from synaflow_export.windows.binding import WindowSpec
from tests.targets.prefect.running import FlowFolder
from tests.windows.booking import BOOKED

pytestmark = pytest.mark.prefect

EVENTS = Path(__file__).parents[2] / "windows" / "events.py"

PIPE = """
from dataclasses import dataclass
from datetime import date, datetime
from synaflow_core import pipeline, step

@dataclass(frozen=True)
class Params:
    day: date
    until: datetime

def events(day: date, until: datetime) -> str:
    return f"{day} {until}"

p = pipeline("events", Params, [step("events", events)])
"""
SPEC = WindowSpec("day", "0 0 * * *", "UTC", {"day": "start", "until": "end"})
KEY = "window.day-20260601.until-20260602T000000Z"


def exported(folder: Path) -> Exported:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "pipe.py").write_text(PIPE)
    contract = load(str(folder / "src" / "pipe.py"), None).contract
    (folder / "contract.json").write_bytes(contract.to_json())
    (folder / "plan.json").write_bytes(make_plan(contract, PlanOptions(window=SPEC)).to_json())
    return Exported(folder)


def key_of(made: Exported, given: dict[str, Any], **run: Any) -> str:
    """The key of the datasets of a flow run; Prefect is imported after its server is up."""
    from prefect.client.schemas.objects import FlowRun

    from synaflow_export.runtime.prefect.run import identity

    return identity(made, FlowRun(id=uuid4(), flow_id=uuid4(), **run), given)[1]


def test_hooks_find_the_window_however_somebody_wrote_it(flows: FlowFolder, tmp_path: Path) -> None:
    made = exported(tmp_path / "events")
    read = {"day": date(2026, 6, 1), "until": datetime(2026, 6, 2, tzinfo=UTC)}
    spellings = [
        {"day": "2026-06-01T00:00:00", "until": "2026-06-02T02:00:00+02:00"},
        {"day": "2026-06-01", "until": 1780358400},
    ]
    assert key_of(made, read) == KEY
    assert [key_of(made, written) for written in spellings] == [KEY, KEY]


def test_a_scheduled_run_covers_the_window_that_is_over(flows: FlowFolder, tmp_path: Path) -> None:
    made, due = exported(tmp_path / "events"), datetime(2026, 6, 2, 0, 0, 5, tzinfo=UTC)
    given = {"day": None, "until": None}
    assert key_of(made, given, auto_scheduled=True, expected_start_time=due) == KEY


def test_flows_of_one_pipeline_do_not_share_the_datasets_of_a_window(
    flows: FlowFolder, tmp_path: Path
) -> None:
    made = exported(tmp_path / "events_v2")
    given = {"day": "2026-06-01", "until": "2026-06-02T00:00:00Z"}
    assert key_of(made, given) == f"events_v2@{KEY}"


@pytest.mark.parametrize(
    ("pipeline", "options", "prefix"),
    [
        ("events", {}, ""),
        ("daily events", {}, ""),
        ("events", {"id": "my-flow"}, "my-flow@"),
        ("events", {"id": "nightly.events"}, "nightly.events@"),
    ],
)
def test_a_flow_has_the_key_of_its_id(
    flows: FlowFolder, pipeline: str, options: dict[str, str], prefix: str
) -> None:
    source = PIPE.replace('pipeline("events"', f'pipeline("{pipeline}"')
    bind = ("day=start", "until=end")
    made = flows.export(source, plan=PlanOptions(window=SPEC), window="day", bind=bind, **options)
    (folder,) = (path.parent for path in made.folder.glob("*/plan.json"))
    given = {"day": "2026-06-01", "until": "2026-06-02T00:00:00Z"}
    assert key_of(Exported(folder), given) == f"{prefix}{KEY}"


def test_a_week_of_windows_twice_gives_every_window_once(flows: FlowFolder) -> None:
    bind = {"since": "start", "until": "end"}
    spec = WindowSpec("day", "0 0 * * *", "UTC", bind)  # type: ignore[arg-type]  # bounds
    made = flows.export_file(
        EVENTS, plan=PlanOptions(window=spec), window="day", bind=("since=start", "until=end")
    )
    days = [datetime(2026, 6, day, tzinfo=UTC) for day in range(1, 8)]

    def outputs(day: datetime) -> dict[str, Any]:
        window = {"since": day.isoformat(), "until": (day + timedelta(days=1)).isoformat()}
        return flows.outputs(made, flows.run(made, window))

    first = {day: outputs(day) for day in days}
    folders = {path.name for path in (flows.store / "events").iterdir()}
    assert len(folders) == len({str(found) for found in first.values()}) == len(days)
    assert first[days[0]] == {"summary": "3 events, 33600"}

    assert {day: outputs(day) for day in days[:2]} == {day: first[day] for day in days[:2]}
    assert {path.name for path in (flows.store / "events").iterdir()} == folders


def test_a_late_hook_leaves_the_next_run_of_the_window_alone(
    flows: FlowFolder, tmp_path: Path
) -> None:
    """Whoever notices that a flow has crashed may come late."""
    from prefect.client.orchestration import get_client

    from synaflow_export.runtime.prefect.undo import undo_run

    bind = {"since": "start", "until": "end"}
    spec = WindowSpec("day", "0 0 * * *", "UTC", bind)  # type: ignore[arg-type]  # bounds
    made = flows.export(
        BOOKED, plan=PlanOptions(window=spec), window="day", bind=("since=start", "until=end")
    )
    window = {"since": "2026-06-03T00:00:00Z", "until": "2026-06-04T00:00:00Z"}
    given = {"folder": str(tmp_path), **window}
    (tmp_path / "poor").touch()
    first = flows.run(made, given)
    assert (first.state, (tmp_path / "booked").exists()) == ("Failed", False)
    (tmp_path / "poor").unlink()
    assert flows.run(made, given).state == "Completed"

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(first.run_id))
    (folder,) = (path.parent for path in made.folder.glob("*/plan.json"))
    undo_run(folder, run, run.state, store=str(flows.store))

    assert (tmp_path / "booked").exists()
