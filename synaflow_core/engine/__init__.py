"""The in-process engine: lockstep streaming of a compiled Dag.

``lower`` turns a Dag into a Program of stages and loops, ``loops`` writes each loop as Python,
``drive`` takes a run from stage to stage, ``region``, ``looprun`` and ``fan`` run what a stream
connects.
"""

from synaflow_core.engine.events import ErrorContext, EventContext, PipelineEvent, StepEvent
from synaflow_core.engine.ledger import StepReport
from synaflow_core.engine.result import Monitor, RunResult
from synaflow_core.engine.run import run

__all__ = [
    "ErrorContext",
    "EventContext",
    "Monitor",
    "PipelineEvent",
    "RunResult",
    "StepEvent",
    "StepReport",
    "run",
]
