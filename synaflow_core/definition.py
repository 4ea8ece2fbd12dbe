"""What users write: steps, includes and the enums they choose from. Nothing here is compiled.

Compilation starts in :mod:`synaflow_core.pipeline`; the compiled form is :mod:`synaflow_core.dag`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from synaflow_core.pipeline import Pipeline

Shards = int | Literal["auto"]
"""Parallel instances of a step when exported; ``auto``: by the number of rows at run time."""


_MOST_WEIGHT = 1e100  # far from where a sum of weights would be infinite


def weight_trouble(weight: object) -> tuple[str, str] | None:
    """What is wrong with a ``progress_weight``, and a next step; None when it is one."""
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
        expected = f"expected a number of at least 0, got {weight!r}"
    elif weight > _MOST_WEIGHT:
        expected = f"expected a number of at most {_MOST_WEIGHT:g}, got a larger one"
    else:
        return None
    return expected, "weights are shares: 0.6 beside 0.2 counts three times as much"


class OnError(Enum):
    """What a failing step does to the run."""

    CONTINUE = "continue"
    """Drop the failing item (EACH) or skip the dependents (ALL), count it and go on."""
    STOP = "stop"
    """End the run with :class:`~synaflow_core.errors.PipelineStopException`."""


class StepMode(Enum):
    """How often a step's function is called."""

    AUTO = "auto"
    """Decided from the types at build time; a compiled step is never AUTO."""
    EACH = "each"
    """Once per item of its item parameters."""
    ALL = "all"
    """Once."""


@dataclass(frozen=True)
class Observer:
    """Registers ``handler(context)`` for the events of a pipeline or of one step."""

    handler: Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Step:
    """One declared step; see :func:`step`. ``where`` is the ``file:line`` of its function."""

    name: str
    fn: Callable[..., Any]
    on_error: OnError = OnError.CONTINUE
    mode: StepMode = StepMode.AUTO
    max_in_flight: int = 1
    materializer: Callable[..., Any] | None = None
    error_materializer: Callable[..., Any] | None = None
    force_materialize: bool = False
    observers: tuple[Observer, ...] = ()
    description: str = ""
    error_threshold_absolute: int | None = None
    error_threshold_pct: float | None = None
    rollback: Callable[..., Any] | None = None
    progress_weight: float | None = None
    macro_task: str | None = None
    shards: Shards | None = None


@dataclass(frozen=True)
class PerItem:
    """A resource factory that is asked for every item of an EACH step; see :func:`per_item`."""

    factory: Callable[[], Any]

    def __post_init__(self) -> None:
        # Name, place and types are the factory's, as for any decorated function.
        object.__setattr__(self, "__wrapped__", self.factory)
        object.__setattr__(self, "__name__", getattr(self.factory, "__name__", "per_item"))

    def __call__(self) -> Any:
        """Make one."""
        return self.factory()


@dataclass(frozen=True, eq=False)
class Include:
    """A sub-pipeline used as one step; ``fn`` builds its params; see :func:`include`."""

    name: str
    fn: Callable[..., Any]
    pipeline: Pipeline


@dataclass(frozen=True, eq=False)
class PipelineDef:
    """All that was declared for one pipeline: the compiler's input."""

    name: str
    params: type[Any] | None
    steps: tuple[Step | Include, ...]
    resources: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    exports: str | None = None
    materializer: Callable[..., Any] | None = None
    error_materializer: Callable[..., Any] | None = None
    observers: tuple[Observer, ...] = ()
    description: str = ""


def step(
    name: str,
    fn: Callable[..., Any],
    *,
    on_error: OnError = OnError.CONTINUE,
    mode: StepMode = StepMode.AUTO,
    max_in_flight: int = 1,
    materializer: Callable[..., Any] | None = None,
    error_materializer: Callable[..., Any] | None = None,
    force_materialize: bool = False,
    observers: tuple[Observer, ...] | list[Observer] = (),
    description: str = "",
    error_threshold_absolute: int | None = None,
    error_threshold_pct: float | None = None,
    rollback: Callable[..., Any] | None = None,
    progress_weight: float | None = None,
    macro_task: str | None = None,
    shards: Shards | None = None,
) -> Step:
    """Declare one step of a pipeline.

    Args:
        name: Name of the step and of the dataset it produces.
        fn: A typed function; its parameter names and annotations wire it.
        on_error: What a failure does: drop and count, or stop the run.
        mode: EACH (once per item) or ALL (once); AUTO decides from the types.
        max_in_flight: Items this step may have emitted that the next stage has not received yet.
        materializer: Builds the collection of a collected branch from its items.
        error_materializer: Called with an ``ErrorContext`` for every failure.
        force_materialize: Collect the output once for all consumers; and collect, for this step,
            the streams that it iterates before it is called.
        observers: Handlers for this step's events.
        description: Text for people.
        error_threshold_absolute: Fail the run, after all inputs, at this many failed calls.
        error_threshold_pct: The same as a fraction of the calls (0.1 is 10 %).
        rollback: Called to undo the step when it has completed and the run fails afterwards. Its
            parameters are bound by name: ``output`` or the step's name (what it returned),
            ``error`` (what ended the run), ``repeated``, params, resources, and what the step read.
        progress_weight: Share of this step in the progress of a run.
        macro_task: Label: steps with one label run in one task of the orchestrator.
        shards: Number of parallel instances when exported, or ``"auto"``: by the number of rows
            (EACH steps only).

    Returns:
        The declaration, to be put into ``pipeline(steps=[...])``.
    """
    return Step(
        name=name,
        fn=fn,
        on_error=on_error,
        mode=mode,
        max_in_flight=max_in_flight,
        materializer=materializer,
        error_materializer=error_materializer,
        force_materialize=force_materialize,
        observers=tuple(observers),
        description=description,
        error_threshold_absolute=error_threshold_absolute,
        error_threshold_pct=error_threshold_pct,
        rollback=rollback,
        progress_weight=progress_weight,
        macro_task=macro_task,
        shards=shards,
    )


def per_item(factory: Callable[[], Any]) -> PerItem:
    """Declare that a resource is made anew for every item of an EACH step.

    Without it a resource is made once per step. What the factory makes is left when the call for
    the item has ended, with the exception if there was one. A step that is called once gets one::

        pipeline(..., resources={"session": per_item(open_session)})
    """
    return PerItem(factory)


def include(name: str, fn: Callable[..., Any], pipeline: Pipeline) -> Include:
    """Use a compiled pipeline as one step of another.

    Args:
        name: Name of the step; the sub-pipeline's exported dataset gets this name.
        fn: Adapter that is wired like a step and returns the sub-pipeline's params.
            Fed item by item, it starts one run of the sub-pipeline per item.
        pipeline: The compiled sub-pipeline.
    """
    return Include(name=name, fn=fn, pipeline=pipeline)
