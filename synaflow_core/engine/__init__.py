"""The in-process engine: lockstep streaming of a compiled Dag.

``lower`` turns a Dag into a Program of stages and loops, ``loops`` writes each loop as Python,
``drive`` takes a run from stage to stage, ``region``, ``looprun`` and ``fan`` run what a stream
connects. All of that serves both engines; ``sync`` and ``aio`` are the twins that differ.
"""

from synaflow_core.engine.deadletters import (
    DeadLetter,
    DeadLetters,
    composite_error_materializer,
    dead_letters,
    disk_error_materializer,
    log_error_materializer,
)
from synaflow_core.engine.events import (
    ErrorContext,
    EventContext,
    LockstepEvent,
    MaterializationContext,
    MaterializationEvent,
    PipelineEvent,
    ProgressContext,
    ProgressEvent,
    StepEvent,
)
from synaflow_core.engine.ledger import StepReport
from synaflow_core.engine.materializers import (
    MaterializeContext,
    composite_materializer,
    disk_materializer,
    memory_materializer,
)
from synaflow_core.engine.overrides import PIPELINE_SCOPE, ExecutionOverrides
from synaflow_core.engine.result import Monitor, RunResult
from synaflow_core.engine.run import async_run, run

__all__ = [
    "PIPELINE_SCOPE",
    "DeadLetter",
    "DeadLetters",
    "ErrorContext",
    "EventContext",
    "ExecutionOverrides",
    "LockstepEvent",
    "MaterializationContext",
    "MaterializationEvent",
    "MaterializeContext",
    "Monitor",
    "PipelineEvent",
    "ProgressContext",
    "ProgressEvent",
    "RunResult",
    "StepEvent",
    "StepReport",
    "async_run",
    "composite_error_materializer",
    "composite_materializer",
    "dead_letters",
    "disk_error_materializer",
    "disk_materializer",
    "log_error_materializer",
    "memory_materializer",
    "run",
]
