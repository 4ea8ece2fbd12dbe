"""Run parameters: JSON values -> the params object that steps read, and back.

The class itself is the judge, not the JSON Schema: its types are checked strictly (``"5"`` is no
int, ``True`` is no int, ``5`` is a fine float) and everything that is wrong is told at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect as types

from synaflow_core.contract.elements import literal_values, unsupported
from synaflow_core.contract.params_fields import (
    ParamsField,
    field_descriptions,
    params_fields,
)
from synaflow_core.contract.params_schema import PATHS, from_json_value, to_json_value
from synaflow_core.errors import ParamsError, Problem, did_you_mean
from synaflow_core.hints import type_name

_EXAMPLES: dict[type, str] = {
    types.DateTimeType: "2024-01-31T12:30:00Z",
    types.DateType: "2024-01-31",
    types.TimeType: "12:30:00",
    types.TimeDeltaType: "PT1H30M",
    types.UUIDType: "123e4567-e89b-12d3-a456-426614174000",
    types.BytesType: "aGk= (base64)",
}
_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


def params_from_json(params_type: type[Any] | None, values: Any) -> Any:
    """Make the params object of a run.

    Args:
        params_type: The pipeline's params class; None for a pipeline without params.
        values: Field -> JSON value (dates and decimals as text, enums by value, sets as lists), or
            a value that has the field's type already. None is the same as no values. An instance
            of ``params_type`` is returned as it is.

    Returns:
        An instance of ``params_type``, or None if that is None.

    Raises:
        ParamsError: Fields are missing, unknown or do not fit; names all of them.
    """
    if params_type is not None and isinstance(values, params_type):
        return values
    title = "the params do not fit" + (f" {params_type.__name__}" if params_type else "")
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        got = type(values).__name__
        problem = Problem(
            "params", "", "params-object", f"expected an object, got {got}", 'give {"field": value}'
        )
        raise ParamsError(title, [problem])
    if params_type is None:
        if values:
            raise ParamsError(title, [_unknown(name, ()) for name in values])
        return None
    fields = {field.name: field for field in params_fields(params_type)}
    given: dict[str, Any] = {}
    problems = [_unknown(name, fields) for name in values if name not in fields]
    for field in fields.values():
        if field.name in values:
            problems.extend(_put(given, field, values[field.name]))
    missing = [field for field in fields.values() if field.required and field.name not in values]
    if missing:
        described = field_descriptions(params_type)
        problems.extend(_missing(field, described.get(field.name)) for field in missing)
    if problems:
        raise ParamsError(title, problems)
    try:
        return params_type(**given)
    except Exception as error:  # a __post_init__ of the user's
        message = f"{params_type.__name__} refuses the values: {type(error).__name__}: {error}"
        problem = Problem("params", "", "params-refused", message, "give values that it accepts")
        raise ParamsError(title, [problem]) from error


def params_to_json(params: Any) -> dict[str, Any]:
    """Params object -> JSON-ready dict that :func:`params_from_json` reads back.

    Args:
        params: An instance of a params class, or None.

    Raises:
        ParamsError: Values that JSON cannot hold (a connection, NaN, infinity); names all fields.
    """
    if params is None:
        return {}
    found: dict[str, Any] = {}
    problems = []
    for field in params_fields(type(params)):
        value = getattr(params, field.name)
        try:
            found[field.name] = to_json_value(value)
            if not _is_finite(found[field.name]):
                raise ValueError("JSON has no NaN and no infinity")
        except (TypeError, ValueError) as error:
            problems.append(
                Problem(
                    "params",
                    f"'{field.name}'",
                    "params-value",
                    f"a value of type {type(value).__name__} cannot be written as JSON: {error}",
                    f"give a value that fits {type_name(field.hint)}",
                )
            )
    if problems:
        raise ParamsError(f"the {type(params).__name__} cannot be written as JSON", problems)
    return found


def _put(given: dict[str, Any], field: ParamsField, value: Any) -> Iterator[Problem]:
    try:
        given[field.name] = from_json_value(value, field.hint)
    except msgspec.ValidationError as error:
        if _is_already(value, field.hint):
            given[field.name] = value
        else:
            yield _misfit(field, value, str(error))
            return
    except Exception as error:
        if unsupported(field.hint, also=PATHS) is None:  # e.g. an int that is too large for a float
            yield _misfit(field, value, str(error))
            return
        # msgspec cannot judge this type (an iterator, a union of classes): such a field cannot be
        # exported, and a run in this process takes what it is given
        given[field.name] = value
        return
    yield from _lost_keys(field, value)


def _is_already(value: Any, hint: Any) -> bool:
    """An instance of a subclass of the user's class that is asked for."""
    if not isinstance(hint, type) or hint.__module__ in ("builtins", "datetime"):
        return False
    try:
        return isinstance(value, hint)
    except TypeError:  # a TypedDict has no instances
        return False


def _misfit(field: ParamsField, value: Any, error: str) -> Problem:
    found = _MESSAGE.match(error)
    text, path = (found["text"], found["path"] or "") if found else (error, "")
    inner = path.removeprefix("$") if path.startswith("$") else ""
    text = text.replace("`", "")
    text = text[:1].lower() + text[1:]
    if not inner and " got " in text and isinstance(value, str | int | float | bool):
        text = f"{text} {value!r:.40}"
    elif not inner and "got" not in text and "value" not in text:
        text = f"{text}, got {value!r:.40}"
    if path.startswith("key"):
        text = f"{text}, as a key"
    return Problem(
        "params", f"'{field.name}{inner}'", "params-value", text, f"give {_wanted(field)}"
    )


def _wanted(field: ParamsField) -> str:
    info = types.type_info(field.hint) if unsupported(field.hint) is None else None
    for member in info.types if isinstance(info, types.UnionType) else (info,):
        if isinstance(member, types.EnumType):
            return f"one of {', '.join(repr(each.value) for each in member.cls)}"
        if isinstance(member, types.LiteralType):
            return f"one of {', '.join(repr(value) for value in literal_values(field.hint))}"
        if type(member) in _EXAMPLES:
            example = _EXAMPLES[type(member)]
            no_zone = getattr(member, "tz", None) is False
            return f"text such as {example.removesuffix('Z') if no_zone else example}"
    return f"a value of type {type_name(field.hint)}"


def _missing(field: ParamsField, description: str | None) -> Problem:
    return Problem(
        "params",
        f"'{field.name}'",
        "params-missing",
        "it is missing and has no default",
        f"give {_wanted(field)}" + (f": {description}" if description else ""),
    )


def _unknown(name: object, known: Iterable[str], inside: str = "") -> Problem:
    fields = ", ".join(known)
    hint = did_you_mean(str(name), known, f"the fields are: {fields}")
    if not fields:
        hint = "this pipeline takes no params"
    message = f"there is no such field in {inside}" if inside else "there is no such field"
    return Problem("params", f"'{name}'", "params-unknown", message, hint)


def _lost_keys(field: ParamsField, value: Any) -> Iterator[Problem]:
    """Keys of nested objects that no field takes: msgspec passes over them in silence."""
    pending = [(types.type_info(field.hint), value, field.name)]
    while pending:
        info, part, path = pending.pop()
        if isinstance(info, types.UnionType):
            pending.extend((member, part, path) for member in info.types)
        elif isinstance(part, Mapping):
            if isinstance(info, types.DataclassType | types.StructType | types.TypedDictType):
                known = {inner.encode_name: inner.type for inner in info.fields}
                kind = info.cls.__name__
                for key, inner_value in part.items():
                    if key in known:
                        pending.append((known[key], inner_value, f"{path}.{key}"))
                    elif not (isinstance(info, types.StructType) and key == info.tag_field):
                        yield _unknown(f"{path}.{key}", [f"{path}.{k}" for k in known], kind)
            elif isinstance(info, types.DictType):
                pending.extend((info.value_type, v, f"{path}.{k}") for k, v in part.items())
        elif isinstance(part, list | tuple | set | frozenset):
            for position, item in enumerate(part):
                if inner_info := _item_type(info, position):
                    pending.append((inner_info, item, f"{path}[{position}]"))


def _item_type(info: types.Type, position: int) -> types.Type | None:
    if isinstance(info, types.CollectionType | types.ListType | types.VarTupleType):
        return info.item_type
    if isinstance(info, types.TupleType):
        return info.item_types[position] if position < len(info.item_types) else None
    if isinstance(info, types.NamedTupleType):
        return info.fields[position].type if position < len(info.fields) else None
    return None


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    parts = value.values() if isinstance(value, dict) else value
    return not isinstance(value, dict | list | tuple) or all(_is_finite(part) for part in parts)
