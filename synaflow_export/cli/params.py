"""Run parameters from the command line: ``--param NAME=VALUE`` and ``--params-file``.

How a text becomes a value is decided in :mod:`synaflow_export.params.text`. Whether the values fit
is decided by the contract's own validation, which names all bad fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synaflow_core.errors import ParamsError, Problem, did_you_mean
from synaflow_export.params.text import JSON_KINDS, param_value

__all__ = ["read_params"]

_TITLE = "the params cannot be read"


def read_params(
    schema: Mapping[str, Any], assignments: Sequence[str], file: Path | None = None
) -> dict[str, Any]:
    """Put together the values given in a file and, winning over it, one by one.

    Args:
        schema: The contract's ``params_schema``.
        assignments: Texts ``NAME=VALUE``.
        file: A JSON file with one object, field -> value.

    Returns:
        JSON values by field, not validated yet.

    Raises:
        ParamsError: If something cannot be read or names no field; each problem at once.
    """
    values = _read_file(file) if file is not None else {}
    fields: dict[str, Any] = schema.get("properties", {})
    problems = [_unknown(name, fields, str(file)) for name in values if name not in fields]
    given: set[str] = set()
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        where = f"--param {assignment}"
        if not equals:
            hint = f"write --param {name or 'NAME'}=VALUE"
            problems.append(Problem(where, "", "no-value", "this is not NAME=VALUE", hint))
        elif name in given:
            message = f"'{name}' is given twice"
            problems.append(Problem(where, "", "given-twice", message, "drop one of the two"))
        elif name not in fields:
            problems.append(_unknown(name, fields, where))
        else:
            given.add(name)
            values[name] = param_value(text, fields[name], schema)
    if problems:
        raise ParamsError(_TITLE, problems)
    return values


def _unknown(name: str, fields: Mapping[str, Any], where: str) -> Problem:
    known = f"the params are: {', '.join(fields)}" if fields else "this pipeline takes no params"
    message = f"there is no param '{name}'"
    return Problem(where, "", "unknown-param", message, did_you_mean(name, fields, known))


def _read_file(file: Path) -> dict[str, Any]:
    hint = 'write one JSON object, such as {"count": 5}'
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        problem = Problem(str(file), "", "no-params-file", message, "check the path")
    except ValueError as error:  # also text that is not UTF-8
        problem = Problem(str(file), "", "no-json", f"this is not JSON: {error}", hint)
    else:
        if isinstance(values, dict):
            return values
        message = f"it holds a value of type {JSON_KINDS[type(values)]}, not an object"
        problem = Problem(str(file), "", "no-object", message, hint)
    raise ParamsError(_TITLE, [problem])
