"""Pass 1: the params class. A NamedTuple, a dataclass or nothing; its fields feed steps by name."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

from synaflow_core.compiler.draft import Draft
from synaflow_core.errors import Problem
from synaflow_core.hints import read_fields


def read_params(draft: Draft) -> Draft:
    """Resolve the fields of the params class."""
    params: Any = draft.definition.params
    if params is None:
        return draft
    if not _is_params_class(params):
        if isinstance(params, type):
            got = f"class '{params.__name__}'"
        else:
            got = f"{params!r:.80}, which is no class"
        return draft.with_problems(
            [
                Problem(
                    draft.pipeline_place,
                    "params",
                    "params-class",
                    f"expected a NamedTuple or a dataclass, got {got}",
                    "write: class Params(NamedTuple): with one typed field per parameter, and "
                    "pass the class itself",
                )
            ]
        )
    fields, complaints = read_fields(params)
    return replace(draft, params=fields).with_problems(
        Problem(
            draft.pipeline_place,
            f"params class '{params.__name__}', field '{complaint.parameter}'",
            complaint.code,
            complaint.message,
            complaint.hint,
        )
        for complaint in complaints
    )


def _is_params_class(params: object) -> bool:
    if not isinstance(params, type):
        return False
    named_tuple = issubclass(params, tuple) and hasattr(params, "_fields")
    return named_tuple or dataclasses.is_dataclass(params)
