"""Which include a macro-task belongs to: for targets that show included pipelines as groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from synaflow_core.contract import Contract
from synaflow_export.documentation.steps import declared_steps
from synaflow_export.plan.model import MacroTask

Scope = tuple[str, ...]
"""Names of includes, outermost first."""


def common_scope(task: MacroTask, contract: Contract) -> Scope:
    """The innermost include that holds all steps of a macro-task; empty: none does."""
    first, *others = (tuple(contract.steps[n].scope) for n in declared_steps(task, contract))
    for scope in others:
        first = first[: shared(first, scope)]
    return first


def shared(one: Scope, other: Scope) -> int:
    """How many of the outermost includes two scopes have in common."""
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)


def around(scope: Scope) -> Iterator[Scope]:
    """The scope itself and those around it, outermost first."""
    return (scope[: depth + 1] for depth in range(len(scope)))
