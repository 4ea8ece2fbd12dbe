"""Compiled pipelines: :func:`pipeline` declares and compiles in one go, or raises.

If :func:`pipeline` returns, the Dag is valid: nothing about types or wiring is checked later.
:class:`PipelineRegistry` collects pipelines by name for those who have many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synaflow_core.compiler import build_dag
from synaflow_core.dag import Dag
from synaflow_core.definition import Include, Observer, PipelineDef, Step
from synaflow_core.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from synaflow_core.contract import Contract


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that compiles.

    Attributes:
        definition: What was declared.
        dag: What it means; all that an engine needs.
    """

    definition: PipelineDef
    dag: Dag

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.dag.name

    @property
    def params_type(self) -> type[Any] | None:
        """The params class (NamedTuple or dataclass), or None."""
        return self.dag.params_type

    def contract(self) -> Contract:
        """The pipeline as a typed contract document."""
        # The contract brings msgspec along, which running a pipeline does not need.
        from synaflow_core.contract import contract_of

        return contract_of(self.dag)

    def to_dict(self) -> dict[str, Any]:
        """The contract as plain JSON data: the same on every machine."""
        import json

        data: dict[str, Any] = json.loads(self.contract().to_json())
        return data

    def __repr__(self) -> str:
        return f"<Pipeline '{self.name}' of {len(self.dag.steps)} steps>"


def pipeline(
    name: str,
    params: type[Any] | None = None,
    steps: Iterable[Step | Include] = (),
    *,
    resources: Mapping[str, Callable[..., Any]] | None = None,
    exports: str | None = None,
    materializer: Callable[..., Any] | None = None,
    error_materializer: Callable[..., Any] | None = None,
    observers: Iterable[Observer] = (),
    description: str = "",
) -> Pipeline:
    """Declare a pipeline and compile it at once.

    Args:
        name: Name of the pipeline.
        params: A NamedTuple or dataclass whose fields feed the steps by name; None for none.
        steps: Steps and includes; each may read what is declared before it.
        resources: Name -> factory without arguments; not dataflow, made for each step that asks.
        exports: The step whose output is the pipeline's result, even if it is a stream.
        materializer: Builds collections for steps that name no materializer of their own.
        error_materializer: Called for failures of steps that name none of their own.
        observers: Handlers for the events of the whole pipeline.
        description: Text for people.

    Returns:
        The compiled pipeline: to be run, included or exported.

    Raises:
        DefinitionError: The pipeline does not compile; tells every problem found, each with its
            place and the next step.
    """
    definition = PipelineDef(
        name=name,
        params=params,
        steps=_listed(name, steps),
        resources=dict(resources or {}),
        exports=exports,
        materializer=materializer,
        error_materializer=error_materializer,
        observers=tuple(observers),
        description=description,
    )
    return Pipeline(definition, build_dag(definition))


def _listed(name: str, steps: object) -> tuple[Any, ...]:
    if isinstance(steps, Iterable):
        return tuple(steps)
    problem = Problem(
        f"pipeline '{name}'",
        "steps",
        "not-a-list",
        f"expected a list of steps, got {f'one {type(steps).__name__}'.lower()}",
        "put it into a list: steps=[step(...), ...]",
    )
    raise DefinitionError(f"pipeline '{name}' does not compile (1 problem):", [problem])


class PipelineRegistry:
    """Pipelines by name, in the order of registration.

    Iterating yields the pipelines; ``registry["orders"]`` looks one up.
    """

    def __init__(self, pipelines: Iterable[Pipeline] = ()) -> None:
        self._pipelines: dict[str, Pipeline] = {}
        for each in pipelines:
            self.register(each)

    def register(self, compiled: Pipeline) -> Pipeline:
        """Add a pipeline and return it.

        Raises:
            DefinitionError: Another pipeline of that name is registered.
        """
        if not isinstance(compiled, Pipeline):
            raise TypeError(f"expected a Pipeline, got {type(compiled).__name__}")
        known = self._pipelines.get(compiled.name)
        if known is not None and known is not compiled:
            problem = Problem(
                f"pipeline '{compiled.name}'",
                "",
                "duplicate-pipeline",
                "another pipeline of that name is registered",
                "give one of them another name",
            )
            raise DefinitionError("the registry cannot take the pipeline:", [problem])
        self._pipelines[compiled.name] = compiled
        return compiled

    @property
    def names(self) -> tuple[str, ...]:
        """The registered names."""
        return tuple(self._pipelines)

    def __getitem__(self, name: str) -> Pipeline:
        try:
            return self._pipelines[name]
        except KeyError:
            known = ", ".join(f"'{each}'" for each in self._pipelines) or "none"
            raise KeyError(f"no pipeline '{name}' is registered; registered: {known}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._pipelines

    def __iter__(self) -> Iterator[Pipeline]:
        return iter(self._pipelines.values())

    def __len__(self) -> int:
        return len(self._pipelines)
