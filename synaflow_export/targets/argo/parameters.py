"""Run parameters as parameters of a workflow: text, with a description and choices for the form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from synaflow_core.contract import Contract
from synaflow_export.params.form import forms, required_params
from synaflow_export.text.prose import plain
from synaflow_export.text.pyname import NameAllocator, TaskId
from synaflow_export.text.yaml_text import scalar

_OURS = ("synaflow-image", "synaflow-store")


@dataclass(frozen=True)
class Parameter:
    """One parameter of the workflow.

    Attributes:
        field: Name of the params field.
        name: Name of the parameter; another one only where Argo does not accept the field's.
        value: Its default, in YAML; empty: it has to be given.
        about: Its description, in YAML; may be empty.
        choices: Values to choose from, in YAML; may be empty.
    """

    field: str
    name: str
    value: str
    about: str
    choices: tuple[str, ...]


def parameters(contract: Contract) -> tuple[Parameter, ...]:
    """The params of a pipeline, in field order."""
    required = required_params(contract.params_schema)
    fields = forms(contract.params_schema)
    names = NameAllocator(TaskId, _OURS, "param").allocate_all(fields)
    return tuple(
        Parameter(
            field=field,
            name=names[field],
            value="" if field in required else scalar(_text(form.get("default"))),
            about=scalar(plain(str(form.get("description", "")))) if "description" in form else "",
            choices=tuple(scalar(_text(choice)) for choice in form.get("enum", ())),
        )
        for field, form in fields.items()
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
