"""What a flow run is called that covers a window: the same to its tasks and to its hooks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from synaflow_export.load import load
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.prefect.run import identity
from synaflow_export.windows.binding import WindowSpec

pytestmark = pytest.mark.prefect

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


def test_hooks_find_the_window_however_somebody_wrote_it(tmp_path: Path) -> None:
    made, run = exported(tmp_path / "events"), FlowRun(id=uuid4(), flow_id=uuid4())
    read = {"day": date(2026, 6, 1), "until": datetime(2026, 6, 2, tzinfo=UTC)}
    spellings = [
        {"day": "2026-06-01T00:00:00", "until": "2026-06-02T02:00:00+02:00"},
        {"day": "2026-06-01", "until": 1780358400},
    ]
    assert identity(made, run, read)[1] == KEY
    assert [identity(made, run, written)[1] for written in spellings] == [KEY, KEY]


def test_a_scheduled_run_covers_the_window_that_is_over(tmp_path: Path) -> None:
    made, due = exported(tmp_path / "events"), datetime(2026, 6, 2, 0, 0, 5, tzinfo=UTC)
    run = FlowRun(id=uuid4(), flow_id=uuid4(), auto_scheduled=True, expected_start_time=due)
    assert identity(made, run, {"day": None, "until": None})[1] == KEY


def test_flows_of_one_pipeline_do_not_share_the_datasets_of_a_window(tmp_path: Path) -> None:
    made, run = exported(tmp_path / "events_v2"), FlowRun(id=uuid4(), flow_id=uuid4())
    given = {"day": "2026-06-01", "until": "2026-06-02T00:00:00Z"}
    assert identity(made, run, given)[1] == f"events_v2@{KEY}"
