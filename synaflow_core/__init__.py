"""Typed Python functions, wired by name and type hints into a streaming pipeline.

Public names and nothing else: ``from synaflow_core import pipeline, step, run``.
"""

from synaflow_core.definition import Observer, OnError, Step, StepMode, include, step
from synaflow_core.engine import (
    ErrorContext,
    EventContext,
    Monitor,
    PipelineEvent,
    RunResult,
    StepEvent,
    StepReport,
    async_run,
    run,
)
from synaflow_core.errors import (
    DefinitionError,
    ParamsError,
    PipelineStopException,
    SynaflowError,
    ThresholdExceededException,
)
from synaflow_core.pipeline import Pipeline, PipelineRegistry, pipeline

__all__ = [
    "DefinitionError",
    "ErrorContext",
    "EventContext",
    "Monitor",
    "Observer",
    "OnError",
    "ParamsError",
    "Pipeline",
    "PipelineEvent",
    "PipelineRegistry",
    "PipelineStopException",
    "RunResult",
    "Step",
    "StepEvent",
    "StepMode",
    "StepReport",
    "SynaflowError",
    "ThresholdExceededException",
    "async_run",
    "include",
    "pipeline",
    "run",
    "step",
]
