"""JSON Schema of a pipeline's run parameters, for trigger forms and validation before the worker.

Always an object with one property per field, also for a NamedTuple (which msgspec would write as
an array). Checking on the worker is :mod:`.params`, with the class itself.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect as types

from synaflow_core.contract.elements import is_json, map_schema, schemas_of, unsupported
from synaflow_core.contract.params_fields import (
    UNKNOWN,
    ParamsField,
    class_description,
    field_descriptions,
    params_fields,
)
from synaflow_core.errors import DefinitionError, Problem
from synaflow_core.hints import type_name

PATHS = (PurePath,)
"""Classes that params may use although msgspec does not know them: a path is text in JSON."""

JsonSchema = dict[str, Any]


def params_schema(params_type: type[Any] | None) -> JsonSchema:
    """The schema of the JSON object that :func:`params_from_json` accepts.

    Args:
        params_type: NamedTuple or dataclass, or None for a pipeline without params.

    Raises:
        DefinitionError: Fields have types that JSON cannot hold, or defaults that do not fit their
            types; names all of them.
    """
    if params_type is None:
        return {"type": "object", "properties": {}, "required": []}
    fields = params_fields(params_type)
    problems = [problem for field in fields for problem in _problems(params_type, field)]
    if problems:
        raise DefinitionError(
            f"params class '{params_type.__name__}' cannot be written as JSON", problems
        )
    schemas, definitions = schemas_of([field.hint for field in fields], _path_schema)
    schema: JsonSchema = {"type": "object"}
    if description := class_description(params_type):
        schema["description"] = description
    described = field_descriptions(params_type)
    schema["properties"] = {
        field.name: _property(field, part, described.get(field.name))
        for field, part in zip(fields, schemas, strict=True)
    }
    schema["required"] = [field.name for field in fields if field.required]
    if definitions:
        schema["$defs"] = definitions
    choices = _choices(field.hint for field in fields)
    ordered = map_schema(schema, lambda part: _in_order(part, choices))
    plain: JsonSchema = msgspec.json.decode(msgspec.json.encode(ordered))
    return plain


def to_json_value(value: Any) -> Any:
    """A params value as JSON data: sets sorted, dates as text, enums by value.

    Raises:
        TypeError: JSON cannot hold it.
    """
    return msgspec.to_builtins(value, str_keys=True, order="deterministic", enc_hook=_path_text)


def from_json_value(value: Any, hint: Any) -> Any:
    """A value of the type ``hint`` from JSON data, or from a value that is already right.

    Raises:
        msgspec.ValidationError: It does not fit.
    """
    return msgspec.convert(value, hint, str_keys=True, dec_hook=_path_from)


def _problems(params_type: type[Any], field: ParamsField) -> list[Problem]:
    where, subject = f"params class '{params_type.__name__}'", f"field '{field.name}'"
    reason = unsupported(field.hint, also=PATHS)
    if reason is not None:
        return [
            Problem(
                where,
                subject,
                "params-type",
                f"the type {type_name(field.hint)} cannot be given as JSON: {reason}",
                "use numbers, text, dates, enums, containers or dataclasses of them; make what "
                "cannot be text, such as a connection, a resource",
            )
        ]
    if field.default is UNKNOWN:
        return []
    try:
        from_json_value(to_json_value(field.default), field.hint)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        return [
            Problem(
                where,
                subject,
                "params-default",
                f"the default {field.default!r:.60} is no {type_name(field.hint)}: "
                f"{str(error).replace('`', '')}",
                "give a default of the field's type",
            )
        ]
    return []


def _property(field: ParamsField, schema: JsonSchema, description: str | None) -> JsonSchema:
    found = dict(schema)
    if _is_moment(field) and found.get("type") == "string":
        found["format"] = "date-time"
    elif _is_moment(field) and "anyOf" in found:
        found["anyOf"] = [
            {**part, "format": "date-time"} if part.get("type") == "string" else part
            for part in found["anyOf"]
        ]
    if description:
        found.setdefault("description", description)
    if field.default is not UNKNOWN and is_json(value := to_json_value(field.default)):
        found["default"] = value
    return found


def _is_moment(field: ParamsField) -> bool:
    """A datetime whose default, if any, has an offset: without one it is no JSON ``date-time``."""
    info = types.type_info(field.hint)
    while isinstance(info, types.Metadata):  # Annotated[datetime, Meta(description=...)]
        info = info.type
    members = info.types if isinstance(info, types.UnionType) else (info,)
    naive = isinstance(field.default, datetime.datetime) and field.default.tzinfo is None
    return not naive and any(
        isinstance(member, types.DateTimeType) and member.tz is not False for member in members
    )


def _choices(hints: Iterable[Any]) -> dict[tuple[str, ...], list[Any]]:
    """Values of each ``Literal`` and ``Enum`` as written, by the values sorted."""
    found: dict[tuple[str, ...], list[Any]] = {}
    pending = list(hints)
    while pending:
        hint = pending.pop()
        values: list[Any] = []
        if get_origin(hint) is Literal:
            values = list(get_args(hint))
        elif isinstance(hint, type) and issubclass(hint, Enum):
            values = [member.value for member in hint]
        else:
            pending.extend(get_args(hint))
        found[_sorted(values)] = values
    return found


def _sorted(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted(f"{type(value).__name__} {value!r}" for value in values))


def _in_order(schema: JsonSchema, choices: Mapping[tuple[str, ...], list[Any]]) -> JsonSchema:
    """Forms show the values in this order; msgspec sorts them."""
    values = schema.get("enum")
    if isinstance(values, list | tuple):
        return {**schema, "enum": choices.get(_sorted(values), values)}
    return schema


def _path_schema(_cls: type) -> JsonSchema:
    return {"type": "string", "format": "path"}


def _path_text(value: Any) -> Any:
    if isinstance(value, PATHS):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a type that JSON can hold")


def _path_from(wanted: Any, value: Any) -> Any:
    kind = get_origin(wanted) or wanted
    if isinstance(value, kind):
        return value
    if issubclass(kind, PATHS) and isinstance(value, str):
        return kind(value)
    raise msgspec.ValidationError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")
