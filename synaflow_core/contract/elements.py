"""Which types can be stored as typed JSON, and their schema.

The one place that knows what msgspec can do with a type. ``unsupported`` says why a type cannot,
``schemas_of`` gives schemas whose text depends neither on the module a class lives in nor on the
Python version. Which codec a dataset gets is decided in :mod:`.codecs`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect as types

JsonSchema = dict[str, Any]

_KEY_TYPES = (
    types.AnyType,
    types.StrType,
    types.IntType,
    types.FloatType,
    types.EnumType,
    types.LiteralType,
    types.DateTimeType,
    types.DateType,
    types.TimeType,
    types.TimeDeltaType,
    types.UUIDType,
    types.DecimalType,
    types.BytesType,
    types.UnionType,
)
_REF = "#/$defs/"
_ANYTHING = "synaflow: anything"


def unsupported(type_: Any, also: tuple[type, ...] = ()) -> str | None:
    """Why a type cannot be written and read back as typed JSON; None when it can.

    Args:
        type_: Any annotation.
        also: Classes that the caller converts by itself.
    """
    try:
        msgspec.json.Decoder(type_)
        pending = [types.type_info(type_)]
    except Exception as error:  # whatever a foreign class does while it is looked at
        return str(error).partition("\n")[0] or type(error).__name__
    seen: set[int] = set()
    while pending:
        info = pending.pop()
        if id(info) in seen:
            continue
        seen.add(id(info))
        if isinstance(info, types.CustomType):
            if info.cls is not object and not issubclass(info.cls, also):
                return f"{info.cls.__qualname__} is not a type that JSON can hold"
        elif isinstance(info, types.RawType | types.ExtType):
            return f"{type(info).__name__.removesuffix('Type')} is not a type that JSON can hold"
        elif isinstance(info, types.DictType) and not isinstance(info.key_type, _KEY_TYPES):
            key = type(info.key_type).__name__.removesuffix("Type").lower()
            return f"a JSON object cannot have keys of type {key}"
        pending.extend(_parts(info))
    return None


def _parts(info: types.Type) -> Iterator[types.Type]:
    """The types directly inside a type."""
    for name in getattr(info, "__struct_fields__", ()):
        value = getattr(info, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, types.Type):
                yield part
            elif isinstance(part, types.Field):
                yield part.type


def element_schema(type_: Any) -> JsonSchema | None:
    """JSON Schema of one element; None for ``Any`` and for types without a codec. Never raises.

    Defaults are left out: what is stored is complete, and a default may depend on the machine.
    """
    if type_ is Any or type_ is object or unsupported(type_) is not None:
        return None
    try:
        (schema,), definitions = schemas_of([type_])
        # to JSON and back: what msgspec took over from user code becomes plain JSON values
        whole = map_schema({**schema, "$defs": definitions}, _without_default)
        plain: JsonSchema = msgspec.json.decode(msgspec.json.encode(whole))
        if not plain["$defs"]:
            del plain["$defs"]
        return plain or None
    except Exception:  # e.g. an enum of objects, or a default that JSON cannot hold
        return None


def _without_default(schema: JsonSchema) -> JsonSchema:
    return {keyword: value for keyword, value in schema.items() if keyword != "default"}


def schemas_of(
    annotations: Sequence[Any], hook: Callable[[type], JsonSchema] | None = None
) -> tuple[list[JsonSchema], dict[str, JsonSchema]]:
    """Schemas of several types and the definitions that they share.

    Definitions are named after their class alone, in the order of first use, so that a class may
    move to another module; ``Point_2`` is another class of the name ``Point``.

    Args:
        annotations: Types for which :func:`unsupported` is None.
        hook: Schema of the classes that the caller converts by itself.
    """

    def foreign(cls: type) -> JsonSchema:
        if cls is object:
            return {"$comment": _ANYTHING}  # msgspec takes {} for no answer
        if hook is None:
            raise NotImplementedError
        return hook(cls)

    schemas, components = msgspec.json.schema_components(
        annotations, schema_hook=foreign, ref_template=_REF + "{name}"
    )
    names: dict[str, str] = {}
    definitions: dict[str, JsonSchema] = {}
    for old in _references(list(schemas), components):
        base = re.sub(r"[^A-Za-z0-9_.-]+", "_", components[old].get("title", old)).strip("_") or "T"
        same = sum(1 for name in names.values() if re.sub(r"_\d+$", "", name) == base)
        names[old] = base if not same else f"{base}_{same + 1}"
    for old, name in names.items():
        definitions[name] = map_schema(components[old], lambda part: _stable(part, names))
    return [map_schema(part, lambda part: _stable(part, names)) for part in schemas], definitions


def _references(roots: list[JsonSchema], components: Mapping[str, JsonSchema]) -> list[str]:
    """Names of the definitions that are used, in the order in which a reader meets them."""
    found: dict[str, None] = {}
    pending = roots
    while pending:
        schema = pending.pop(0)
        for part in subschemas(schema):
            target = str(part.get("$ref", "")).removeprefix(_REF)
            if target in components and target not in found:
                found[target] = None
                pending.append(components[target])
    return list(found)


def _stable(schema: JsonSchema, names: Mapping[str, str]) -> JsonSchema:
    schema = dict(schema)
    if schema.get("$comment") == _ANYTHING:
        return {}
    if "$ref" in schema:
        old = str(schema["$ref"]).removeprefix(_REF)
        schema["$ref"] = _REF + names.get(old, old)
    if isinstance(schema.get("description"), str):  # 3.13 removes the indentation of docstrings
        schema["description"] = inspect.cleandoc(schema["description"])
    if "default" in schema and not is_json(schema["default"]):
        del schema["default"]
    elif "default" in schema and schema.get("uniqueItems"):  # the order of a set is chance
        schema["default"] = sorted(schema["default"], key=msgspec.json.encode)
    return schema


_ONE = frozenset({"additionalProperties", "items", "not", "contains", "propertyNames"})
_MANY = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "$defs", "patternProperties"})


def map_schema(schema: JsonSchema, change: Callable[[JsonSchema], JsonSchema]) -> JsonSchema:
    """``schema`` with ``change`` applied to each schema in it, inner ones first.

    Walks keywords that hold schemas only: a property *named* ``description`` is no description.
    """

    def inner(value: Any) -> Any:
        return map_schema(value, change) if isinstance(value, dict) else value

    result: JsonSchema = {}
    for keyword, value in schema.items():
        if keyword in _ONE:
            result[keyword] = inner(value)
        elif keyword in _MANY and isinstance(value, list | tuple):
            result[keyword] = [inner(part) for part in value]
        elif keyword in _NAMED and isinstance(value, dict):
            result[keyword] = {name: inner(part) for name, part in value.items()}
        else:
            result[keyword] = value
    return change(result)


def subschemas(schema: JsonSchema) -> list[JsonSchema]:
    """The schema itself and every schema in it, in the order of the document."""
    found = [schema]
    for keyword, value in schema.items():
        parts: list[Any] = []
        if keyword in _ONE:
            parts = [value]
        elif keyword in _MANY and isinstance(value, list | tuple):
            parts = list(value)
        elif keyword in _NAMED and isinstance(value, dict):
            parts = list(value.values())
        for part in parts:
            if isinstance(part, dict):
                found.extend(subschemas(part))
    return found


def literal_values(hint: Any) -> list[Any]:
    """Values of the first ``Literal`` inside a hint, as written; msgspec sorts them."""
    pending = [hint]
    while pending:
        part = pending.pop(0)
        if get_origin(part) is Literal:
            return list(get_args(part))
        pending.extend(get_args(part))
    return []


def is_json(value: Any) -> bool:
    """The value can be written as JSON and read back equal (no NaN, no infinity, no surrogates)."""
    try:
        plain = msgspec.to_builtins(value, str_keys=True, order="deterministic")
        return bool(msgspec.json.decode(msgspec.json.encode(plain)) == _listed(plain))
    except Exception:
        return False


def _listed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_listed(part) for part in value]
    if isinstance(value, dict):
        return {key: _listed(part) for key, part in value.items()}
    return value
