"""What can be chosen when a pipeline is exported to Dagster.

All of it ends up as constants in the block of the file that its owner may edit, or beside the
asset that it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from synaflow_core.errors import Problem
from synaflow_export.options import checks
from synaflow_export.options.common import CommonOptions
from synaflow_export.options.duration import Duration
from synaflow_export.options.model import option

EXECUTORS = ("in_process", "multiprocess")

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
_TAG = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}(=[A-Za-z0-9_.-]{0,63})?")


def owner_of(owner: str) -> str:
    """An owner as Dagster wants it: an e-mail address, or ``team:`` and a name."""
    return owner if owner.startswith("team:") or _EMAIL.fullmatch(owner) else f"team:{owner}"


def tags_of(tags: tuple[str, ...]) -> dict[str, str]:
    """Tags as Dagster wants them, with values: ``a`` has an empty one, ``a=b`` has ``b``."""
    split = (tag.partition("=") for tag in tags)
    return {key: found for key, _, found in split}


def _tags(value: object) -> checks.Trouble:
    if isinstance(value, list | tuple) and all(
        isinstance(tag, str) and _TAG.fullmatch(tag) for tag in value
    ):
        return None
    return (
        "a tag of Dagster is a word, or word=value, of at most 63 letters, digits, '_', '-' or '.'",
        "rename the tag",
    )


def _backoff(value: object) -> checks.Trouble:
    if not isinstance(value, bool) and value in (1, 2):
        return None
    return (
        "Dagster's delays are all equal (1) or double (2)",
        "choose 1 or 2, or write another RetryPolicy into the file's policies",
    )


@dataclass(frozen=True)
class DagsterOptions(CommonOptions):
    """Options of the Dagster target.

    Attributes:
        id: Name under which Dagster knows the pipeline: first part of the keys of its assets,
            name of its job; letters, digits and ``_``; None: the pipeline's name, made legal.
        retry_backoff: 1: all delays are equal; 2: they double.
        concurrency: Steps of one run of the job that may run at a time, each in a process.
        owner: Owner of the assets: an e-mail address or the name of a team.
        tags: Tags of the assets and of the runs of the job: ``word`` or ``word=value``.
        executor: ``in_process`` or ``multiprocess``, for the job; None: the deployment's own.
        shard_steps: The shards of a macro-task are steps, not processes of one step.
        max_runtime: Longest duration of a run of the job; needs run monitoring in Dagster.
    """

    cannot: ClassVar[Mapping[str, str]] = {
        "timeout": "Dagster has no time limit for a single step; limit the run with "
        "--max-runtime, or let the step itself give up",
        "queue": "Dagster has no queues of its own; limit steps with --pool, or write the tag of "
        "your executor (dagster-celery/queue) into the file as op_tags=",
        "catchup": "a schedule of Dagster makes up for nothing; start the missed runs by hand",
        "max_active_runs": "limit runs in Dagster itself: concurrency, runs, "
        "tag_concurrency_limits in dagster.yaml",
    }

    retry_backoff: float = option(1.0, _backoff, per_task=True)
    tags: tuple[str, ...] = option(("synaflow",), _tags)
    executor: str | None = option(None, checks.one_of(EXECUTORS))
    shard_steps: bool = option(False, checks.flag)
    max_runtime: Duration | None = option(None, checks.span)

    def problems(self, where: str = "options") -> Iterator[Problem]:
        """Yield what does not go together."""
        yield from super().problems(where)
        if self.concurrency is not None and self.executor == "in_process":
            yield Problem(
                self.place("concurrency", where=where),
                "option 'concurrency'",
                "cannot-be-honoured",
                "the executor 'in_process' runs one step at a time",
                "use --executor multiprocess, or leave one of the two out",
            )
        if self.start_date != type(self).start_date and self.window is None:
            yield Problem(
                self.place("start_date", where=where),
                "option 'start_date'",
                "cannot-be-honoured",
                "a schedule of Dagster has no first moment",
                "leave it out, and start the schedule in Dagster when its time has come; windows "
                "have one (--window)",
            )
