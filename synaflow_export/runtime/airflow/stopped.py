"""Tasks that somebody stops: how their steps get to clean up, and when they have really ended.

Airflow writes down at once that a task which somebody stops has failed, and goes on with what waits
for that. The process itself hears of it with its next heartbeat, a few seconds later, and then has
time to clean up. A rollback must not begin before: it would undo what others still build on, and
what is completed after it nobody would undo.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

try:
    from airflow.sdk.configuration import conf
except ImportError:  # before Airflow 3.2
    from airflow.configuration import conf

from synaflow_export.runtime.airflow.verdict import (
    has_left_its_report,
    is_airflow_2,
    named,
    states_of,
)

_SECONDS_BETWEEN_LOOKS = 0.5

_SECONDS_FROM_TERM_TO_KILL = 5.0
"""What Airflow 3 gives a process to end by itself; not to be changed there."""

logger = logging.getLogger("synaflow.airflow")


@contextmanager
def interrupted_when_stopped() -> Iterator[None]:
    """Have SIGTERM interrupt what the block is at, as Airflow 2 does by itself.

    Airflow 3 tells the operator alone, and kills the process when it goes on.
    """
    process, before = os.getpid(), signal.getsignal(signal.SIGTERM)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        before(number, frame)
        if os.getpid() == process:  # others that a step has forked have inherited this
            raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def wait_for_those_stopped(context: Mapping[str, Any]) -> None:
    """Wait until the tasks of a run that did not succeed have ended.

    Args:
        context: Airflow's context of a task that runs after all others.
    """
    at_work = _at_work_2 if is_airflow_2(context) else _at_work_3
    end = time.monotonic() + _longest(context)
    told = False
    while tasks := at_work(context):
        if time.monotonic() > end:
            logger.info("none has told its end in time: they must have been killed")
            return
        if not told:
            logger.info("waiting for the end of %s", ", ".join(f"task '{it}'" for it in tasks))
            told = True
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _longest(context: Mapping[str, Any]) -> float:
    """Seconds from the mark in the database to the end of the process, at most."""
    if is_airflow_2(context):
        heartbeat, to_kill = (
            ("scheduler", "job_heartbeat_sec"),
            ("core", "killed_task_cleanup_time"),
        )
        return 2 * float(conf.get(*heartbeat)) + float(conf.get(*to_kill))
    # A supervisor that has just looked may look again only after twice the interval.
    return 2 * float(conf.get("workers", "min_heartbeat_interval")) + _SECONDS_FROM_TERM_TO_KILL


def _at_work_2(context: Mapping[str, Any]) -> list[str]:
    """Tasks whose supervisor is there: its heartbeat stops when it ends the process, or is lost."""
    from airflow.jobs.job import Job
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    since = datetime.now(UTC) - timedelta(seconds=_longest(context))
    with create_session() as session:
        found = (
            session.query(TaskInstance.task_id, TaskInstance.map_index)
            .join(Job, Job.id == TaskInstance.job_id)
            .filter(
                TaskInstance.dag_id == context["dag"].dag_id,
                TaskInstance.run_id == context["run_id"],
                TaskInstance.task_id != context["task"].task_id,
                TaskInstance.state != "success",
                Job.state == "running",
                Job.latest_heartbeat > since,
            )
            .all()
        )
    return sorted(named(task_id, index) for task_id, index in found)


def _at_work_3(context: Mapping[str, Any]) -> list[str]:
    """Tasks that failed without a report; that may also mean that they were killed."""
    tasks = context["dag"].task_dict
    return [
        named(*instance)
        for instance, state in sorted(states_of(context).items())
        if state == "failed"
        and not tasks[instance[0]].is_teardown
        and not has_left_its_report(instance, context)
    ]
