"""Is a value a JSON Schema? As the 2020-12 meta-schema says, for the keywords that it rules.

Unknown keywords are legal in a JSON Schema (``msgspec.Meta(extra_json_schema=...)`` can add any).
Every ``$ref`` must lead to a definition in the same schema: nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_REF = "#/$defs/"
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_texts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(text, str) for text in value)
        and len(set(value)) == len(value)
    )


def _is_type(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and _is_texts(value) and _TYPES.issuperset(value)
    return isinstance(value, str) and value in _TYPES


_TEXT: tuple[Callable[[Any], bool], str] = (lambda value: isinstance(value, str), "text")
_COUNT = (_is_count, "a whole number of at least 0")
_NUMBER = (_is_number, "a number")
_FLAG: tuple[Callable[[Any], bool], str] = (lambda value: isinstance(value, bool), "true or false")
_LIST: tuple[Callable[[Any], bool], str] = (lambda value: isinstance(value, list), "an array")

_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_type, "the name of a JSON type, or several"),
    "enum": _LIST,
    "examples": _LIST,
    "required": (_is_texts, "names, each once"),
    "pattern": _TEXT,
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(("title", "description", "format", "$comment", "$ref"), _TEXT),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _TEXT),
    **dict.fromkeys(("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"), _NUMBER),
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems"), _COUNT),
    **dict.fromkeys(("maxProperties", "minProperties", "maxContains", "minContains"), _COUNT),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _FLAG),
}
_ONE = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"$defs", "properties", "patternProperties", "dependentSchemas"})
_REFUSED = frozenset(
    {
        "$anchor",
        "$dynamicAnchor",
        "$dynamicRef",
        "$id",
        "$recursiveAnchor",
        "$recursiveRef",
        "$schema",
        "$vocabulary",
        "definitions",
        "dependencies",
        "dependentRequired",
    }
)
"""They would change what a ``$ref`` means or have rules of their own; contracts need none."""


def schema_faults(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield path (``.properties.count.type``) and message of everything that is wrong."""
    definitions = schema.get("$defs", {})
    pending: list[tuple[str, Any]] = [("", schema)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, bool) and path:
            continue
        if not isinstance(part, dict):
            yield path, "expected a schema"
            continue
        for keyword, value in part.items():
            fault = _value_fault(keyword, value, definitions)
            if fault:
                yield f"{path}.{keyword}", fault
            else:
                pending.extend((path + at, inner) for at, inner in _inner(keyword, value))


def _value_fault(keyword: str, value: Any, definitions: Any) -> str | None:
    if keyword in _REFUSED:
        return "this keyword is not used in contracts"
    if keyword in _VALUES and not _VALUES[keyword][0](value):
        return f"expected {_VALUES[keyword][1]}"
    if keyword == "$ref" and not _leads_somewhere(value, definitions):
        return "there is no such definition under $defs"
    if keyword in _MANY and not (isinstance(value, list) and value):
        return "expected an array of schemas"
    if keyword in _NAMED and not isinstance(value, dict):
        return "expected an object of schemas"
    return None


def _inner(keyword: str, value: Any) -> list[tuple[str, Any]]:
    """The schemas that a keyword holds, with their paths."""
    if keyword in _ONE:
        return [(f".{keyword}", value)]
    if keyword in _MANY:
        return [(f".{keyword}[{index}]", inner) for index, inner in enumerate(value)]
    if keyword in _NAMED:
        return [(f".{keyword}.{name}", inner) for name, inner in value.items()]
    return []


def _leads_somewhere(reference: str, definitions: Any) -> bool:
    name = reference.removeprefix(_REF)
    known = isinstance(definitions, dict) and name in definitions
    return known and reference.startswith(_REF) and re.fullmatch(r"[\w.-]+", name) is not None
