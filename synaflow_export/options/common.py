"""The options that orchestrators share, with one name and one meaning on every target.

A target derives its options from :class:`CommonOptions`, adds its own, and names in ``cannot``
what others have and it cannot honour.
"""

from __future__ import annotations

import dataclasses
from datetime import date, datetime

from synaflow_export.options import checks
from synaflow_export.options.duration import Duration
from synaflow_export.options.model import TargetOptions, option
from synaflow_export.options.schedule import first_moment
from synaflow_export.windows.calendar import UNITS, Unit
from synaflow_export.windows.pairs import bindings

ID = checks.matching(
    r"[A-Za-z0-9_.-]{1,250}",
    "1 to 250 ASCII letters, digits, '_', '-' or '.'",
    "choose another id with --id",
)


@dataclasses.dataclass(frozen=True)
class CommonOptions(TargetOptions):
    """Options of every built-in target.

    A duration is a number of seconds, a text such as ``30s``, ``5m``, ``1.5h``, or a timedelta.

    Attributes:
        id: Name under which the orchestrator knows the pipeline; None: the pipeline's name, made
            legal.
        schedule: Cron expression or preset such as ``@daily``; None: runs only on demand.
        timezone: Name of the time zone of the schedule and of the start date.
        window: Each run covers an hour, day, week or month; the schedule follows from it.
        bind: PARAM=start or PARAM=end: the param takes that bound of the window.
        start_date: First moment that the schedule covers, ISO, without a zone.
        retries: Retries of a task that failed for a passing reason.
        retry_delay: Duration between two tries.
        retry_backoff: Each delay is this many times the one before it; 1: all are equal.
        timeout: Longest duration of one task; None: unlimited.
        concurrency: Tasks of one run that may run at a time; None: what the orchestrator allows.
        pool: Name of the limited slots that tasks share; they must exist there.
        queue: Name of the queue whose workers take the tasks.
        owner: Who owns it, as shown by the orchestrator.
        tags: Tags shown by the orchestrator.
        store: URL under which datasets are stored; None: a folder under the orchestrator's home.
    """

    id: str | None = option(None, ID)
    schedule: str | None = option(None, checks.schedule)
    timezone: str = option("UTC", checks.timezone)
    window: Unit | None = option(None, checks.one_of(UNITS))
    bind: tuple[str, ...] = option((), checks.pairs(bindings))
    start_date: str | date = option("2024-01-01", checks.start_date)
    retries: int = option(2, checks.count(0), per_task=True)
    retry_delay: Duration = option("1m", checks.span, per_task=True)
    retry_backoff: float = option(1.0, checks.factor, per_task=True)
    timeout: Duration | None = option(None, checks.span, per_task=True)
    concurrency: int | None = option(None, checks.count(1))
    pool: str | None = option(None, checks.text, per_task=True)
    queue: str | None = option(None, checks.text, per_task=True)
    owner: str | None = option(None, checks.text, per_task=True)
    tags: tuple[str, ...] = option(("synaflow",), checks.texts())
    store: str | None = option(None, checks.store, secret=True)

    @property
    def start(self) -> datetime:
        """The start date as a naive time in ``timezone``."""
        return first_moment(self.start_date)
