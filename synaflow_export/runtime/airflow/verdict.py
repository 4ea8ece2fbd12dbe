"""Whether all that a run had to do is done, as its last tasks find out.

Airflow tells no task how the run will end, and what it tells of the others needs to be read with
care: somebody who marks a run as failed has the tasks that had not begun *skipped*, just as a step
that raises ``AirflowSkipException`` has the tasks behind it. So a skipped task counts as done only
if it has begun (then it left its report) or if one that it waited for was skipped. An instance of a
mapped task that is *removed* had a shard in an earlier try only: nothing is missing of this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synaflow_export.targets.airflow.xcom import REPORT_KEY


def what_is_missing(context: Mapping[str, Any]) -> str:
    """Which task has not done its work, and why; empty when all before this one have.

    Args:
        context: Airflow's context of a task that runs after all others have ended.
    """
    states = states_of(context)
    waited_for = {
        task_id: context["dag"].task_dict[task_id] for task_id in context["task"].upstream_task_ids
    }
    missing = {
        instance: state
        for instance, state in sorted(states.items())
        if instance[0] in waited_for
        and not waited_for[instance[0]].is_teardown
        and state not in ("success", "removed")
    }
    causes = [found for found in missing.items() if found[1] not in ("skipped", "upstream_failed")]
    for instance, state in causes or missing.items():
        if state != "skipped":
            return f"task '{named(*instance)}' ended as {state}"
        if not _has_begun(instance, states, context):
            return f"the run was ended before task '{named(*instance)}' began"
    return ""


def _has_begun(
    instance: tuple[str, int], states: Mapping[tuple[str, int], str], context: Mapping[str, Any]
) -> bool:
    """Whether a skipped task has begun, or was skipped because one before it was."""
    before = context["dag"].task_dict[instance[0]].upstream_task_ids
    if any(states[other] == "skipped" for other in states if other[0] in before):
        return True
    task_id, index = instance
    left = context["ti"].xcom_pull(task_ids=task_id, key=REPORT_KEY, map_indexes=index)
    return left is not None


def is_airflow_2(context: Mapping[str, Any]) -> bool:
    """Whether tasks may ask Airflow's database, and have nobody else to ask."""
    return not hasattr(context["ti"], "get_task_states")


def states_of(context: Mapping[str, Any]) -> dict[tuple[str, int], str]:
    """(Task id, map index or -1) -> state of all tasks of the run."""
    dag, run_id = context["dag"], context["run_id"]
    if is_airflow_2(context):
        instances = context["dag_run"].get_task_instances()
        return {(ti.task_id, ti.map_index): str(ti.state) for ti in instances}
    told = context["ti"].get_task_states(dag_id=dag.dag_id, run_ids=[run_id]).get(run_id, {})
    return dict(_read(told, dag.task_dict))


def _read(
    told: Mapping[str, Any], tasks: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, int], str]]:
    """Instances of mapped tasks are told as ``task_0``."""
    for name, state in told.items():
        task_id, _, index = name.rpartition("_")
        if name in tasks:
            yield (name, -1), str(getattr(state, "value", state))
        elif task_id in tasks and index.isdecimal():
            yield (task_id, int(index)), str(getattr(state, "value", state))


def named(task_id: str, index: int) -> str:
    """A task, or an instance of one that is mapped, as people are told of it."""
    return task_id if index < 0 else f"{task_id}[{index}]"
