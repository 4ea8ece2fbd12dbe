"""Uploading as an action: find the files, check them, upload them one by one, clean up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from synaflow_core.phases.action import Action, ActionContext, P
from synaflow_core.phases.methods import Data, MethodStep, UndoableStep, calls, to_write
from synaflow_core.phases.registry import StepRegistry
from synaflow_core.phases.step import StepResult


@dataclass
class UploadContext(ActionContext[P]):
    """What the phases of an upload share.

    Attributes:
        files: What is to be uploaded.
        uploaded: Where it went, in the same order.
    """

    files: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)


class UploadAction(Action[P]):
    """``initialize`` (5 %), ``validate`` (10 %), ``upload`` (80 %, undone) and ``cleanup`` (5 %).

    A failure deletes whatever has been uploaded: in the middle of ``upload`` as well as after it.
    """

    context_type: ClassVar[type[ActionContext[Any]]] = UploadContext

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """Register the usual phases."""
        registry.register(MethodStep("initialize", 0.05, self.initialize))
        registry.register(MethodStep("validate", 0.1, self.validate))
        registry.register(UndoableStep("upload", 0.8, self.upload, self.undo_upload))
        registry.register(MethodStep("cleanup", 0.05, self.cleanup))

    @to_write
    def find_files(self, context: Any) -> Iterable[str]:
        """What is to be uploaded."""
        raise NotImplementedError

    @to_write
    def upload_file(self, context: Any, file: str) -> str:
        """Upload one file; returns where it went."""
        raise NotImplementedError

    @to_write
    def delete_file(self, context: Any, uploaded: str) -> None:
        """Delete what was uploaded; it may be gone already."""
        raise NotImplementedError

    @calls("find_files")
    def initialize(self, context: Any) -> Data:
        """Find the files."""
        context.files = list(self.find_files(context))
        return {"files": len(context.files)}

    def validate(self, context: Any) -> Data:
        """Refuse to upload nothing; override it for checks of your own."""
        return None if context.files else StepResult(False, error="there are no files to upload")

    @calls("upload_file", "delete_file")
    def upload(self, context: Any) -> Data:
        """Upload file by file; on a failure delete those that were uploaded before it."""
        try:
            for number, file in enumerate(context.files, 1):
                context.uploaded.append(self.upload_file(context, file))
                context.set_progress(number, len(context.files))
        except BaseException:
            context.errors += [f"cannot delete {file}" for file in self._delete(context)]
            raise
        return StepResult(
            data={"uploaded": len(context.uploaded)},
            rollback_data={"uploaded": list(context.uploaded)},
        )

    @calls("delete_file")
    def undo_upload(self, context: Any, result: StepResult) -> None:
        """Delete all that was uploaded.

        Raises:
            RuntimeError: Some of it could not be deleted; the rest is.
        """
        context.uploaded = list(result.rollback_data["uploaded"])
        left = self._delete(context)
        if left:
            raise RuntimeError(f"cannot delete {'; '.join(left)}")

    def cleanup(self, context: Any) -> Data:
        """What is left to do when all is uploaded; by default nothing."""
        return None

    def _delete(self, context: Any) -> list[str]:
        """Delete as much as can be deleted, newest first; what could not be, and why."""
        left = []
        while context.uploaded:
            uploaded = context.uploaded.pop()
            try:
                self.delete_file(context, uploaded)
            except Exception as error:
                left.append(f"{uploaded} ({type(error).__name__}: {error})")
        return left
