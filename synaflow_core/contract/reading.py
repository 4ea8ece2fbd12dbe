"""JSON -> contract, checked: whatever comes, a valid contract or one :class:`ContractError`.

Three gates: it is JSON of a version that we read; every field is there and of its type
(:mod:`.model`); the content does not contradict itself and was not edited (:mod:`.rules`). Each
gate tells all that it finds, with the path of the place: ``steps.clean.mode``.
"""

from __future__ import annotations

import re
from typing import Any, get_args, get_origin

import msgspec

from synaflow_core.contract.model import CONTRACT_VERSION, Contract
from synaflow_core.contract.rules import broken_rules
from synaflow_core.errors import ContractError, Problem, did_you_mean

_TITLE = "this is not a valid contract"
_EXPORT_AGAIN = "write it again: synaflow-export contract pipe.py"
_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


def read_contract(document: bytes | str) -> Contract:
    """Read and check a contract; see :meth:`Contract.from_json`."""
    data = _parsed(document)
    _check_version(data)
    try:
        contract = msgspec.convert(data, Contract)
    except msgspec.ValidationError:
        # msgspec stops at the first and does not name keys: look again, part by part
        problems = list(_misfits(data, Contract, ""))
        raise ContractError(_TITLE, problems) from None
    problems = broken_rules(contract)
    if problems:
        raise ContractError(_TITLE, problems)
    return contract


def _parsed(document: bytes | str) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(document)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise _refused("", "no-json", f"it is not JSON: {error}") from None
    if not isinstance(data, dict):
        kind = {list: "an array", str: "text", type(None): "null"}.get(type(data), "a single value")
        raise _refused("", "no-object", f"expected a JSON object, got {kind}")
    return data


def _check_version(data: dict[str, Any]) -> None:
    version = data.get("contract_version")
    if type(version) is int and version == CONTRACT_VERSION:
        return
    if type(version) is int and version > CONTRACT_VERSION:
        message = f"the document is of version {version}, this exporter reads {CONTRACT_VERSION}"
        raise _refused("contract_version", "newer-version", message, "upgrade synaflow-export")
    if "contract_version" not in data:
        message = "it is missing: this JSON is no SynaFlow contract"
    else:
        message = f"expected {CONTRACT_VERSION}, got {version!r:.40}"
    raise _refused("contract_version", "contract-version", message)


def _refused(where: str, code: str, message: str, hint: str = _EXPORT_AGAIN) -> ContractError:
    return ContractError(_TITLE, [Problem(where, "", code, message, hint)])


def _misfits(value: Any, kind: Any, path: str) -> list[Problem]:
    """What does not fit the type, with full paths: structs by field, objects by key."""
    struct = _struct(kind)
    if struct is not None and isinstance(value, dict):
        return _struct_misfits(value, struct, path)
    if get_origin(kind) is dict and isinstance(value, dict):
        inner = get_args(kind)[1]
        return [p for name in value for p in _misfits(value[name], inner, _join(path, name))]
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = _MESSAGE.match(str(error))
        text = (found["text"] if found else str(error)).replace("`", "")
        inner_path = ((found["path"] if found else None) or "").removeprefix("$")
        where = f"{path}{inner_path}"
        if "got" not in text and repr(value) not in text and isinstance(value, str | int | float):
            text = f"{text}, got {value!r:.60}"
        return [Problem(where, "", "field-type", text[:1].lower() + text[1:], _EXPORT_AGAIN)]
    return []


def _struct_misfits(value: dict[str, Any], struct: Any, path: str) -> list[Problem]:
    fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
    problems = []
    for name, kind in fields.items():
        if name in value:
            problems.extend(_misfits(value[name], kind, _join(path, name)))
        else:
            where = _join(path, name)
            problems.append(Problem(where, "", "field-missing", "it is missing", _EXPORT_AGAIN))
    for name in value:
        if name not in fields:
            hint = did_you_mean(str(name), fields, "remove it")
            where = _join(path, name)
            problems.append(Problem(where, "", "field-unknown", "there is no such field", hint))
    return problems


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that an annotation asks for, alone or as one of a union."""
    for member in (kind, *get_args(kind)):
        if isinstance(member, type) and issubclass(member, msgspec.Struct):
            return member if get_origin(kind) not in (list, dict) else None
    return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
