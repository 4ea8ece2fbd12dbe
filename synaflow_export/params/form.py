"""The params of a pipeline as forms understand them: one flat JSON Schema per field.

Input is the contract's ``params_schema``. Forms look only at ``type``, ``format``, ``enum`` and a
few bounds at the top of each field, so references are resolved in place, optional values become
``type=["null", ...]`` and an enum tells its type. Nothing is lost by that: the worker checks every
value again, against the params class itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_UTC = re.compile(r"([Zz]|[+-]00:?00)$")

_JSON_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    list: "array",
    dict: "object",
}

FIELD_BOUNDS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minProperties": "min_length",
    "maxProperties": "max_length",
}
"""Keyword of a JSON Schema -> the argument of pydantic's ``Field`` that says the same."""


def forms(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Field -> its flat schema, in field order; ``default`` and ``description`` are kept.

    Args:
        schema: The contract's ``params_schema``: an object with ``properties``.
    """
    definitions = schema.get("$defs", {})
    return {name: _form(field, definitions) for name, field in schema.get("properties", {}).items()}


def required_params(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the params without a default, in field order."""
    required = schema.get("required", ())
    return tuple(name for name in schema.get("properties", {}) if name in required)


def computed_params(schema: Mapping[str, Any]) -> frozenset[str]:
    """Names of the params whose default only the params class can make, on the worker.

    Orchestrators have None in its place; it must not reach the params class.
    """
    fields, required = schema.get("properties", {}), required_params(schema)
    return frozenset(
        n for n, field in fields.items() if n not in required and "default" not in field
    )


def moments(schema: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, bool]:
    """The params that are a date and time -> whether it is one without a zone.

    It has none if the type says so or the default has none; the schema then has no ``format``.

    Args:
        schema: The contract's ``params_schema``.
        types: The contract's ``params``: name -> type.
    """
    fields = forms(schema)
    found = (name for name in fields if types.get(name) in ("datetime", "datetime | None"))
    return {name: "format" not in fields[name] for name in found}


def without_zones(
    values: Mapping[str, Any], schema: Mapping[str, Any], types: Mapping[str, str]
) -> dict[str, Any]:
    """Values of a run as the params class wants them, from a form that tells all times in UTC.

    Args:
        values: Name -> JSON value.
        schema: As for :func:`moments`.
        types: As for :func:`moments`.
    """
    naive = {name for name, has_none in moments(schema, types).items() if has_none}
    return {
        name: _UTC.sub("", value) if name in naive and isinstance(value, str) else value
        for name, value in values.items()
    }


def _form(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """One field's schema as forms understand it."""
    flat = resolved(field, definitions)
    found: dict[str, Any] = dict(flat) if isinstance(flat, dict) else {}
    found = _merged_choices(found)
    if "enum" in found and "type" not in found:
        types = list(dict.fromkeys(_JSON_TYPES[type(item)] for item in found["enum"]))
        found = {"type": types[0] if len(types) == 1 else types, **found}
    return found


def _merged_choices(found: dict[str, Any]) -> dict[str, Any]:
    """``anyOf: [T, null]`` as one schema that allows null; other unions stay as they are."""
    choices = found.get("anyOf")
    if not isinstance(choices, list):
        return found
    some = [choice for choice in choices if choice != {"type": "null"}]
    others = {key: rule for key, rule in found.items() if key != "anyOf"}
    plain = all(set(choice) == {"type"} and isinstance(choice["type"], str) for choice in some)
    if plain and some:
        null = ["null"] if len(some) < len(choices) else []
        types = [*null, *(choice["type"] for choice in some)]
        return {"type": types[0] if len(types) == 1 else types, **others}
    if len(some) == 1 and len(choices) == 2:
        (choice,) = some
        if "enum" in choice:
            return {**choice, "enum": [None, *choice["enum"]], **others}
        if isinstance(choice.get("type"), str):
            return {**choice, "type": ["null", choice["type"]], **others}
    return found


def resolved(schema: Any, definitions: Mapping[str, Any], path: tuple[str, ...] = ()) -> Any:
    """The schema with each ``$ref`` replaced by what it refers to; a recursive one by anything."""
    if isinstance(schema, list):
        return [resolved(item, definitions, path) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if reference is None:
        # A field's default and a list of allowed values are data, whatever they look like.
        return {
            key: item if key in ("default", "enum") else resolved(item, definitions, path)
            for key, item in schema.items()
        }
    own = {key: item for key, item in schema.items() if key != "$ref"}
    name = str(reference).rpartition("/")[2]
    if name in path or name not in definitions:
        return own
    target = resolved(definitions[name], definitions, (*path, name))
    # The title is the name of a class: no label for a form.
    return {**{key: item for key, item in target.items() if key != "title"}, **own}
