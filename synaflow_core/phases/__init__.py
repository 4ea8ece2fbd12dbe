"""Workflows of phases over one shared context: weighted progress, and rollback when one fails.

    registry = StepRegistry[MyContext]()
    registry.register(LoadStep())
    Orchestrator(registry, MyContext()).execute()

A workflow runs here, in order, on the caller's thread; ``registry.to_pipeline(...)`` makes a
pipeline of it. Actions (:mod:`.action`) are workflows with params and phases of their own. The
engine knows nothing of this package.
"""

from __future__ import annotations

from synaflow_core.errors import StepFailedError
from synaflow_core.phases.action import Action, ActionContext
from synaflow_core.phases.context import BaseStepContext, RuntimeContext
from synaflow_core.phases.export import ExportAction, ExportContext
from synaflow_core.phases.orchestrator import Orchestrator
from synaflow_core.phases.registry import StepRegistry
from synaflow_core.phases.step import BaseStep, StepResult
from synaflow_core.phases.train import TrainAction, TrainContext
from synaflow_core.phases.upload import UploadAction, UploadContext
from synaflow_core.phases.wrappers import LoggingStep, TimingStep, ValidationStep

# As the documents that phases are built from call them.
BaseExportAction, BaseTrainAction, BaseUploadAction = ExportAction, TrainAction, UploadAction

__all__ = [
    "Action",
    "ActionContext",
    "BaseExportAction",
    "BaseStep",
    "BaseStepContext",
    "BaseTrainAction",
    "BaseUploadAction",
    "ExportAction",
    "ExportContext",
    "LoggingStep",
    "Orchestrator",
    "RuntimeContext",
    "StepFailedError",
    "StepRegistry",
    "StepResult",
    "TimingStep",
    "TrainAction",
    "TrainContext",
    "UploadAction",
    "UploadContext",
    "ValidationStep",
]
