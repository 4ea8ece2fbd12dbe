"""Pass 4: functions. The signatures of steps, adapters and rollbacks are read and resolved."""

from __future__ import annotations

from dataclasses import replace

from synaflow_core.compiler.draft import Draft, problem_from, rollback_subject
from synaflow_core.definition import Step
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
    rollbacks, found = _rollbacks(draft)
    return replace(draft, functions=functions, rollback_functions=rollbacks).with_problems(
        [*problems, *found]
    )


def _rollbacks(draft: Draft) -> tuple[dict[str, Function], list[Problem]]:
    functions: dict[str, Function] = {}
    problems: list[Problem] = []
    for entry in draft.definition.steps:
        if isinstance(entry, Step) and entry.rollback is not None:
            function = functions[entry.name] = read_function(entry.rollback)
            where = function.where or draft.pipeline_place
            for told in function.complaints:
                subject = rollback_subject(entry, told.parameter)
                problems.append(Problem(where, subject, told.code, told.message, told.hint))
    return functions, problems
