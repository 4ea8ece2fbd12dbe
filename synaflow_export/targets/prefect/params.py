"""Run parameters as the parameters of a Prefect flow: flat, typed, documented in ``Args:``.

Prefect reads a form from the signature: types and bounds from the annotations, descriptions from
the docstring. An annotation or a default that does not fit on the line of its parameter, or that a
linter would not accept there, gets a name above the flow. See :mod:`.annotations`.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synaflow_core.contract import Contract
from synaflow_core.errors import Problem
from synaflow_export.params.form import required_params
from synaflow_export.targets.prefect.annotations import Annotations, ShortName
from synaflow_export.text.prose import plain, sentence, wrapped
from synaflow_export.text.pylayout import LINE_LENGTH
from synaflow_export.text.pyname import BUILTIN_NAMES, NameAllocator, PyLiteral, PyName

_KEPT_BY_PREFECT = frozenset({"return_state", "wait_for", "self", "cls"})
_KEPT_BY_PYDANTIC = ("_", "v__", "model_dump", "model_validate")
_KEPT_BY_PYDANTIC_TOO = frozenset({"model_config", "model_extra", "model_fields_set"})
_USED_IN_THE_FLOW = frozenset(
    {"FOLDER", "STORE", "finish_run", "gather_refs", "plan_shards", "start_run", "unmapped"}
)
_ROOM = LINE_LENGTH - len("    ") - len(",")


@dataclass(frozen=True)
class FlowParams:
    """The parameters of a flow, ready to paste.

    Attributes:
        parameters: ``count: int = 3``, in an order that Python accepts.
        names: Name of a param -> the parameter that carries it.
        before: Statements above the flow: models, long types, defaults.
        docs: The lines of the docstring's ``Args:`` section; empty without parameters.
        imported: ``(module, name)`` of what has to be imported.
    """

    parameters: tuple[PyLiteral, ...]
    names: Mapping[str, PyLiteral]
    before: tuple[PyLiteral, ...]
    docs: tuple[str, ...]
    imported: frozenset[tuple[str, str]]


def unusable_params(contract: Contract) -> Iterator[Problem]:
    """Yield the params that no Prefect flow can have under their names."""
    for name in contract.params:
        kept = _KEPT_BY_PREFECT | _KEPT_BY_PYDANTIC_TOO | _USED_IN_THE_FLOW
        if name in kept or name.startswith(_KEPT_BY_PYDANTIC):
            yield Problem(
                where=contract.name,
                subject=f"param '{name}'",
                code="kept-name",
                message="a parameter of a Prefect flow cannot have this name",
                hint="rename the field of the params class",
            )


def flow_params(schema: Mapping[str, Any], taken: Iterable[str]) -> FlowParams:
    """Make the parameters of the flow.

    Args:
        schema: JSON Schema of the params.
        taken: Names that the file uses for itself.
    """
    fields: Mapping[str, Any] = schema.get("properties", {})
    parameters = _parameter_names(fields)
    allocator = NameAllocator(ShortName, {*taken, *parameters.values(), *BUILTIN_NAMES}, "type")
    annotations = Annotations(schema.get("$defs", {}), allocator)
    required = required_params(schema)
    in_order = sorted(fields, key=lambda name: name not in required)
    return FlowParams(
        parameters=tuple(
            annotations.parameter(parameters[name], fields[name], name in required, room=_ROOM)
            for name in in_order
        ),
        names=parameters,
        before=tuple(annotations.before),
        docs=tuple(_docs(fields, parameters)),
        imported=frozenset(annotations.imported),
    )


def _parameter_names(fields: Mapping[str, Any]) -> dict[str, PyLiteral]:
    """Each name as it is, where Python allows it: people write it when they start a run."""
    legal = {name for name in fields if name.isidentifier() and not keyword.iskeyword(name)}
    others = NameAllocator(PyName, {*legal, *BUILTIN_NAMES}, "param")
    return {
        name: PyLiteral(name if name in legal else others.allocate(f"param {name}"))
        for name in fields
    }


def _docs(fields: Mapping[str, Any], parameters: Mapping[str, str]) -> Iterator[str]:
    for name, field in fields.items():
        about = plain(str(field.get("description") or "")) if isinstance(field, Mapping) else ""
        if about:
            text = f"{parameters[name]}: {sentence(about)}"
            yield from (f"    {line}" for line in wrapped(text, depth=2, hanging="    "))
