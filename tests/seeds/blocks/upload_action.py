"""Step orchestration, "Integration with Actions" (upload_action.py)."""

# CHANGED: the package that the names are imported from, and the params and steps that the page
# leaves out.
from dataclasses import dataclass

from synaflow_core.phases import (
    BaseStep,
    BaseUploadAction,
    StepRegistry,
    StepResult,
    UploadContext,
)


@dataclass
class MyParams:
    file: str


class InitializeStep(BaseStep[UploadContext]):
    name = "initialize"
    progress_weight = 0.1

    def execute(self, context: UploadContext) -> StepResult:
        context.files.append(context.params.file)
        return StepResult()


class ValidateStep(BaseStep[UploadContext]):
    name = "validate"
    progress_weight = 0.1

    def execute(self, context: UploadContext) -> StepResult:
        return StepResult(success=bool(context.files))


class UploadFilesStep(BaseStep[UploadContext]):
    name = "upload"
    progress_weight = 0.7

    def execute(self, context: UploadContext) -> StepResult:
        context.uploaded = [f"store/{file}" for file in context.files]
        return StepResult()


class CleanupStep(BaseStep[UploadContext]):
    name = "cleanup"
    progress_weight = 0.1

    def execute(self, context: UploadContext) -> StepResult:
        return StepResult(data={"uploaded": len(context.uploaded)})


class MyUploadAction(BaseUploadAction[MyParams]):
    def setup_steps(self, registry: StepRegistry[UploadContext]) -> None:
        registry.register(InitializeStep())
        registry.register(ValidateStep())
        registry.register(UploadFilesStep())
        registry.register(CleanupStep())
