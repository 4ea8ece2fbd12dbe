"""Observers of the public package: told the same events, with that package's own contexts.

What it does not know (skipped steps, lifted bounds) is not told to them. A step that the end of the
run cuts short has failed there, and the hidden steps of an include have one name,
``<include>__adapter``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synaflow_core.compat.public import public_class, public_enum
from synaflow_core.dag import Dag, Node
from synaflow_core.definition import Observer
from synaflow_core.engine.events import EventContext, PipelineEvent, StepEvent
from synaflow_core.errors import PipelineStopException

_ADAPTER = "adapter"
_PARAMS_SUFFIX = "__params"


@dataclass(frozen=True)
class StepPlace:
    """A step as the public package's events describe it; ``index`` counts within its scope."""

    name: str
    node: Node
    scope: str
    index: int = 0
    total: int = 0

    def words(self) -> dict[str, Any]:
        """The part that all events of a step share."""
        return {
            "step_name": self.name,
            "mode": public_enum("StepMode", self.node.mode),
            "on_error": public_enum("OnError", self.node.on_error),
            "pipeline_scope": self.scope,
            "step_index_in_scope": self.index,
            "step_total_in_scope": self.total,
        }


def places_of(dag: Dag) -> dict[str, StepPlace]:
    """Our step name -> how events name it; hidden steps that have no counterpart are left out."""
    by_scope: dict[str, list[StepPlace]] = {}
    for level in dag.get_execution_levels():
        for name in level:
            place = _place(dag, dag.steps[name])
            if place is not None:
                by_scope.setdefault(place.scope, []).append(place)
    return {
        place.node.name: replace(place, index=index, total=len(places))
        for places in by_scope.values()
        for index, place in enumerate(places)
    }


def _place(dag: Dag, node: Node) -> StepPlace | None:
    scope = node.scope
    name = node.name
    if node.silent:
        return None  # reads one field of the adapter's result: there, that is no step
    if node.hidden:
        scope = scope[:-1]
        name = f"{name.removesuffix(_PARAMS_SUFFIX)}__{_ADAPTER}"
    elif callable(getattr(node.fn, "adapter", None)):
        scope = scope[:-1]  # an include that runs per item is one step of its pipeline
    return StepPlace(name, node, "__".join((dag.name, *scope)))


class Listener:
    """The handler of a public observer, callable with our events."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self.handler = handler
        self.places: Mapping[str, StepPlace] = {}
        self.__name__ = getattr(handler, "__name__", type(handler).__name__)
        self.__wrapped__ = handler

    def bound(self, places: Mapping[str, StepPlace]) -> Listener:
        """The same for the steps of one compiled pipeline."""
        listener = type(self)(self.handler)
        listener.places = places
        return listener

    def __call__(self, context: EventContext) -> Any:
        """Translate the event and hand it on."""
        told = _translated(context, self.places)
        return None if told is None else self.handler(told)


class AsyncListener(Listener):
    """The same for an async handler: the pipeline's colour is checked on this class."""

    async def __call__(self, context: EventContext) -> Any:
        """Translate the event and hand it on."""
        told = _translated(context, self.places)
        return None if told is None else await self.handler(told)


def listener(handler: Callable[..., Any], is_async: bool) -> Observer:
    """A public observer's handler as an observer of ours."""
    return Observer((AsyncListener if is_async else Listener)(handler))


def _translated(context: EventContext, places: Mapping[str, StepPlace]) -> Any:
    if isinstance(context.event, PipelineEvent):
        return _pipeline_context(context, places)
    place = places.get(context.step_name)
    if place is None or context.event is StepEvent.SKIPPED:
        return None
    if isinstance(context.event, StepEvent):
        return _step_context(context, place)
    if hasattr(context, "materializer_name"):
        return _materialization_context(context, place)
    return None


def _pipeline_context(context: EventContext, places: Mapping[str, StepPlace]) -> Any:
    words: dict[str, Any] = {}
    if context.event is PipelineEvent.STARTED:
        words["scope_step_totals"] = {place.scope: place.total for place in places.values()}
    elif context.event is PipelineEvent.FAILED:
        error = context.exception
        words["step_name"] = getattr(error, "step_name", None)
        cause = error.cause if isinstance(error, PipelineStopException) else None
        words["exception"] = cause or error
    return _context("Pipeline", context, words)


def _step_context(context: EventContext, place: StepPlace) -> Any:
    words = place.words()
    if context.event is not StepEvent.STARTED:
        words["success_count"] = context.success_count
        words["error_count"] = context.error_count
        words["completed_all_inputs"] = context.event is StepEvent.COMPLETED
    if context.event in (StepEvent.FAILED, StepEvent.CANCELLED):
        words["exception"] = context.exception or RuntimeError(context.detail)
    return _context("Step", context, words)


def _materialization_context(context: Any, place: StepPlace) -> Any:
    words = {
        "step_name": place.name,
        "dataset_name": place.name,
        "consumer_type": context.consumer_type,
        "materializer_name": context.materializer_name,
    }
    if context.event.name == "FAILED":
        words["exception"] = context.exception
    return _context("Materialization", context, words)


def _context(family: str, context: EventContext, words: Mapping[str, Any]) -> Any:
    name = "FAILED" if context.event is StepEvent.CANCELLED else context.event.name
    event = public_class("observers", f"{family}Event")[name]
    kind = public_class("observers", f"{family}{name.title()}Context")
    return kind(pipeline_name=context.pipeline_name, run_id=context.run_id, event=event, **words)
