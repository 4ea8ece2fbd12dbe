"""What the phases of a workflow share: the context, and the runtime behind it.

Both are plain dataclasses of plain data, so that a context can travel between processes (see
:mod:`synaflow_core.phases.compiled`). What a subclass adds is its own affair.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from synaflow_core.phases.step import StepResult

logger = logging.getLogger("synaflow.phases")

_TASK_LOG: ContextVar[logging.Logger | None] = ContextVar("synaflow_log_of_phases", default=None)


@contextmanager
def log_to(task_log: logging.Logger) -> Iterator[None]:
    """Phases that run in this context log to the log of a task, where people look for it."""
    token = _TASK_LOG.set(task_log)
    try:
        yield
    finally:
        _TASK_LOG.reset(token)


@dataclass
class RuntimeContext:
    """Where a workflow runs: what its phases may ask of the outside.

    Attributes:
        job_id: Identifies the job for whoever started it; empty when nobody said.
        env: Settings of the job.
    """

    job_id: str = ""
    env: dict[str, str] = field(default_factory=dict)

    def log(self, event: str, data: Mapping[str, Any] | None = None) -> None:
        """Log an event with its data, as one line of the logger ``synaflow.phases``.

        On an orchestrator it is a line of the task's log.
        """
        (_TASK_LOG.get() or logger).info("%s %s", event, dict(data or {}))


@dataclass
class BaseStepContext:
    """State that the phases of one workflow share; subclass it to add fields of your own.

    Attributes:
        runtime_ctx: Where the workflow runs.
        step_results: The result of every phase so far, in order.
        errors: What went wrong without ending the workflow: failing rollbacks.
        current_step: Name of the phase that runs now; empty before and after.
    """

    runtime_ctx: RuntimeContext = field(default_factory=RuntimeContext)
    step_results: list[StepResult] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    current_step: str = ""

    def log(self, event: str, data: Mapping[str, Any] | None = None) -> None:
        """Log an event of the current phase."""
        self.runtime_ctx.log(event, {"step": self.current_step, **(data or {})})

    def set_progress(self, current: float, total: float) -> None:
        """Say how far the current phase is: ``current`` of ``total``, in any unit.

        Outside an orchestrator nobody listens. Values beyond the ends count as the ends.
        """
        listener = vars(self).get(_LISTENER)
        if listener is not None and total > 0:
            listener(min(max(current / total, 0.0), 1.0))


_LISTENER = "_progress_listener"
"""Kept beside the fields: it is nothing that could be compared, printed or stored."""


def listen(context: BaseStepContext, listener: Callable[[float], None] | None) -> None:
    """Hear of the progress within a phase, as a fraction of the phase; None ends it."""
    if listener is None:
        vars(context).pop(_LISTENER, None)
    else:
        vars(context)[_LISTENER] = listener
