"""Generated flows on a real Prefect server when something goes wrong: retried, failed, resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets.airflow.running import in_process
from tests.targets.airflow.test_failing import FLAKY
from tests.targets.airflow.test_running import EVERY_PARAM, LINEAR
from tests.targets.prefect.running import FlowFolder

pytestmark = pytest.mark.prefect


def datasets(flows: FlowFolder) -> list[str]:
    """Manifests in the store: each is one visible dataset."""
    return sorted(path.parent.name for path in flows.store.rglob("manifest.json"))


def test_what_may_pass_is_tried_again_and_leaves_one_complete_dataset(
    flows: FlowFolder, tmp_path: Path
) -> None:
    exported = flows.export(FLAKY, retries=2)
    marker = tmp_path / "marker"
    outcome = flows.run(exported, {"marker": str(marker)})

    assert outcome.state == "Completed", outcome.message
    assert outcome.tries == {"kept": 2, "total": 1}
    assert datasets(flows) == ["kept", "total"]
    assert flows.outputs(exported, outcome) == in_process(exported, {"marker": str(marker)})
    assert outcome.reported("flaky-kept")["rows"]["ok"] == 3  # of the last try


def test_wrong_data_fails_at_once_and_with_it_the_run(flows: FlowFolder, tmp_path: Path) -> None:
    exported = flows.export(FLAKY, retries=3)
    outcome = flows.run(exported, {"marker": str(tmp_path / "marker"), "error": "ValueError"})

    assert outcome.state == "Failed"
    assert "pipeline stopped at step 'rows'" in outcome.message
    assert (outcome.tasks, outcome.tries["kept"]) == ({"kept": "Failed", "total": "NotReady"}, 1)
    assert datasets(flows) == []
    row = outcome.reported("flaky-kept")["rows"]
    assert (row["status"], row["ok"]) == ("failed", 2)
    assert row["remark"] == "ValueError: the first try fails"


def test_retries_run_out(flows: FlowFolder, tmp_path: Path) -> None:
    source = FLAKY.replace("if not Path(marker).exists():", "if True:")
    outcome = flows.run(flows.export(source, retries=1), {"marker": str(tmp_path / "marker")})
    assert (outcome.state, outcome.tries["kept"]) == ("Failed", 2)


def test_an_exceeded_threshold_fails_at_once(flows: FlowFolder) -> None:
    source = LINEAR.replace('"odds", fn=odd', '"odds", fn=odd, error_threshold_pct=0.4')
    outcome = flows.run(flows.export(source, retries=2), {"count": 10})
    assert (outcome.state, outcome.tries["total"]) == ("Failed", 1)
    assert "step 'odds'" in outcome.message
    assert outcome.reported("linear-total")["odds"]["errors"] == 5
    assert datasets(flows) == []


def test_what_only_the_worker_can_judge_is_told_in_the_words_of_every_target(
    flows: FlowFolder,
) -> None:
    source = EVERY_PARAM.replace("note: Optional[str]", 'note: Annotated[str, Meta(pattern="^n")]')
    source = source.replace("= None\n        region", '= "n"\n        region')
    exported = flows.export(source, retries=2)
    outcome = flows.run(exported, {"need": 1, "note": "x"})
    assert (outcome.state, outcome.tries["facts"]) == ("Failed", 1)
    assert "the params do not fit Params" in outcome.message
    assert "'note'" in outcome.message


def test_a_retried_run_goes_on_where_it_failed(flows: FlowFolder, tmp_path: Path) -> None:
    source = """
        from pathlib import Path
        from typing import NamedTuple

        from synaflow_core import OnError, pipeline, step


        class Params(NamedTuple):
            marker: str


        def orders(marker: str) -> list[int]:
            with Path(marker, "orders").open("a") as calls:
                calls.write("x")
            return [1, 2]


        def priced(orders: list[int]) -> list[int]:
            return [order * 10 for order in orders]


        def sent(priced: list[int], marker: str) -> int:
            if not Path(marker, "open").exists():
                raise ValueError("closed today")
            return sum(priced)


        p = pipeline(
            "resumed",
            Params,
            [
                step("orders", orders),
                step("priced", priced),
                step("sent", sent, on_error=OnError.STOP),
            ],
        )
    """
    exported = flows.export(source)
    failed = flows.run(exported, {"marker": str(tmp_path)})
    assert failed.state == "Failed"
    assert failed.tasks == {"orders": "Completed", "priced": "Completed", "sent": "Failed"}
    (tmp_path / "open").touch()

    outcome = flows.retry(exported, failed)

    assert outcome.run_id == failed.run_id
    assert (outcome.state, outcome.message) == ("Completed", "")
    assert outcome.tasks == {"orders": "Cached", "priced": "Cached", "sent": "Completed"}
    assert (tmp_path / "orders").read_text() == "x"
    assert flows.outputs(exported, outcome) == {"sent": 30}
    assert flows.run(exported, {"marker": str(tmp_path)}).tasks["orders"] == "Completed"


def test_a_step_that_failed_under_continue_skips_its_dependents_in_other_tasks(
    flows: FlowFolder,
) -> None:
    source = """
        from synaflow_core import pipeline, step

        def broken() -> list[int]:
            raise ValueError("no data today")

        def fine() -> list[int]:
            return [1]

        def needs_both(broken: list[int], fine: list[int]) -> int:
            return 1

        p = pipeline(
            "skipping", None, [step("broken", broken), step("fine", fine), step("both", needs_both)]
        )
    """
    outcome = flows.run(flows.export(source))
    assert outcome.state == "CompletedWithErrors"
    assert outcome.message == "step 'broken' failed; step 'both' skipped"
    assert outcome.refs["both"]["uri"] is None


def test_code_that_is_not_what_was_exported_fails_at_once_and_names_the_step(
    flows: FlowFolder,
) -> None:
    exported = flows.export(LINEAR, retries=2)
    source = exported.folder / "linear" / "src" / "pipe.py"
    source.write_text(source.read_text().replace("number % 2 == 0", "number % 2 == 1"))
    outcome = flows.run(exported, {"count": 3})
    assert (outcome.state, outcome.tries["total"]) == ("Failed", 1)
    assert "step 'odds' was changed" in outcome.message
    assert "Export again" in outcome.message


def test_the_body_of_the_flow_needs_a_run(flows: FlowFolder) -> None:
    flow = flows.load(flows.export(LINEAR))
    with pytest.raises(RuntimeError, match="call the flow itself"):
        flow.fn(count=3)
