"""Overrides: other handlers and resources for one run, the graph as compiled.

Keys are compiled names: a step's, or ``Scope("checks")("validate")`` for a step or resource of an
included pipeline, also of one that is run once per item. What a key cannot mean is told with all
other wrong keys before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from synaflow_core.compiler.draft import listed
from synaflow_core.compiler.subrun import AsyncSubRun, SubRun
from synaflow_core.dag import Dag, Node, OutputKind, Source
from synaflow_core.definition import Observer
from synaflow_core.errors import OverridesError, Problem, did_you_mean
from synaflow_core.hints import is_async_callable, place_of
from synaflow_core.naming import SEPARATOR

PIPELINE_SCOPE: Final = "__pipeline__"
"""Key of the pipeline's own observers and of its error materializer."""


@dataclass(frozen=True)
class ExecutionOverrides:
    """What one run uses instead of what the pipeline declares.

    Attributes:
        materializers: Step -> materializer; None for plain memory.
        error_materializers: Step -> error materializer; None for the default warning in the log.
            The key ``PIPELINE_SCOPE`` serves all steps that have no key of their own.
        observers: Step -> its own observers, instead of those it declares; ``PIPELINE_SCOPE`` ->
            the observers of the whole pipeline. An empty list silences.
        resources: Resource -> factory.
    """

    materializers: Mapping[str, Callable[..., Any] | None] = field(default_factory=dict)
    error_materializers: Mapping[str, Callable[..., Any] | None] = field(default_factory=dict)
    observers: Mapping[str, Iterable[Observer]] = field(default_factory=dict)
    resources: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    @classmethod
    def without_observers(cls, pipeline: Any) -> ExecutionOverrides:
        """Overrides that silence every observer of a pipeline (or of its dag)."""
        dag = getattr(pipeline, "dag", pipeline)
        return cls(observers=dict.fromkeys(_within(dag, _observed), ()))

    def inside(self, prefix: str) -> ExecutionOverrides:
        """The part that concerns an included pipeline, by the names inside it."""

        def part(mapping: Mapping[str, Any]) -> dict[str, Any]:
            return {k[len(prefix) :]: v for k, v in mapping.items() if k.startswith(prefix)}

        return ExecutionOverrides(
            part(self.materializers),
            part(self.error_materializers),
            part(self.observers),
            part(self.resources),
        )


def overridden(dag: Dag, overrides: ExecutionOverrides) -> Dag:
    """The Dag that a run with these overrides executes.

    Raises:
        OverridesError: Unknown keys and unusable values, all of them at once.
    """
    problems = list(_problems(dag, overrides))
    if problems:
        raise OverridesError(f"pipeline '{dag.name}' cannot be run with these overrides", problems)
    return _replaced(dag, overrides)


def _replaced(dag: Dag, overrides: ExecutionOverrides) -> Dag:
    errors = dict(overrides.error_materializers)
    if PIPELINE_SCOPE in errors:
        errors = {**dict.fromkeys(dag.steps, errors[PIPELINE_SCOPE]), **errors}
    steps = {}
    for name, node in dag.steps.items():
        changes: dict[str, Any] = {}
        if name in overrides.materializers:
            changes["materializer"] = overrides.materializers[name]
        if name in errors:
            changes["error_materializer"] = errors[name]
        if name in overrides.observers:
            changes["observers"] = tuple(overrides.observers[name])
        if isinstance(node.fn, SubRun | AsyncSubRun):
            inner = overrides.inside(name + SEPARATOR)
            if inner != ExecutionOverrides():
                changes["fn"] = replace(node.fn, dag=_replaced(node.fn.dag, inner))
        steps[name] = replace(node, **changes) if changes else node
    return replace(
        dag,
        steps=steps,
        resources={
            name: overrides.resources.get(name, factory) for name, factory in dag.resources.items()
        },
        observers=tuple(overrides.observers.get(PIPELINE_SCOPE, dag.observers)),
        error_materializer=(
            overrides.error_materializers.get(PIPELINE_SCOPE, dag.error_materializer)
        ),
    )


# -- which keys there are --------------------------------------------------------------------------


def _within(dag: Dag, keys_of: Callable[[Dag], Iterable[str]]) -> list[str]:
    """Keys of a Dag and, prefixed, of the pipelines that it runs once per item."""
    found = list(keys_of(dag))
    for name, node in dag.steps.items():
        if isinstance(node.fn, SubRun | AsyncSubRun):
            found += [f"{name}{SEPARATOR}{key}" for key in _within(node.fn.dag, keys_of)]
    return found


def _observed(dag: Dag) -> Iterator[str]:
    yield from (name for name, node in dag.steps.items() if not node.hidden)
    yield PIPELINE_SCOPE


def _materialised(dag: Dag) -> Iterator[str]:
    """Steps of whose output something is materialised."""
    for name, node in dag.steps.items():
        if not node.hidden and _is_materialised(dag, node):
            yield name


def _is_materialised(dag: Dag, node: Node) -> bool:
    if node.output_kind is not OutputKind.STREAM:
        return node.output_kind is not OutputKind.NONE
    if node.collected or node.exported:
        return True
    return any(
        edge.producer == node.name and edge.source is Source.STEP and edge.delivery.is_collection
        for consumer in dag.consumers_of(node.name)
        for edge in dag.steps[consumer].edges
    )


# -- what is wrong with them -----------------------------------------------------------------------


def _problems(dag: Dag, overrides: ExecutionOverrides) -> Iterator[Problem]:
    steps = _within(dag, _observed)
    materialised = _within(dag, _materialised)
    resources = _within(dag, lambda part: part.resources)
    handlers: tuple[tuple[str, Mapping[str, Any], list[str], str], ...] = (
        ("materializers", overrides.materializers, materialised, "materialised output"),
        ("error_materializers", overrides.error_materializers, steps, "step"),
        ("observers", overrides.observers, steps, "step"),
        ("resources", overrides.resources, resources, "resource"),
    )
    for kind, mapping, keys, what in handlers:
        for key, value in mapping.items():
            place = (f"pipeline '{dag.name}'", f"overrides, {kind} '{key}'")
            if key not in keys:
                yield Problem(
                    *place,
                    "unknown-override",
                    f"there is no {what} of that name; valid keys: {listed(sorted(keys), 20)}",
                    _near(str(key), keys),
                )
                continue
            for handler in _each(value) if kind == "observers" else [value]:
                yield from _wrong_value(dag, kind, handler, place)


def _near(key: str, keys: list[str]) -> str:
    inside = next((known for known in keys if known.endswith(SEPARATOR + key)), None)
    if inside is not None:
        return f"did you mean '{inside}'?"
    return did_you_mean(key, keys, "keys are compiled names: Scope('inc')('step')")


def _each(observers: Any) -> list[Any]:
    return list(observers) if isinstance(observers, Iterable) else [observers]


def _wrong_value(dag: Dag, kind: str, value: Any, place: tuple[str, str]) -> Iterator[Problem]:
    if kind == "observers":
        if not isinstance(value, Observer):
            yield Problem(
                *place,
                "invalid-override",
                f"expected a list of Observer(handler), got {value!r:.100}",
                "write [Observer(my_handler)], or [] for none",
            )
            return
        value = value.handler
    if value is None and kind != "resources":
        return
    if not callable(value):
        yield Problem(
            *place,
            "invalid-override",
            f"expected a callable, got {value!r:.100}",
            "pass lambda: value to put a finished value in the place of a factory"
            if kind == "resources"
            else "pass a function, or None for the default",
        )
        return
    is_async = is_async_callable(value)
    if is_async is not dag.is_async and (is_async or kind == "observers"):
        wanted, got = ("async def", "def") if dag.is_async else ("def", "async def")
        yield Problem(
            place_of(value) or place[0],
            place[1],
            "handler-colour",
            f"expected a handler written with '{wanted}', because the pipeline is "
            f"{'async' if dag.is_async else 'sync'}, got '{got}'",
            f"write it with '{wanted}'",
        )
