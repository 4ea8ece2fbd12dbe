"""Generated flows on a real Prefect server: what they compute and what they tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synaflow_export.plan.model import PlanOptions
from tests.targets.airflow.running import in_process
from tests.targets.airflow.test_running import EVERY_PARAM, LINEAR
from tests.targets.prefect.running import FlowFolder

pytestmark = pytest.mark.prefect


def test_a_run_gives_what_the_same_run_gives_in_process(flows: FlowFolder) -> None:
    exported = flows.export(LINEAR)
    params = {"count": 10, "double": True}

    outcome = flows.run(exported, params)

    assert outcome.state == "CompletedWithErrors", outcome.message
    expected = {"total": 50, "squares": [4, 36, 100, 196, 324]}
    assert flows.outputs(exported, outcome) == in_process(exported, params) == expected


def test_inner_steps_are_told_as_tables_and_errors_as_the_name_of_the_state(
    flows: FlowFolder,
) -> None:
    outcome = flows.run(flows.export(LINEAR), {"count": 10})

    steps = outcome.reported("linear-total")
    assert {name: (s["status"], s["ok"], s["errors"]) for name, s in steps.items()} == {
        "numbers": ("ok", 10, 0),
        "odds": ("ok", 5, 5),
        "total": ("ok", 1, 0),
    }
    assert steps["odds"]["remark"] == "ValueError: 0 is even"
    assert outcome.tasks == {"total": "CompletedWithErrors", "squares": "Completed"}
    assert outcome.messages["total"] == outcome.message == "step 'odds': 5 errors"
    datasets = json.loads(outcome.artifacts["linear-datasets"])
    assert [(row["dataset"], row["rows"], row["errors"]) for row in datasets] == [
        ("odds", 5, 5),
        ("total", 1, 0),
        ("squares", 5, 0),
    ]
    assert datasets[0]["place"] == "odds/manifest.json"  # in the folder that is told above
    assert outcome.artifacts["linear-progress"] == 100.0


SLOW = """
    import time

    from synaflow_core import pipeline, step

    def first() -> int:
        return 1

    def second(first: int) -> int:
        time.sleep(0.5)
        return first + 1

    p = pipeline(
        "slow bar",
        None,
        [
            step("first", first, macro_task="all", progress_weight=0.25),
            step("second", second, macro_task="all", progress_weight=0.75),
        ],
    )
"""


def test_a_task_that_takes_long_has_a_bar_of_its_own(
    flows: FlowFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = flows.export(SLOW)
    assert "slow-bar-all-progress" not in " ".join(flows.run(exported).artifacts)
    from synaflow_export.runtime import progress

    monkeypatch.setattr(progress.progress_lines.__wrapped__, "__defaults__", (0.1,))
    outcome = flows.run(exported)
    (key,) = (key for key in outcome.artifacts if key.endswith("all-progress"))
    assert outcome.artifacts[key] == 100.0


def test_without_errors_the_state_is_plainly_completed(flows: FlowFolder) -> None:
    outcome = flows.run(flows.export(LINEAR.replace("number % 2 == 0", "number < 0")), {"count": 3})
    assert (outcome.state, set(outcome.tasks.values())) == ("Completed", {"Completed"})


def test_results_hold_references_and_never_data(flows: FlowFolder) -> None:
    source = LINEAR.replace("yield from range(count)", "yield from range(1000, 1000 + count)")
    outcome = flows.run(flows.export(source), {"count": 500})

    assert outcome.refs["odds"]["count"] == 250
    told = json.dumps([outcome.refs, outcome.artifacts], default=str)
    assert "1499" not in told


@pytest.mark.parametrize("granularity", ["step", "pipeline"])
def test_every_granularity_gives_the_same_result(flows: FlowFolder, granularity: Any) -> None:
    exported = flows.export(LINEAR, plan=PlanOptions(granularity=granularity))
    outcome = flows.run(exported, {"count": 7})
    assert flows.outputs(exported, outcome) == {"total": 9, "squares": [1, 9, 25]}
    assert len(outcome.tasks) == {"step": 4, "pipeline": 1}[granularity]


def test_params_arrive_with_their_types_and_defaults_are_the_pipelines(flows: FlowFolder) -> None:
    exported = flows.export(EVERY_PARAM)
    given = flows.run(
        exported,
        {
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
        },
    )
    defaults = flows.run(exported, {"need": 1})

    assert flows.outputs(exported, given)["facts"] == [
        "int 3",
        "float 0.5",
        "str 'a \\'quoted\\' \"text\" with {{ braces }}'",
        "bool True",
        "list ['x']",
        "dict {'k': 1}",
        "str 'n'",
        "str 'us'",
        "Color <Color.BLUE: 'blue'>",
        "Color <Color.RED: 'red'>",
        "date datetime.date(2025, 2, 3)",
        "datetime datetime.datetime(2025, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)",
    ]
    assert flows.outputs(exported, defaults) == in_process(exported, {"need": 1})


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({}, "missing a required argument: 'need'"),
        ({"need": 0}, "need: Input should be greater than or equal to 1"),
        ({"need": 1, "region": "mars"}, "region: Input should be 'eu' or 'us'"),
        ({"need": 1, "ned": 2}, "got an unexpected keyword argument 'ned'"),
    ],
)
def test_the_flow_refuses_what_the_types_rule_out(
    flows: FlowFolder, params: dict[str, Any], word: str
) -> None:
    flow = flows.load(flows.export(EVERY_PARAM))
    from prefect.exceptions import ParameterBindError, ParameterTypeError

    with pytest.raises((ParameterBindError, ParameterTypeError), match=word):
        flow(**params)
