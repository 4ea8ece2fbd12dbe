"""Generated definitions on a real Dagster when something goes wrong: again, or failed at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.targets.airflow.test_failing import FLAKY
from tests.targets.airflow.test_running import EVERY_PARAM, LINEAR
from tests.targets.dagster.running import DefsFolder


def threshold(part: float) -> str:
    """Every second item of the step fails."""
    return LINEAR.replace('"odds", fn=odd', f'"odds", fn=odd, error_threshold_pct={part}')


@pytest.mark.parametrize("error", ["OSError", "OutOfStock"])
def test_what_may_pass_is_tried_again_and_leaves_one_complete_dataset(
    defs: DefsFolder, tmp_path: Path, error: str
) -> None:
    exported = defs.export(FLAKY, retries=2)
    outcome = defs.run(exported, {"marker": str(tmp_path / "marker"), "error": error})
    assert outcome.success, outcome.errors()
    assert outcome.steps("STEP_UP_FOR_RETRY") == ["flaky__kept"]
    assert outcome.materialised() == ["flaky/kept", "flaky/total"]
    assert defs.outputs(exported, outcome) == {"total": 6}


def test_wrong_data_fails_at_once_with_what_each_step_did(defs: DefsFolder, tmp_path: Path) -> None:
    exported = defs.export(FLAKY, retries=3)
    outcome = defs.run(exported, {"marker": str(tmp_path / "m"), "error": "ValueError"})
    assert not outcome.success
    assert outcome.of("STEP_UP_FOR_RETRY") == []
    assert outcome.steps("STEP_FAILURE") == ["flaky__kept"]
    assert outcome.materialised() == []
    assert "not worth a retry" in outcome.errors()
    report = outcome.reported()["rows"]
    assert (report["status"], report["ok"]) == ("failed", 2)
    assert report["remark"] == "ValueError: the first try fails"


def test_retries_run_out(defs: DefsFolder, tmp_path: Path) -> None:
    source = FLAKY.replace("if not Path(marker).exists():", "if True:")
    outcome = defs.run(defs.export(source, retries=1), {"marker": str(tmp_path / "marker")})
    assert not outcome.success
    assert len(outcome.of("STEP_UP_FOR_RETRY")) == 1


def test_an_exceeded_threshold_fails_a_check_and_stops_what_comes_after(defs: DefsFolder) -> None:
    outcome = defs.run(defs.export(threshold(0.4), retries=2), {"count": 10})
    assert not outcome.success
    assert outcome.checks() == {"odds_errors": (False, "ERROR")}
    assert outcome.of("STEP_UP_FOR_RETRY") == []
    assert outcome.materialised() == []
    assert outcome.steps("STEP_FAILURE") == ["linear__total"]
    assert outcome.steps("STEP_START") == ["linear__total"]
    (check,) = outcome.of("ASSET_CHECK_EVALUATION")
    assert check.event_specific_data.metadata["errors"].value == 5
    assert check.event_specific_data.asset_key.to_user_string() == "linear/odds"


def test_errors_below_the_threshold_are_a_warning_and_none_a_pass(defs: DefsFolder) -> None:
    exported = defs.export(threshold(0.9))
    outcome = defs.run(exported, {"count": 10})
    assert outcome.success, outcome.errors()
    assert outcome.checks() == {"odds_errors": (False, "WARN")}
    whole = threshold(0.9).replace("if number % 2 == 0", "if number < 0")
    assert defs.run(defs.export(whole), {"count": 10}).checks() == {"odds_errors": (True, "WARN")}


def test_a_check_that_the_owner_removed_is_not_missed(defs: DefsFolder) -> None:
    exported = defs.export(threshold(0.4), retries=2)
    before, _, rest = exported.text.partition("    check_specs=[")
    exported.file.write_text(before + rest.partition("\n    ],\n")[2])
    outcome = defs.run(exported, {"count": 10})
    assert not outcome.success
    assert outcome.of("STEP_UP_FOR_RETRY") == []
    assert "too many" in outcome.errors() or "threshold" in outcome.errors()


@pytest.mark.parametrize(
    "params",
    [{}, {"need": "1"}, {"need": 1, "region": "mars"}, {"need": 1, "flag": "yes"}, {"nee": 1}],
)
def test_the_launchpad_refuses_what_the_types_rule_out(
    defs: DefsFolder, params: dict[str, Any]
) -> None:
    from dagster import DagsterInvalidConfigError

    with pytest.raises(DagsterInvalidConfigError):
        defs.run(defs.export(EVERY_PARAM), params)


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"need": 0}, "greater than or equal to 1"),
        ({"need": 1, "other": "green"}, "one of None, 'red', 'blue'"),
        ({"need": 1, "day": "yesterday"}, "Invalid RFC3339"),
        ({"need": 1, "at": "noon"}, "Invalid RFC3339"),
    ],
)
def test_values_that_types_cannot_rule_out_fail_before_any_step(
    defs: DefsFolder, params: dict[str, Any], word: str
) -> None:
    outcome = defs.run(defs.export(EVERY_PARAM, retries=2), params)
    assert not outcome.success
    told = "\n".join(str(event) for event in outcome.events)
    assert word in told
    assert outcome.of("STEP_UP_FOR_RETRY") == []
    assert outcome.of("STEP_START") == []


def test_code_that_is_not_what_was_exported_fails_at_once_and_names_the_step(
    defs: DefsFolder,
) -> None:
    exported = defs.export(LINEAR, retries=2)
    source = exported.file.parent / "src" / "pipe.py"
    source.write_text(source.read_text().replace("number % 2 == 0", "number % 2 == 1"))
    outcome = defs.run(exported, {"count": 3})
    assert outcome.of("STEP_UP_FOR_RETRY") == []
    assert "step 'odds' was changed" in outcome.errors()
    assert "Export again" in outcome.errors()


@pytest.mark.parametrize(
    "raised", ["dg.Failure('enough', allow_retries=False)", "dg.RetryRequested(1, 0)"]
)
def test_a_step_may_raise_dagsters_own_exceptions(defs: DefsFolder, raised: str) -> None:
    source = f"""
        import dagster as dg

        from synaflow_core import OnError, pipeline, step

        def orders() -> list[int]:
            raise {raised}

        p = pipeline("own", None, [step("orders", orders, on_error=OnError.STOP)])
    """
    outcome = defs.run(defs.export(source, retries=3))
    assert not outcome.success
    assert len(outcome.of("STEP_UP_FOR_RETRY")) == ("RetryRequested" in raised)


def test_a_dataset_that_was_never_made_is_named(defs: DefsFolder) -> None:
    exported = defs.export(LINEAR)
    outcome = defs.run(exported, {"count": 3}, only=["linear/squares"])
    assert "no reference of linear/odds" in outcome.errors()
    assert "materialise it" in outcome.errors()


def test_a_sink_whose_step_failed_is_not_materialised(defs: DefsFolder) -> None:
    source = """
        from synaflow_core import pipeline, step

        def rows() -> list[int]:
            return [1]

        def saved(rows: list[int]) -> None:
            raise LookupError("no place")

        p = pipeline("sink", None, [step("rows", rows), step("saved", saved)])
    """
    outcome = defs.run(defs.export(source))
    assert outcome.success
    assert outcome.materialised() == ["sink/rows"]
    assert [event.asset_key.path for event in outcome.of("ASSET_OBSERVATION")] == [
        ["sink", "saved"]
    ]
    works = source.replace('raise LookupError("no place")', "return None")
    assert defs.run(defs.export(works)).materialised() == ["sink/rows", "sink/saved"]
