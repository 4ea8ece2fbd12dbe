"""Typed Python functions, wired by name and type hints into a streaming pipeline.

Public names and nothing else: ``from synaflow_core import pipeline, step, run``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from synaflow_core.definition import (
    Observer,
    OnError,
    Step,
    StepMode,
    include,
    per_item,
    step,
)
from synaflow_core.engine import (
    ErrorContext,
    EventContext,
    LockstepEvent,
    MaterializationContext,
    MaterializationEvent,
    Monitor,
    PipelineEvent,
    ProgressContext,
    ProgressEvent,
    RollbackEvent,
    RunResult,
    StepEvent,
    StepReport,
    async_run,
    run,
    set_progress,
)
from synaflow_core.errors import (
    DefinitionError,
    DriftError,
    HandoffError,
    LockstepDeadlockError,
    OverridesError,
    ParamsError,
    PipelineStopException,
    ReplayError,
    SupersededError,
    SynaflowError,
    ThresholdExceededException,
    WrongEngineError,
)
from synaflow_core.naming import (
    Scope,
)
from synaflow_core.pipeline import (
    Pipeline,
    PipelineRegistry,
    pipeline,
)

if TYPE_CHECKING:
    from synaflow_core.engine.deadletters import (
        DeadLetter,
        DeadLetters,
        composite_error_materializer,
        dead_letters,
        disk_error_materializer,
        log_error_materializer,
    )
    from synaflow_core.engine.materializers import (
        MaterializeContext,
        composite_materializer,
        disk_materializer,
        memory_materializer,
    )
    from synaflow_core.engine.overrides import (
        PIPELINE_SCOPE,
        ExecutionOverrides,
    )
    from synaflow_core.serializers import (
        csv_serializer,
        json_serializer,
        jsonl_serializer,
        pickle_serializer,
        text_serializer,
    )

__all__ = [
    "PIPELINE_SCOPE",
    "DeadLetter",
    "DeadLetters",
    "DefinitionError",
    "DriftError",
    "ErrorContext",
    "EventContext",
    "ExecutionOverrides",
    "HandoffError",
    "LockstepDeadlockError",
    "LockstepEvent",
    "MaterializationContext",
    "MaterializationEvent",
    "MaterializeContext",
    "Monitor",
    "Observer",
    "OnError",
    "OverridesError",
    "ParamsError",
    "Pipeline",
    "PipelineEvent",
    "PipelineRegistry",
    "PipelineStopException",
    "ProgressContext",
    "ProgressEvent",
    "ReplayError",
    "RollbackEvent",
    "RunResult",
    "Scope",
    "Step",
    "StepEvent",
    "StepMode",
    "StepReport",
    "SupersededError",
    "SynaflowError",
    "ThresholdExceededException",
    "WrongEngineError",
    "async_run",
    "composite_error_materializer",
    "composite_materializer",
    "csv_serializer",
    "dead_letters",
    "disk_error_materializer",
    "disk_materializer",
    "include",
    "json_serializer",
    "jsonl_serializer",
    "log_error_materializer",
    "memory_materializer",
    "per_item",
    "pickle_serializer",
    "pipeline",
    "run",
    "set_progress",
    "step",
    "text_serializer",
]

_WHEN_USED = {
    "DeadLetter": "synaflow_core.engine.deadletters",
    "DeadLetters": "synaflow_core.engine.deadletters",
    "composite_error_materializer": "synaflow_core.engine.deadletters",
    "dead_letters": "synaflow_core.engine.deadletters",
    "disk_error_materializer": "synaflow_core.engine.deadletters",
    "log_error_materializer": "synaflow_core.engine.deadletters",
    "MaterializeContext": "synaflow_core.engine.materializers",
    "composite_materializer": "synaflow_core.engine.materializers",
    "disk_materializer": "synaflow_core.engine.materializers",
    "memory_materializer": "synaflow_core.engine.materializers",
    "PIPELINE_SCOPE": "synaflow_core.engine.overrides",
    "ExecutionOverrides": "synaflow_core.engine.overrides",
    "csv_serializer": "synaflow_core.serializers",
    "json_serializer": "synaflow_core.serializers",
    "jsonl_serializer": "synaflow_core.serializers",
    "pickle_serializer": "synaflow_core.serializers",
    "text_serializer": "synaflow_core.serializers",
}
"""Names that most programs never touch, and their modules: importing us should cost little."""


def __getattr__(name: str) -> Any:
    if name not in _WHEN_USED:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    found = globals()[name] = getattr(import_module(_WHEN_USED[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
