"""Translates a declared pipeline of the public package and compiles it.

Most of a declaration means the same on both sides and is taken over field by field. Some things
are said differently:

* A materializer serves all consumers of its dataset there, so the dataset of a step that names
  one is collected once for all (``force_materialize``) as soon as one consumer collects.
* ``force_materialize`` also collects what the step reads.
* A resource that is a context manager is entered anew for every item of an EACH step.
* An include's adapter stops the run when it fails, and may return an iterable of params.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, get_origin

from synaflow_core.compat.handlers import PublicMaterializer, error_materializer, materializer
from synaflow_core.compat.observing import Listener, listener, places_of
from synaflow_core.compat.public import is_public, public_class
from synaflow_core.compiler import build_dag
from synaflow_core.compiler.subrun import AsyncSubRun, SubRun
from synaflow_core.dag import Dag, Node
from synaflow_core.definition import (
    Include,
    Observer,
    OnError,
    PipelineDef,
    Step,
    StepMode,
    per_item,
)
from synaflow_core.hints import Kind, read_function, shape_of
from synaflow_core.naming import base_name
from synaflow_core.pipeline import Pipeline

_CONTAINERS = (Kind.LIST, Kind.SET, Kind.FROZENSET, Kind.TUPLE, Kind.DICT)


def is_public_pipeline(value: object) -> bool:
    """Whether a value is what ``synaflow.pipeline(...)`` returns."""
    return is_public(value, "PipelineDef")


def is_public_registry(value: object) -> bool:
    """Whether a value is a ``synaflow.PipelineRegistry``: name -> declared pipeline."""
    return is_public(value, "PipelineRegistry")


def included_names(declared: Any) -> Iterator[str]:
    """Names of the pipelines that a declared pipeline includes, at any depth."""
    for entry in declared.steps:
        if is_public(entry, "IncludeStep"):
            yield entry.pipeline.name
            yield from included_names(entry.pipeline)


def from_public(declared: Any) -> Pipeline:
    """Compile a pipeline that was declared with the public ``synaflow`` package.

    Args:
        declared: What ``synaflow.pipeline(...)`` returned; it is read, never changed.

    Raises:
        TypeError: It is something else.
        DefinitionError: It does not compile here; tells every problem found.
    """
    if not is_public_pipeline(declared):
        kind = type(declared)
        raise TypeError(
            f"expected what synaflow.pipeline(...) returns, got {kind.__module__}.{kind.__name__}"
        )
    is_async = any(read_function(fn).is_async for fn in _functions(declared))
    compiled = _Conversion(is_async).pipeline(declared, None)
    return Pipeline(compiled.definition, _bound(compiled.dag))


def _functions(declared: Any) -> Iterator[Callable[..., Any]]:
    for entry in declared.steps:
        yield entry.fn
        if is_public(entry, "IncludeStep"):
            yield from _functions(entry.pipeline)


@dataclass
class _Conversion:
    """One pipeline and what it includes; a sub-pipeline that is included twice is compiled once."""

    is_async: bool
    _done: dict[tuple[int, int], Pipeline] = field(default_factory=dict)

    def pipeline(self, declared: Any, inherited: Callable[..., Any] | None) -> Pipeline:
        """Compile one declared pipeline; ``inherited`` is the materializer of those around it."""
        key = id(declared), id(inherited)
        if key not in self._done:
            definition = self._definition(declared, inherited)
            self._done[key] = Pipeline(definition, build_dag(definition))
        return self._done[key]

    def _definition(self, declared: Any, inherited: Callable[..., Any] | None) -> PipelineDef:
        default = declared.materializer or inherited
        needed = _materialized(declared)
        steps: list[Step | Include] = []
        for entry in declared.steps:
            if is_public(entry, "IncludeStep"):
                steps.extend(self._include(entry, default, {e.name for e in declared.steps}))
            else:
                steps.append(self._step(entry, default, declared, needed))
        return PipelineDef(
            name=declared.name,
            params=declared.params,
            steps=tuple(steps),
            resources={
                name: per_item(factory) if _makes_manager(factory) else factory
                for name, factory in (declared.resources or {}).items()
            },
            exports=declared.exports,
            error_materializer=error_materializer(declared.error_materializer, self.is_async),
            observers=self._observers(declared.observers),
            description=declared.description,
        )

    def _step(
        self,
        entry: Any,
        default: Callable[..., Any] | None,
        declared: Any,
        needed: _Materialized,
    ) -> Step:
        named = entry.materializer or default
        collects = entry.name in needed.asked or entry.name in needed.forced
        return Step(
            name=entry.name,
            fn=entry.fn,
            on_error=OnError(entry.on_error.value),
            mode=StepMode(entry.mode.value),
            max_in_flight=entry.max_in_flight,
            # The consumers of an exported step are not in sight here.
            materializer=materializer(named, self.is_async)
            if collects or entry.name == declared.exports
            else None,
            error_materializer=error_materializer(entry.error_materializer, self.is_async),
            force_materialize=entry.name in needed.forced or (collects and named is not None),
            observers=self._observers(entry.observers),
            description=entry.description,
            error_threshold_absolute=entry.error_threshold_absolute,
            error_threshold_pct=entry.error_threshold_pct,
        )

    def _include(
        self, entry: Any, default: Callable[..., Any] | None, taken: set[str]
    ) -> Iterator[Step | Include]:
        inner = self.pipeline(entry.pipeline, default)
        returns = read_function(entry.fn).returns
        if returns is entry.pipeline.params or not shape_of(returns).is_iterable:
            yield Include(entry.name, entry.fn, inner)
            return
        # Many params: a step that makes them, and an include that is fed one at a time.
        name = f"{entry.name}_params"
        while base_name(name) in {base_name(other) for other in taken}:
            name = f"{name}_made"
        yield Step(name, entry.fn, on_error=OnError.STOP)
        yield Include(entry.name, _handing_on(name, shape_of(returns).item), inner)

    def _observers(self, declared: Any) -> tuple[Observer, ...]:
        return tuple(listener(observer.handler, self.is_async) for observer in declared or ())


@dataclass
class _Materialized:
    """Steps whose output is collected: some consumer asks for it, or somebody forces it."""

    asked: set[str] = field(default_factory=set)
    forced: set[str] = field(default_factory=set)


def _materialized(declared: Any) -> _Materialized:
    found = _Materialized()
    by_base: dict[str, str] = {}
    for entry in declared.steps:
        force = getattr(entry, "force_materialize", False)
        for parameter in read_function(entry.fn).parameters:
            producer = by_base.get(base_name(parameter.name))
            if producer is None:
                continue
            if force:
                found.forced.add(producer)
            if shape_of(parameter.annotation).kind in _CONTAINERS:
                found.asked.add(producer)
        if force:
            found.forced.add(entry.name)
        by_base[base_name(entry.name)] = entry.name
    return found


def _makes_manager(factory: Any) -> bool:
    """Whether a resource factory says that what it makes is entered and left."""
    if not callable(factory):
        return False  # told by the compiler
    returns = read_function(factory).returns
    kind = get_origin(returns) or returns
    return hasattr(kind, "__enter__") or hasattr(kind, "__aenter__")


def _handing_on(name: str, kind: Any) -> Callable[..., Any]:
    """An adapter that hands the params of one run on as they are."""

    def adapter(**given: Any) -> Any:
        return given[name]

    adapter.__annotations__ = {name: kind, "return": kind}
    adapter.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # read by inspect
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)],
        return_annotation=kind,
    )
    return adapter


def _bound(dag: Dag) -> Dag:
    """The Dag with its adapters told which step and which run they serve."""
    stopping = {
        name: replace(node, on_error=OnError.STOP) if node.hidden else node
        for name, node in dag.steps.items()
    }
    dag = replace(dag, steps=stopping)
    places = places_of(dag)

    def observers(declared: tuple[Observer, ...]) -> tuple[Observer, ...]:
        return tuple(
            Observer(o.handler.bound(places)) if isinstance(o.handler, Listener) else o
            for o in declared
        )

    def bound(node: Node) -> Node:
        made, fn = node.materializer, node.fn
        if isinstance(fn, SubRun | AsyncSubRun):
            fn = replace(fn, dag=_bound(fn.dag))
        if isinstance(made, PublicMaterializer):
            made = made.bound(dag, node)
        # Steps may raise these to end the run; a threshold's only where it is not counted for them.
        names = ["PipelineStopException"]
        names += ["ThresholdExceededException"] if node.mode is StepMode.ALL else []
        return replace(
            node,
            fn=fn,
            materializer=made,
            observers=observers(node.observers),
            stop_on=tuple(public_class("exceptions", name) for name in names),
        )

    steps = {name: bound(node) for name, node in dag.steps.items()}
    return replace(dag, steps=steps, observers=observers(dag.observers))
