"""Run parameters as Airflow ``Param`` expressions, so that the trigger form shows typed fields.

What a field looks like to a form is decided in :mod:`synaflow_export.params.form`; here is what is
Airflow's own:

* its form has a picker for ``format="date-time"``, and sends what is picked in UTC. Airflow checks
  the same ``format`` as well, but only where the package rfc3339-validator is installed, and then
  refuses times without a zone. So these fields carry ``UNCHECKED``: the picker stays, nothing is
  refused before the worker sees it, whatever is installed;
* a time without a zone is shown and sent as UTC; the worker takes the zone off again;
* a list of choices is a multiple choice if the choices are its ``examples``;
* a list whose ``items`` are not said to be something else is a field for lines of text.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synaflow_export.params.form import computed_params, forms, moments, required_params
from synaflow_export.text.pylayout import Group, Node, Prose, call, value
from synaflow_export.text.pyname import PyLiteral

_TAKEN = frozenset({"default", "description", "schema", "source"})  # arguments of Param itself

_PICKER = "date-time"


@dataclass(frozen=True)
class ParamsCode:
    """The params of a pipeline, ready to be laid out.

    Attributes:
        params: ``{"name": Param(...), ...}``.
        unchecked: What ``UNCHECKED`` is, if a param needs it.
    """

    params: Node
    unchecked: Node | None

    @classmethod
    def of(cls, schema: Mapping[str, Any], types: Mapping[str, str]) -> ParamsCode:
        """Write one ``Param(...)`` per field, in field order.

        Args:
            schema: The contract's ``params_schema``: an object with ``properties``.
            types: The contract's ``params``: name -> type.
        """
        required, times = required_params(schema), moments(schema, types)
        computed = computed_params(schema)
        rows = tuple(
            (
                f"{PyLiteral.of(name)}: ",
                _moment(field, name in required)
                if name in times
                else _param(field, name in required),
            )
            for name, form in forms(schema).items()
            for field in [_or_null(form) if name in computed else form]
        )
        return cls(Group("{", "}", rows, tall=True), _unchecked() if times else None)


def _param(field: dict[str, Any], required: bool) -> Group:
    constraints = {k: v for k, v in field.items() if k not in ("default", "description")}
    constraints |= _for_the_form(field)
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in constraints):
        rules = {key: value(rule) for key, rule in constraints.items() if key not in _TAKEN}
    else:  # "$anchor" or "not" cannot be written as an argument
        rules = {"schema": value(constraints)}
    return _call(field, required, rules)


def _moment(field: dict[str, Any], required: bool) -> Group:
    kept = {k: v for k, v in field.items() if k not in ("default", "description")}
    rows = tuple(
        (f"{PyLiteral.of(key)}: ", value(rule)) for key, rule in {**kept, "format": _PICKER}.items()
    )
    schema = Group("{", "}", (*rows, ("**", PyLiteral("UNCHECKED"))))
    default = field.get("default")
    if isinstance(default, str) and "format" not in field:
        field = {**field, "default": f"{default}Z"}
    return _call(field, required, {"schema": schema})


def _call(field: dict[str, Any], required: bool, rules: Mapping[str, Node]) -> Group:
    default = [] if required else [value(field.get("default"))]
    about = " ".join(str(field.get("description") or "").split())
    return call("Param", default, {**rules, **({"description": Prose(about)} if about else {})})


def _or_null(field: dict[str, Any]) -> dict[str, Any]:
    """The same, or nothing: its default is made on the worker."""
    kinds = field.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    found = dict(field)
    if kinds and "null" not in kinds:
        found["type"] = ["null", *kinds]
    if "enum" in field and None not in field["enum"]:
        found["enum"] = [None, *field["enum"]]
    if "anyOf" in field:
        found["anyOf"] = [*field["anyOf"], {"type": "null"}]
    return found


def _for_the_form(field: dict[str, Any]) -> dict[str, Any]:
    items = field.get("items")
    choices = items.get("enum") if isinstance(items, Mapping) else None
    if choices and "examples" not in field and all(isinstance(one, str) for one in choices):
        return {"examples": choices}
    fixed = [each.get("type") for each in field.get("prefixItems", ()) if isinstance(each, Mapping)]
    others = [kind for kind in fixed if isinstance(kind, str) and kind != "string"]
    if others and not field.get("items") and field.get("maxItems") == len(fixed):
        return {"items": {"type": others[0]}}  # of what comes after the fixed ones: nothing
    return {}


def _unchecked() -> Node:
    """A schema in which validators pass over all but ``$ref``, as up to draft 7 they have to."""
    return value(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": "#/definitions/any",
            "definitions": {"any": {}},
        }
    )
