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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

try:
    from airflow.sdk import get_current_context
except ImportError:  # Airflow 2
    from airflow.operators.python import get_current_context
try:
    from airflow.sdk.configuration import conf
except ImportError:  # before Airflow 3.2
    from airflow.configuration import conf

from synaflow_export.runtime.airflow.verdict import is_airflow_2, named, states_of
from synaflow_export.runtime.waiting import wait_until_none
from synaflow_export.targets.airflow.xcom import AT_WORK_KEY

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


@contextmanager
def end_told() -> Iterator[None]:
    """Leave word that the block has begun and, however it ends, that it has ended.

    Only where somebody asks for it: Airflow 2 tells itself what is at work.
    """
    context = get_current_context()
    if is_airflow_2(context) or not any(it.is_teardown for it in context["dag"].tasks):
        yield
        return
    _leave_word(context, at_work=True)
    try:
        yield
    finally:
        _leave_word(context, at_work=False)


def _leave_word(context: Mapping[str, Any], *, at_work: bool) -> None:
    try:
        context["ti"].xcom_push(AT_WORK_KEY, at_work)
    except Exception:  # must neither fail nor hide the failure of the work itself
        logger.warning("a rollback will not know whether this task has ended", exc_info=True)


def wait_for_those_stopped(context: Mapping[str, Any]) -> None:
    """Wait until the tasks of a run that did not succeed have ended.

    Args:
        context: Airflow's context of a task that runs after all others.
    """
    at_work = partial(_at_work_2, context) if is_airflow_2(context) else _Words(context).at_work
    wait_until_none(at_work, _longest(context), logger)


def _longest(context: Mapping[str, Any]) -> float:
    """Seconds from the mark in the database to the end of the process, at most."""
    if is_airflow_2(context):
        to_kill = float(conf.get("core", "killed_task_cleanup_time"))
        return 2 * float(conf.get("scheduler", "job_heartbeat_sec")) + to_kill
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
    return sorted(_told(task_id, index) for task_id, index in found)


class _Words:
    """What the failed tasks of a run on Airflow 3 have left word of.

    Those that have left none have not begun, or are not ours. A task that was stopped before it
    left its first word cannot leave it now: this one has taken as long to begin.

    Args:
        context: Airflow's context of the task that asks.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
        self._not_at_work: set[tuple[str, int]] = set()

    def at_work(self) -> list[str]:
        """Those at work, unless they were killed; asks once for each that is not."""
        tasks = self._context["dag"].task_dict
        asked = [
            instance
            for instance, state in sorted(states_of(self._context).items())
            if state == "failed"
            and not tasks[instance[0]].is_teardown
            and instance not in self._not_at_work
        ]
        self._not_at_work.update(it for it in asked if not self._is_at_work(*it))
        return [_told(*it) for it in asked if it not in self._not_at_work]

    def _is_at_work(self, task_id: str, index: int) -> bool:
        ti = self._context["ti"]
        return ti.xcom_pull(task_ids=task_id, key=AT_WORK_KEY, map_indexes=index) is True


def _told(task_id: str, index: int) -> str:
    return f"task '{named(task_id, index)}'"
