"""Compensation across processes: a ledger of what a run has done, and undoing it from there.

:mod:`.ledger` (what is written, and where), :mod:`.remembered` (a run's journal that writes it),
:mod:`.attempt` (what a macro-task begins with), :mod:`.rollback` (undoing a run that failed) and
:mod:`.interrupts` (which wait for it).
In one process nothing of this is needed: see :mod:`synaflow_core.engine.journal`.
"""

from __future__ import annotations

from synaflow_core.compensation.attempt import begin_attempt
from synaflow_core.compensation.rollback import (
    RollbackResult,
    UndoneStep,
    attempts_at_work,
    rollback_at_work,
    rollback_run,
    undone_macro_tasks,
)

__all__ = [
    "RollbackResult",
    "UndoneStep",
    "attempts_at_work",
    "begin_attempt",
    "rollback_at_work",
    "rollback_run",
    "undone_macro_tasks",
]
