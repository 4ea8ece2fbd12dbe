"""Pass 4: functions. Each step's and adapter's signature is read and its annotations resolved."""

from __future__ import annotations

from dataclasses import replace

from synaflow_core.compiler.draft import Draft, problem_from
from synaflow_core.errors import Problem
from synaflow_core.hints import Function, read_function


def read_functions(draft: Draft) -> Draft:
    """Understand every declared function, or say what is wrong with it."""
    functions: dict[str, Function] = {}
    problems: list[Problem] = []
    for entry in draft.definition.steps:
        function = read_function(entry.fn)
        functions[entry.name] = function
        where = function.where or draft.pipeline_place
        problems.extend(problem_from(where, entry, c) for c in function.complaints)
    return replace(draft, functions=functions).with_problems(problems)
