"""What observers and error materializers are told: frozen contexts, and how they are dispatched.

An observer never changes a run: what it raises is logged, what it returns is ignored.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from synaflow_core.definition import Observer, OnError, StepMode
from synaflow_core.engine.act import Act

logger = logging.getLogger("synaflow")


class PipelineEvent(Enum):
    """Life of a run."""

    STARTED = "pipeline_started"
    COMPLETED = "pipeline_completed"
    FAILED = "pipeline_failed"


class StepEvent(Enum):
    """Life of a step; each step that starts gets exactly one end event."""

    STARTED = "step_started"
    COMPLETED = "step_completed"
    FAILED = "step_failed"
    SKIPPED = "step_skipped"
    """It never began."""
    CANCELLED = "step_cancelled"
    """The run ended while it was at work; it has not failed itself."""


class MaterializationEvent(Enum):
    """Life of one materialisation: of a collected branch, or of a value with a materializer."""

    STARTED = "materialization_started"
    COMPLETED = "materialization_completed"
    FAILED = "materialization_failed"


class ProgressEvent(Enum):
    """Steps have ended; told for pipelines whose steps have a ``progress_weight``."""

    ADVANCED = "progress_advanced"


class RollbackEvent(Enum):
    """Life of the rollback of one step, after the run has failed."""

    STARTED = "rollback_started"
    COMPLETED = "rollback_completed"
    FAILED = "rollback_failed"


class LockstepEvent(Enum):
    """The engine had to give way to keep a run going."""

    BOUND_LIFTED = "bound_lifted"


@dataclass(frozen=True)
class EventContext:
    """One event of a run.

    Attributes:
        pipeline_name: The pipeline.
        run_id: Identifies the run.
        event: What happened.
        step_name: The step it is about; empty for the pipeline.
        success_count: Calls that returned (items, for a generator) so far.
        error_count: Calls that raised so far.
        exception: What failed, for FAILED; what ended the run, for CANCELLED.
        detail: More in words: why a step was skipped or cancelled, which branch lost its bound.
    """

    pipeline_name: str
    run_id: str
    event: Enum
    step_name: str = ""
    success_count: int = 0
    error_count: int = 0
    exception: BaseException | None = None
    detail: str = ""


@dataclass(frozen=True)
class MaterializationContext(EventContext):
    """A :class:`MaterializationEvent`.

    Attributes:
        dataset_name: The step whose output is materialised.
        consumer_name: The step that asked for it; empty for the copy that serves all.
        consumer_type: The annotation that asks for the container.
        materializer_name: Name of the materializer.
    """

    dataset_name: str = ""
    consumer_name: str = ""
    consumer_type: Any = None
    materializer_name: str = ""


@dataclass(frozen=True)
class ProgressContext(EventContext):
    """A :class:`ProgressEvent`; ``progress`` is the weighted share of ended steps, up to 1.0."""

    progress: float = 0.0


@dataclass(frozen=True)
class ErrorContext:
    """One failed call, for an error materializer.

    Attributes:
        pipeline_name: The pipeline.
        step_name: The step that failed.
        run_id: Identifies the run.
        exception: What it raised.
        item: The item it was called with (a tuple for several), or None for an ALL step.
        mode: EACH or ALL.
        on_error: The step's policy.
        success_count: Calls that returned before this one.
        error_count: Failed calls, this one included.
        item_type: Type of ``item``: what the item's producer makes; ``Any`` where unknown.
    """

    pipeline_name: str
    step_name: str
    run_id: str
    exception: BaseException
    item: Any
    mode: StepMode
    on_error: OnError
    success_count: int
    error_count: int
    item_type: Any = Any


def tell(observers: Iterable[Observer], context: EventContext) -> Act[None]:
    """Tell observers; what they raise is logged."""
    for observer in observers:
        yield from guarded(observer.handler, context)


def guarded(handler: Callable[[Any], Any], context: Any) -> Act[None]:
    """Call one handler whose failure must not fail the run."""
    try:
        made = yield partial(handler, context)
        if inspect.isawaitable(made):  # the asynchronous engine would have awaited it
            unwanted([made])
            raise TypeError("the handler is asynchronous, but the pipeline is not")
    except Exception:
        logger.exception("handler %r failed for %r", handler, context)


def unwanted(made: Iterable[Any]) -> None:
    """Close coroutines that nobody will await; Python would complain about them."""
    for each in made:
        close = getattr(each, "close", None)
        if close is not None:
            close()


def log_error(context: ErrorContext) -> None:
    """The default error materializer: a warning for the first failures of a step.

    After the third only for the 10th, 100th, 1,000th …: a million bad rows make nine lines.
    """
    count = context.error_count
    if count > 3 and str(count).rstrip("0") != "1":
        return
    logger.warning(
        "step '%s' of pipeline '%s' failed (error %d): %s: %s%s",
        context.step_name,
        context.pipeline_name,
        count,
        type(context.exception).__name__,
        context.exception,
        f"; item: {context.item!r:.200}" if context.mode is StepMode.EACH else "",
    )
