"""Sharded macro-tasks on real Airflows: mapped by Airflow, equal to the run without shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from synaflow_core.errors import ExportError
from synaflow_core.handoff import HandoffStore
from synaflow_export.plan.model import PlanOptions
from tests.targets.airflow.halves import HALVES
from tests.targets.airflow.running import DagFolder, Exported, Outcome, in_process, on_both
from tests.targets.airflow.test_golden import GROUPS

pytestmark = [pytest.mark.airflow, on_both]


def instances(outcome: Outcome, task: str) -> dict[str, tuple[str, int]]:
    return {name: told for name, told in outcome.tasks.items() if name.startswith(f"{task}[")}


def test_instances_give_the_rows_and_counts_of_one_task(dags: DagFolder) -> None:
    exported = dags.export(HALVES)
    sharded = dags.run("halves")
    assert sharded.state == "success", sharded.output
    assert instances(sharded, "text") == {f"text[{i}]": ("success", 1) for i in range(3)}
    assert dags.outputs(exported, sharded) == in_process(exported)
    summed = sharded.reported("join_text")
    assert {name: (step["ok"], step["errors"]) for name, step in summed.items()} == {
        "half": (16, 4),
        "text": (16, 0),
    }

    whole = dags.export(HALVES, plan=PlanOptions(shards=(("half", 1),)))
    assert [task.shards for task in whole.plan.macro_tasks] == [None] * len(whole.plan.macro_tasks)
    alone = dags.run("halves")
    assert dags.outputs(exported, sharded) == dags.outputs(whole, alone)
    one, other = (
        dags.reference(outcome, task, "half")
        for outcome, task in ((sharded, "join_text"), (alone, producer(whole, "half")))
    )
    assert (one.count, one.errors) == (other.count, other.errors) == (16, 4)
    store = HandoffStore(str(dags.store))
    assert list(store.read(one, float)) == list(store.read(other, float))


def producer(exported: Exported, dataset: str) -> str:
    return next(d.producer_task for d in exported.plan.datasets if d.name == dataset)


@pytest.mark.parametrize(("count", "expected"), [(0, 1), (2, 2)])
def test_few_rows_have_few_instances_and_no_rows_one(
    dags: DagFolder, count: int, expected: int
) -> None:
    exported = dags.export(HALVES)
    outcome = dags.run("halves", {"count": count})
    assert outcome.state == "success", outcome.output
    assert len(instances(outcome, "text")) == expected
    assert dags.outputs(exported, outcome) == in_process(exported, {"count": count})


def test_the_number_may_follow_the_rows(dags: DagFolder) -> None:
    options = PlanOptions(shards=(("half", "auto"),), rows_per_shard=4, max_shards=100)
    exported = dags.export(HALVES, plan=options)
    outcome = dags.run("halves", {"count": 10})
    assert outcome.state == "success", outcome.output
    assert len(instances(outcome, "text")) == 3
    assert dags.outputs(exported, outcome) == in_process(exported, {"count": 10})


def test_an_instance_that_fails_is_tried_again_alone(dags: DagFolder, tmp_path: Path) -> None:
    source = HALVES.replace("half, shards=3", "half, shards=3, on_error=OnError.STOP")
    source = source.replace("if row % 5 == 0:", "if row < 0:")
    exported = dags.export(source, retries=1)
    conf = {"marker": str(tmp_path / "marker")}
    outcome = dags.run("halves", conf)
    assert outcome.state == "success", outcome.output
    tries = {name: tries for name, (_, tries) in instances(outcome, "text").items()}
    assert tries == {"text[0]": 1, "text[1]": 2, "text[2]": 1}
    assert dags.outputs(exported, outcome) == in_process(exported, conf)


def test_a_threshold_is_judged_on_the_sum_when_all_are_done(dags: DagFolder) -> None:
    source = HALVES.replace("shards=3", "shards=3, error_threshold_pct=0.2")
    dags.export(source, retries=2)
    outcome = dags.run("halves")
    assert outcome.state == "failed"
    assert set(instances(outcome, "text").values()) == {("success", 1)}
    assert outcome.tasks["join_text"] == ("failed", 1)
    assert outcome.tasks["total"] == ("upstream_failed", 0)
    assert outcome.reported("join_text")["half"]["errors"] == 4
    assert "4 of 20" in outcome.output


def test_a_failed_instance_fails_the_run_and_nothing_is_put_together(dags: DagFolder) -> None:
    source = HALVES.replace("half, shards=3", "half, shards=3, on_error=OnError.STOP")
    dags.export(source, retries=1)
    outcome = dags.run("halves", {"count": 4})
    assert outcome.state == "failed"
    assert outcome.tasks["text[0]"] == ("failed", 1)
    assert outcome.tasks["join_text"] == ("upstream_failed", 0)


def test_options_of_the_macro_task_are_those_of_the_mapped_task(dags: DagFolder) -> None:
    own = {"text": {"max_active_tis_per_dagrun": 2, "queue": "large"}}
    exported = dags.export(HALVES, tasks=own)
    assert "max_active_tis_per_dagrun=2" in exported.text
    tasks = dags.describe("halves")["tasks"]
    assert [name for name, task in tasks.items() if task["mapped"]] == ["text"]
    assert (tasks["text"]["queue"], tasks["join_text"]["queue"]) == ("large", "default")
    assert tasks["text"]["max_active_tis_per_dagrun"] == 2


def test_shards_inside_an_included_pipeline_stay_in_its_group(dags: DagFolder) -> None:
    source = GROUPS.replace("words: list[str]) -> list[str]:", "word: str) -> str:").replace(
        "return [word for word in words if len(word) > 3]", "return word.upper()"
    )
    source = source.replace(
        'step("long_words", long_words)', 'step("long_words", long_words, shards=2)'
    )
    exported = dags.export(source)
    assert {"counted.long.plan_long", "counted.long.long", "counted.long.join_long"} <= set(
        dags.describe("groups")["tasks"]
    )
    outcome = dags.run("groups")
    assert outcome.state == "success", outcome.output
    assert dags.outputs(exported, outcome) == in_process(exported)


def test_more_shards_than_airflow_maps_are_refused(dags: DagFolder) -> None:
    for options in (
        PlanOptions(shards=(("half", 1025),), max_shards=2000),
        PlanOptions(shards=(("half", "auto"),), max_shards=2000),
    ):
        with pytest.raises(ExportError, match="max_map_length"):
            dags.export(HALVES, plan=options)
