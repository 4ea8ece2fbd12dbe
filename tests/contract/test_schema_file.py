"""``contract/dag.v1.schema.json`` and the structs say the same."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import msgspec
import pytest

from synaflow_core.contract import CONTRACT_VERSION, Contract
from tests.contract.examples import FOLDER

SCHEMA: dict[str, Any] = json.loads((FOLDER.parent / "dag.v1.schema.json").read_text("utf-8"))
STRUCTS: dict[str, Any] = msgspec.json.schema(Contract)["$defs"]
OBJECTS = {
    "Contract": SCHEMA,
    "Source": SCHEMA["$defs"]["source"],
    "StepContract": SCHEMA["$defs"]["step"],
    "ObserverContract": SCHEMA["$defs"]["observer"],
}

each_object = pytest.mark.parametrize("name", sorted(OBJECTS))


def lowered(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:  # noqa: PLR0911 - one line per kind of schema
    """What a schema accepts, in one form: references resolved, alternatives as a set."""
    reference = schema.get("$ref", "")
    if reference.startswith("#/$defs/"):
        name = reference.removeprefix("#/$defs/")
        if name.lower().removesuffix("contract") in ("source", "step", "observer"):
            return name.lower().removesuffix("contract")
        if name == "jsonSchema":
            return "object of anything"
        return lowered(definitions[name], definitions)
    if "anyOf" in schema:
        parts = [lowered(part, definitions) for part in schema["anyOf"]]
        return frozenset().union(*(p if isinstance(p, frozenset) else {p} for p in parts))
    if "const" in schema:
        return "integer"  # the version: a plain int in the struct, checked by the reader
    if "enum" in schema:
        return frozenset(str(value) for value in schema["enum"])
    kind = schema["type"]
    if isinstance(kind, list):
        return frozenset(kind)
    if kind == "array":
        return "array", lowered(schema["items"], definitions)
    if kind == "object":
        values = schema.get("additionalProperties")
        return ("object", lowered(values, definitions)) if values else "object of anything"
    bounds = ("minimum", "maximum", "exclusiveMinimum", "minLength", "pattern")
    limits = tuple((bound, schema[bound]) for bound in bounds if bound in schema)
    return (kind, limits) if limits else kind


def comparable(value: Any) -> Any:
    """Struct and file differ in ways that mean the same: identifiers are text with a pattern."""
    if isinstance(value, tuple) and value[0] == "string":
        limits = tuple(limit for limit in value[1] if limit[1] != IDENTIFIER)
        return ("string", limits) if limits not in ((), (("minLength", 1),)) else "string"
    if isinstance(value, tuple):
        return tuple(comparable(part) for part in value)
    if isinstance(value, frozenset):
        return frozenset(comparable(part) for part in value)
    return "None" if value == "null" else value


IDENTIFIER = SCHEMA["$defs"]["identifier"]["pattern"]


def test_it_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["contract_version"] == {
        "description": SCHEMA["properties"]["contract_version"]["description"],
        "const": CONTRACT_VERSION,
    }


@each_object
def test_the_same_fields_in_the_same_order(name: str) -> None:
    written, struct = OBJECTS[name], STRUCTS[name]

    assert list(written["properties"]) == list(struct["properties"])
    added = {"rollback_deps"}  # after the first documents of version 1: they are valid without it
    wanted = [field for field in written["properties"] if field not in added]
    assert written["required"] == struct["required"] == wanted
    assert written["additionalProperties"] is struct["additionalProperties"] is False


@each_object
def test_the_same_types(name: str) -> None:
    written, struct = OBJECTS[name], STRUCTS[name]
    for field, schema in written["properties"].items():
        ours = comparable(lowered(schema, SCHEMA["$defs"]))
        theirs = comparable(lowered(struct["properties"][field], STRUCTS))
        assert ours == theirs, field


@each_object
def test_every_field_is_described(name: str) -> None:
    for field, schema in OBJECTS[name]["properties"].items():
        assert len(schema["description"]) > 15, field


@pytest.mark.parametrize("name", ["a", "_a", "a1", "größe", "a__b", "日付"])
def test_names_that_the_schema_accepts_are_identifiers(name: str) -> None:
    assert name.isidentifier()
    assert re.search(IDENTIFIER, name)


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a-b", "a.b", "a'b", "a\nb", "{{a}}", 'a"', "a;b"]
)
def test_names_that_the_schema_refuses_are_not(name: str) -> None:
    assert not name.isidentifier()
    assert not re.search(IDENTIFIER, name)
