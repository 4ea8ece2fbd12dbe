"""Training as an action: get the data ready, train, publish the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from synaflow_core.phases.action import Action, ActionContext, P
from synaflow_core.phases.methods import Data, MethodStep, UndoableStep, to_write
from synaflow_core.phases.registry import StepRegistry
from synaflow_core.phases.step import StepResult


@dataclass
class TrainContext(ActionContext[P]):
    """What the phases of a training share. Addresses travel, data does not.

    Attributes:
        dataset: Where the prepared data is.
        model: Where the trained model is.
        metrics: How good it is.
        published: Where the model was published.
    """

    dataset: str = ""
    model: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    published: str = ""


class TrainAction(Action[P]):
    """``dataset`` (20 %), ``train`` (60 %) and ``upload`` (20 %, undone by ``withdraw``)."""

    context_type: ClassVar[type[ActionContext[Any]]] = TrainContext

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """Register the usual phases."""
        registry.register(MethodStep("dataset", 0.2, self.load_dataset))
        registry.register(MethodStep("train", 0.6, self.train))
        registry.register(UndoableStep("upload", 0.2, self.upload, self.withdraw))

    @to_write
    def load_dataset(self, context: Any) -> Data:
        """Prepare the data, and say in ``context.dataset`` where it is."""
        raise NotImplementedError

    @to_write
    def train(self, context: Any) -> Data:
        """Train, and set ``context.model`` and ``context.metrics``."""
        raise NotImplementedError

    @to_write
    def upload(self, context: Any) -> Data:
        """Publish the model, and say in ``context.published`` where."""
        raise NotImplementedError

    def withdraw(self, context: Any, result: StepResult) -> None:
        """Undo ``upload``, because a phase that was added behind it failed."""
