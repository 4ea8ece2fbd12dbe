"""Run parameters as Airflow ``Param`` expressions, so that the trigger form shows typed fields.

What a field looks like to a form is decided in :mod:`synaflow_export.params_form`.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from typing import Any

from synaflow_export.params_form import forms, required_params
from synaflow_export.pylayout import Group, Node, Prose, call, value
from synaflow_export.pyname import PyLiteral

_TAKEN = frozenset({"default", "description", "schema", "source"})  # arguments of Param itself


def params_expression(schema: Mapping[str, Any]) -> Node:
    """Write ``PARAMS``: one ``Param(...)`` per field, in field order.

    Args:
        schema: The contract's ``params_schema``: an object with ``properties``.
    """
    required = required_params(schema)
    rows = tuple(
        (f"{PyLiteral.of(name)}: ", _param(field, name in required))
        for name, field in forms(schema).items()
    )
    return Group("{", "}", rows, tall=True)


def _param(field: dict[str, Any], required: bool) -> Group:
    default = [] if required else [value(field.get("default"))]
    rules: dict[str, Node | str] = {}
    constraints = {k: v for k, v in field.items() if k not in ("default", "description")}
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in constraints):
        rules = {key: value(rule) for key, rule in constraints.items() if key not in _TAKEN}
    else:  # "$anchor" or "not" cannot be written as an argument
        rules = {"schema": value(constraints)}
    if field.get("description"):
        rules["description"] = Prose(" ".join(str(field["description"]).split()))
    return call("Param", default, rules)
