"""Generated DAGs on a real Airflow when something goes wrong: tried again, or failed at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets.airflow.running import DagFolder, in_process, on_both
from tests.targets.airflow.test_running import EVERY_PARAM, LINEAR

pytestmark = [pytest.mark.airflow, on_both]

FLAKY = """
    from collections.abc import Generator, Iterator
    from dataclasses import dataclass
    from pathlib import Path

    from synaflow_core import OnError, pipeline, step


    class OutOfStock(Exception):
        '''A library's own exception: nobody knows whether it passes.'''


    @dataclass
    class Params:
        marker: str
        error: str = "OSError"


    def rows(marker: str, error: str) -> Generator[int, None, None]:
        yield 1
        yield 2
        if not Path(marker).exists():
            Path(marker).touch()
            raise {
                "OSError": ConnectionResetError,
                "ValueError": ValueError,
                "OutOfStock": OutOfStock,
            }[error]("the first try fails")
        yield 3


    def kept(rows: Iterator[int]) -> list[int]:
        return list(rows)


    def total(kept: list[int]) -> int:
        return sum(kept)


    p = pipeline(
        name="flaky",
        params=Params,
        steps=[
            step("rows", fn=rows, on_error=OnError.STOP),
            step("kept", fn=kept),
            step("total", fn=total),
        ],
    )
"""


def datasets(dags: DagFolder) -> list[str]:
    """Manifests in the store: each is one visible dataset."""
    return sorted(path.parent.name for path in dags.store.rglob("manifest.json"))


@pytest.mark.parametrize("error", ["OSError", "OutOfStock"])
def test_what_may_pass_is_tried_again_and_leaves_one_complete_dataset(
    dags: DagFolder, tmp_path: Path, error: str
) -> None:
    exported = dags.export(FLAKY, retries=2)
    marker = tmp_path / "marker"
    outcome = dags.run("flaky", {"marker": str(marker), "error": error})

    assert outcome.state == "success", outcome.log
    assert outcome.tasks == {"kept": ("success", 2), "total": ("success", 1)}
    assert datasets(dags) == ["kept", "total"]
    assert dags.reference(outcome, "kept", "kept").count == 3
    assert dags.outputs(exported, outcome) == in_process(exported, {"marker": str(marker)})
    assert outcome.reported("kept")["rows"]["ok"] == 3  # of the last try


def test_wrong_data_fails_at_once_and_with_it_the_run(dags: DagFolder, tmp_path: Path) -> None:
    dags.export(FLAKY, retries=3)
    outcome = dags.run("flaky", {"marker": str(tmp_path / "marker"), "error": "ValueError"})

    assert outcome.state == "failed"
    assert outcome.tasks == {"kept": ("failed", 1), "total": ("upstream_failed", 0)}
    assert datasets(dags) == []
    report = outcome.reported("kept")["rows"]
    assert (report["status"], report["ok"]) == ("failed", 2)
    assert report["first_error"] == "ValueError: the first try fails"
    assert "step 'rows': failed, 2 done, 1 error" in outcome.log


def test_retries_run_out(dags: DagFolder, tmp_path: Path) -> None:
    dags.export(FLAKY.replace("if not Path(marker).exists():", "if True:"), retries=1)
    outcome = dags.run("flaky", {"marker": str(tmp_path / "marker")})
    assert outcome.state == "failed"
    assert outcome.tasks["kept"] == ("failed", 2)


def test_an_exceeded_threshold_fails_at_once(dags: DagFolder) -> None:
    source = LINEAR.replace('"odds", fn=odd', '"odds", fn=odd, error_threshold_pct=0.4')
    dags.export(source, retries=2)
    outcome = dags.run("linear", {"count": 10})
    assert outcome.state == "failed"
    assert outcome.tasks["total"] == ("failed", 1)
    assert outcome.reported("total")["odds"]["errors"] == 5
    assert datasets(dags) == []


def test_values_that_only_the_worker_can_judge_are_all_named_at_once(dags: DagFolder) -> None:
    # Airflow checks no format "decimal", and "date-time" only where a further package is installed.
    source = EVERY_PARAM.replace("day: date = date(2024, 1, 2)", "day: Decimal | None = None")
    source = source.replace("at: Optional[datetime]", "at: Optional[Decimal]")
    source = source.replace("import enum", "import enum\n    from decimal import Decimal", 1)
    dags.export(source.replace("day: date,", "day: Decimal | None,"), retries=2)
    outcome = dags.run("every_param", {"need": 1, "at": "garbage", "day": "yesterday"})
    assert outcome.state == "failed"
    assert outcome.tasks["facts"] == ("failed", 1)
    told = outcome.output
    assert "AirflowFailException" in told
    assert "'at'" in told
    assert "'day'" in told


def test_a_misspelt_param_does_not_run_with_the_default(dags: DagFolder) -> None:
    dags.export(LINEAR, retries=2)
    outcome = dags.run("linear", {"count": 3, "duoble": True})
    assert outcome.state == "failed"
    assert outcome.tasks["total"] == ("failed", 1)
    assert "did you mean 'double'?" in outcome.output


def test_a_param_that_the_owner_added_to_the_file_is_no_mistake(dags: DagFolder) -> None:
    exported = dags.export(LINEAR)
    text = exported.text.replace("PARAMS = {", 'PARAMS = {\n    "notify": Param("nobody"),')
    exported.dag_file.write_text(text)
    outcome = dags.run("linear", {"count": 3, "notify": "me"})
    assert outcome.state == "success", outcome.log


def test_code_that_is_not_what_was_exported_fails_at_once_and_names_the_step(
    dags: DagFolder,
) -> None:
    exported = dags.export(LINEAR, retries=2)
    source = exported.dag_file.with_name("linear") / "src" / "pipe.py"
    source.write_text(source.read_text().replace("number % 2 == 0", "number % 2 == 1"))

    outcome = dags.run("linear", {"count": 3})

    assert outcome.state == "failed"
    assert outcome.tasks["total"] == ("failed", 1)
    told = outcome.output
    assert "step 'odds' was changed" in told
    assert "Export again" in told


def test_code_that_is_gone_is_told(dags: DagFolder) -> None:
    exported = dags.export(LINEAR, retries=2)
    source = exported.dag_file.with_name("linear") / "src" / "pipe.py"
    source.write_text(source.read_text().replace("p = pipeline(", "q = pipeline("))
    outcome = dags.run("linear", {"count": 3})
    assert outcome.tasks["total"] == ("failed", 1)
    assert "has no pipeline 'linear' in its variable 'p'" in outcome.output


def test_a_step_may_raise_airflows_own_exceptions(dags: DagFolder) -> None:
    source = """
        from airflow.exceptions import AirflowSkipException

        from synaflow_core import OnError, pipeline, step

        def orders() -> list[int]:
            raise AirflowSkipException("nothing to do today")

        def total(orders: list[int]) -> int:
            return sum(orders)

        p = pipeline(
            name="skips",
            steps=[step("orders", fn=orders, on_error=OnError.STOP), step("total", fn=total)],
        )
    """
    dags.export(source)
    outcome = dags.run("skips")
    assert outcome.state == "success"
    assert {task: state for task, (state, _) in outcome.tasks.items()} == {
        "orders": "skipped",
        "total": "skipped",
    }


def test_a_task_upstream_that_never_ran_is_named(dags: DagFolder) -> None:
    dags.export(LINEAR)
    outcome = dags.run("linear", {"count": 3}, mark_success_pattern="total")
    assert outcome.tasks["squares"] == ("failed", 1)
    assert "the reference of dataset 'odds' is missing" in outcome.output
