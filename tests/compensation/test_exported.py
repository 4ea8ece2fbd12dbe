"""What a target's runtime calls: the rollback of an exported run, and the check before success."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from synaflow_core import HandoffError, pipeline, step
from synaflow_core.errors import PipelineStopException
from synaflow_export.loading.load import load
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.refusals import unusable
from synaflow_export.runtime.exported import Exported
from synaflow_export.runtime.rollback import refuse_undone, roll_back
from synaflow_export.runtime.running import Place, returned, run_exported
from synaflow_export.target import Sources

PIPE = """
from pathlib import Path
from typing import NamedTuple
from synaflow_core import OnError, pipeline, step

class Params(NamedTuple):
    file: str
    fail: bool = True

def save(file: str) -> str:
    Path(file).write_text("saved")
    return file

def unsave(save: str, error: BaseException) -> None:
    Path(save).unlink()
    Path(save).with_suffix(".why").write_text(str(error))

def mail(save: str) -> str:
    return f"sent {save}"

def unmail(output: str) -> None:
    raise OSError("the line is dead")

def check(mail: str, fail: bool) -> int:
    if fail:
        raise ValueError("no")
    return 1

p = pipeline("p", Params, [
    step("save", save, rollback=unsave),
    step("mail", mail, rollback=unmail),
    step("check", check, on_error=OnError.STOP),
])
"""


@pytest.fixture
def exported(tmp_path: Path) -> Exported:
    folder = tmp_path / "export"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "pipe.py").write_text(PIPE)
    contract = load(str(folder / "src" / "pipe.py"), None).contract
    (folder / "contract.json").write_bytes(contract.to_json())
    (folder / "plan.json").write_bytes(make_plan(contract, PlanOptions()).to_json())
    return Exported(folder)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    log = logging.getLogger("synaflow.test")
    return Place(str(tmp_path / "store"), tmp_path, "run 1", log, lambda report: None)


def run_tasks(exported: Exported, place: Place, params: dict[str, Any]) -> None:
    refs: dict[str, Any] = {}
    for name in ("save", "mail", "check"):
        _, result = run_exported(exported, name, place, params=params, inputs=refs)
        refs |= {dataset: returned(ref) for dataset, ref in result.refs.items()}


def test_a_run_is_rolled_back_and_must_then_run_again(
    exported: Exported, place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "file.txt"
    params = {"file": str(file)}
    with pytest.raises(PipelineStopException):
        run_tasks(exported, place, params)
    assert file.read_text() == "saved"
    refuse_undone(exported, place)  # nothing is undone yet
    result = roll_back(exported, place, error="task 'check' failed")
    assert not file.exists()
    assert file.with_suffix(".why").read_text() == "task 'check' failed"
    assert [each.step for each in result.undone] == ["save"]
    assert [each.error for each in result.failed] == ["OSError: the line is dead"]
    assert "rolled back step 'save' of macro-task 'save'" in caplog.messages
    assert "rollback of run 'run 1': 1 step undone, 1 failed" in caplog.messages
    with pytest.raises(HandoffError, match=r"macro-task 'save' was undone.*not done again"):
        refuse_undone(exported, place)
    run_tasks(exported, place, {**params, "fail": False})
    refuse_undone(exported, place)
    assert file.read_text() == "saved"


def test_what_another_export_does_not_have_any_more_is_not_missed(
    exported: Exported, place: Place, tmp_path: Path
) -> None:
    """The runs of one window have one ledger, whatever was exported between them."""
    params = {"file": str(tmp_path / "file.txt")}
    with pytest.raises(PipelineStopException):
        run_tasks(exported, place, params)
    roll_back(exported, place)
    with pytest.raises(HandoffError, match="was not done again"):
        refuse_undone(exported, place)
    plan = make_plan(exported.contract, PlanOptions(granularity="pipeline"))
    (exported.folder / "plan.json").write_bytes(plan.to_json())
    again = Exported(exported.folder)
    (whole,) = again.weights
    run_exported(again, whole, place, params={**params, "fail": False}, inputs={})
    refuse_undone(again, place)


def test_what_a_rollback_asks_for_must_be_storable() -> None:
    def connect() -> Connection:
        return Connection()

    def disconnect(output: Connection) -> None: ...

    def last(connect: Connection) -> int:
        return 1

    made = pipeline("p", None, [step("connect", connect, rollback=disconnect), step("last", last)])
    contract = made.contract()
    for allowed, codes in ((False, ["rollback-not-storable"]), (True, [])):
        plan = make_plan(contract, PlanOptions(allow_pickle=allowed))
        problems = [*unusable(contract, plan, Sources("pipe.py"), "p_dag")]
        found = [p for p in problems if p.code == "rollback-not-storable"]
        assert [problem.code for problem in found] == codes
        assert all("'connect', Connection" in problem.message for problem in found)


class Connection:
    """Nothing that could be stored as JSON."""
