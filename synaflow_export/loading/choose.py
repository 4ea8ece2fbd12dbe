"""Picks the pipeline that is meant among the variables of a module.

What counts as a pipeline is ours or of the public ``synaflow`` package. One of those is only
declared; the one that is picked is compiled here, the others may even be wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from types import ModuleType
from typing import Any

from synaflow_core.compat import (
    from_public,
    included_names,
    is_public_pipeline,
    is_public_registry,
)
from synaflow_core.errors import did_you_mean
from synaflow_core.pipeline import Pipeline, PipelineRegistry
from synaflow_export.loading.locate import LoadError, Place

__all__ = ["Choice", "choose"]


@dataclass(frozen=True)
class _Candidate:
    """A pipeline that could be meant: compiled, or declared with the public package."""

    pipeline: Any
    attribute: str

    @property
    def name(self) -> str:
        return str(self.pipeline.name)

    @property
    def label(self) -> str:
        """How a list of choices calls it."""
        name = self.name
        return f"'{name}'" if name == self.attribute else f"'{name}' (variable {self.attribute})"


@dataclass(frozen=True)
class Choice:
    """A pipeline and the variable of the module that a worker finds it in.

    Attributes:
        pipeline: The pipeline.
        attribute: Name of the variable, dotted if it is a variable of a variable. It may hold a
            :class:`PipelineRegistry`; the contract's name then says which.
        note: Why this one, where that is not plain; else empty.
    """

    pipeline: Pipeline
    attribute: str
    note: str = ""


def choose(module: ModuleType, place: Place, name: str | None = None) -> Choice:
    """Pick a pipeline of an imported module.

    A pipeline that another one includes stands back: it is a part, and rarely what is meant.

    Args:
        module: The module.
        place: Where it comes from; its ``attribute`` narrows the choice.
        name: The name of a pipeline, or of the variable that holds it.

    Raises:
        LoadError: If there is none, none of that name, or more than one.
        DefinitionError: If it is of the public package and does not compile.
    """
    found = list(_at_attribute(module, place) if place.attribute else _in(vars(module)))
    if not found:
        raise LoadError.one(
            place.target,
            place.shown,
            "no-pipeline",
            "no Pipeline object was found among the variables of this module",
            "assign one at its top level, not in a function and not under "
            f"`if __name__ == '__main__'`: my_pipeline = {_made(module)}",
        )
    if name is not None:
        return _compiled(_named(found, name, place))
    if len(found) == 1:
        return _compiled(found[0])
    parts = {id(part) for choice in found for part in _parts(choice, found)}
    whole = [choice for choice in found if id(choice) not in parts]
    if len(whole) == 1:
        others = ", ".join(choice.label for choice in found if choice is not whole[0])
        note = f"took {whole[0].label}, which includes {others}; --pipeline NAME takes another"
        return _compiled(whole[0], note)
    labels = ", ".join(choice.label for choice in found)
    raise LoadError.one(
        place.target,
        place.shown,
        "several-pipelines",
        f"there are {len(found)} pipelines: {labels}",
        f"say which one: --pipeline {quote(found[0].name)}",
    )


def _made(module: ModuleType) -> str:
    """How a pipeline is made of what a module has: of its phases, if it has any."""
    phases: Any = sys.modules.get("synaflow_core.phases")
    for name, value in vars(module).items() if phases is not None else ():
        if isinstance(value, phases.StepRegistry):
            return f"{name}.to_pipeline(..., context=...)"
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and issubclass(value, phases.Action):
            return f"{name}.to_pipeline(...)"
    return "pipeline(name=..., steps=[...])"


def _compiled(candidate: _Candidate, note: str = "") -> Choice:
    found = candidate.pipeline
    pipeline = found if isinstance(found, Pipeline) else from_public(found)
    return Choice(pipeline, candidate.attribute, note)


def _named(found: list[_Candidate], name: str, place: Place) -> _Candidate:
    matching = [c for c in found if c.name == name] or [c for c in found if c.attribute == name]
    if len(matching) == 1:
        return matching[0]
    labels = ", ".join(choice.label for choice in found)
    if matching:
        variables = ", ".join(choice.attribute for choice in matching)
        raise LoadError.one(
            place.target,
            place.shown,
            "same-name",
            f"{len(matching)} pipelines are named '{name}'",
            f"give them different names, or choose by variable: --pipeline {variables}",
        )
    raise LoadError.one(
        place.target,
        place.shown,
        "unknown-pipeline",
        f"there is no pipeline '{name}'; there is {labels}",
        did_you_mean(name, (c.name for c in found), f"--pipeline {quote(found[0].name)}"),
    )


def _at_attribute(module: ModuleType, place: Place) -> Iterator[_Candidate]:
    value: Any = module
    for part in place.attribute.split("."):
        if not hasattr(value, part):
            known = [choice.attribute for choice in _in(vars(module))]
            raise LoadError.one(
                place.target,
                place.shown,
                "no-such-variable",
                f"there is no variable '{place.attribute}'",
                did_you_mean(
                    place.attribute,
                    known,
                    f"variables that hold a pipeline: {', '.join(known) or 'none'}",
                ),
            )
        value = getattr(value, part)
    found = list(_in({place.attribute: value}))
    if not found:
        raise LoadError.one(
            place.target,
            place.shown,
            "not-a-pipeline",
            f"'{place.attribute}' is of type {type(value).__name__}, not a Pipeline",
            "name a variable that holds what pipeline(...) returned",
        )
    yield from found


def _in(variables: dict[str, Any]) -> Iterator[_Candidate]:
    """The pipelines among variables, each once, in the order of the module."""
    seen: set[int] = set()
    registries = []
    for name, value in variables.items():
        if isinstance(value, PipelineRegistry):
            registries.append((name, list(value)))
        elif is_public_registry(value):
            registries.append((name, list(value.values())))
        elif _is_pipeline(value) and id(value) not in seen:
            seen.add(id(value))
            yield _Candidate(value, name)
    for name, registered in registries:
        for pipeline in registered:
            if id(pipeline) not in seen:
                seen.add(id(pipeline))
                yield _Candidate(pipeline, name)


def _is_pipeline(value: object) -> bool:
    return isinstance(value, Pipeline) or is_public_pipeline(value)


def _parts(whole: _Candidate, found: list[_Candidate]) -> list[_Candidate]:
    """The candidates that another one includes, at any depth."""
    pipeline = whole.pipeline
    if isinstance(pipeline, Pipeline):
        declared_in = {node.pipeline for node in pipeline.dag.steps.values() if node.scope}
    else:
        declared_in = set(included_names(pipeline))
    return [c for c in found if c is not whole and c.name in declared_in]
