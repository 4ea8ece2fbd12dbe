"""A param given as text, on a command line or by an orchestrator that knows nothing but text.

A value is read as JSON where the params class wants something other than text, so ``5`` is
a number and ``["a"]`` a list, while ``5`` stays text for a field of text, quotes or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

JSON_KINDS = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def param_value(text: str, field: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """Read a text as what a field wants; what fits nothing is left to the validation.

    Args:
        text: As given.
        field: The field's JSON schema.
        schema: The contract's ``params_schema``, for what the field refers to.
    """
    kinds = set(_kinds(field, schema))
    try:
        value = json.loads(text)
    except ValueError:
        lowered = text.lower()
        return lowered == "true" if "boolean" in kinds and lowered in ("true", "false") else text
    kind = JSON_KINDS[type(value)]
    fits = not kinds or kind in kinds or (kind == "integer" and "number" in kinds)
    if "string" in kinds and (kind == "string" or not fits):
        return text
    return value


def _kinds(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    """Yield the JSON types that a field accepts; none when it accepts anything."""
    if reference := schema.get("$ref"):
        name = str(reference).rpartition("/")[2]
        yield from _kinds(root.get("$defs", {}).get(name, {}), root)
    for union in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(union, ()):
            yield from _kinds(choice, root)
    declared = schema.get("type", ())
    yield from [declared] if isinstance(declared, str) else declared
    constants = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]
    yield from (JSON_KINDS[type(value)] for value in constants)
