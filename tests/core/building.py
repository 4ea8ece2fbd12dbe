"""Small pipelines for the compiler's tests: functions made from types, and what a refusal says."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from synaflow_core.dag import Delivery, Node
from synaflow_core.definition import Include, Step, step
from synaflow_core.errors import DefinitionError, Problem
from synaflow_core.pipeline import Pipeline, pipeline

UNTYPED = inspect.Parameter.empty


def function(returns: Any = UNTYPED, /, **parameters: Any) -> Callable[..., Any]:
    """A function with these annotations: ``function(int, rows=list[str])``."""

    def made(**arguments: Any) -> Any:
        return arguments

    annotations = {name: kind for name, kind in parameters.items() if kind is not UNTYPED}
    if returns is not UNTYPED:
        annotations["return"] = returns
    made.__annotations__ = annotations
    made.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
            for name, kind in parameters.items()
        ]
    )
    return made


def compiled(*steps: Step | Include, params: Any = None, **options: Any) -> Pipeline:
    """The pipeline ``p`` of these steps."""
    return pipeline("p", params, steps, **options)


def refused(*steps: Any, params: Any = None, **options: Any) -> tuple[Problem, ...]:
    """The problems of a pipeline that must not compile."""
    try:
        pipeline("p", params, steps, **options)
    except DefinitionError as error:
        return error.problems
    raise AssertionError("it compiled")


def refused_once(*steps: Any, params: Any = None, **options: Any) -> Problem:
    """The only problem of a pipeline that must not compile."""
    problems = refused(*steps, params=params, **options)
    assert len(problems) == 1, problems
    return problems[0]


def consumer_of(made: Any, asked: Any) -> Node:
    """The step that asks for ``asked`` where a step returns ``made``."""
    consume = function(int, made=asked)
    return compiled(step("made", function(made)), step("last", consume)).dag.steps["last"]


def delivery(made: Any, asked: Any) -> Delivery:
    """How the result of a step that returns ``made`` reaches a parameter annotated ``asked``."""
    return consumer_of(made, asked).edges[0].delivery
