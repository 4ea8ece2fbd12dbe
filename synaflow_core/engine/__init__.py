"""The in-process engine: lockstep streaming of a compiled Dag.

``lower`` turns a Dag into a Program of stages and loops, ``loops`` writes each loop as Python,
``drive`` takes a run from stage to stage, ``region``, ``looprun`` and ``fan`` run what a stream
connects. All of that serves both engines; ``sync`` and ``aio`` are the twins that differ.
"""

from synaflow_core.engine.events import (
    ErrorContext,
    EventContext,
    LockstepEvent,
    MaterializationContext,
    MaterializationEvent,
    PipelineEvent,
    ProgressContext,
    ProgressEvent,
    RollbackEvent,
    StepEvent,
)
from synaflow_core.engine.ledger import StepReport
from synaflow_core.engine.progress import set_progress
from synaflow_core.engine.result import Monitor, RunResult
from synaflow_core.engine.run import async_run, run

__all__ = [
    "ErrorContext",
    "EventContext",
    "LockstepEvent",
    "MaterializationContext",
    "MaterializationEvent",
    "Monitor",
    "PipelineEvent",
    "ProgressContext",
    "ProgressEvent",
    "RollbackEvent",
    "RunResult",
    "StepEvent",
    "StepReport",
    "async_run",
    "run",
    "set_progress",
]
