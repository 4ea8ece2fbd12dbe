"""Exporting as an action: fetch rows, convert them, write them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from synaflow_core.phases.action import Action, ActionContext, P
from synaflow_core.phases.methods import Data, MethodStep, UndoableStep, to_write
from synaflow_core.phases.registry import StepRegistry
from synaflow_core.phases.step import StepResult


@dataclass
class ExportContext(ActionContext[P]):
    """What the phases of an export share.

    Attributes:
        rows: What was fetched, and then what it was converted to.
        files: What was written.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class ExportAction(Action[P]):
    """``fetch`` (30 %), ``convert`` (40 %) and ``write`` (30 %, undone by ``remove``)."""

    context_type: ClassVar[type[ActionContext[Any]]] = ExportContext

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """Register the usual phases."""
        registry.register(MethodStep("fetch", 0.3, self.fetch))
        registry.register(MethodStep("convert", 0.4, self.convert))
        registry.register(UndoableStep("write", 0.3, self.write, self.remove))

    @to_write
    def fetch(self, context: Any) -> Data:
        """Set ``context.rows``."""
        raise NotImplementedError

    def convert(self, context: Any) -> Data:
        """Change ``context.rows`` into what is written; by default they stay as they are."""
        return None

    @to_write
    def write(self, context: Any) -> Data:
        """Write the rows, and add to ``context.files`` what was written."""
        raise NotImplementedError

    def remove(self, context: Any, result: StepResult) -> None:
        """Undo ``write``, because a phase that was added behind it failed."""
