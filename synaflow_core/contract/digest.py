"""The fingerprint: one digest of everything in a contract that changes what a run does.

It is taken from the document, not from the Dag, so that whoever reads a contract can check that
nobody edited it. Left out is what only people read or what depends on where the code lies
(``source``, ``description``, ``doc``, ``fn_ref``, ``where``, texts and titles in schemas). Fields
that say nothing (null, empty, false) are left out too: a later field with such a default does not
change the fingerprints of pipelines that do not use it. The order of steps and of deps counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from synaflow_core.contract.elements import map_schema
from synaflow_core.contract.model import Contract

_CONTRACT_TEXTS = frozenset({"fingerprint", "source", "description"})
STEP_TEXTS = frozenset({"doc", "fn_ref", "where"})
"""Fields of a step that say where it lies or what it is for, not what it does."""

_SCHEMA_TEXTS = frozenset({"title", "description", "examples"})
_ORDERED = frozenset({"deps", "delivery", "binding"})
_SCHEMAS = frozenset({"params_schema", "element_schema"})


def fingerprint_of(contract: Contract) -> str:
    """``sha256:`` + digest of what the contract does; its own ``fingerprint`` does not count."""
    whole = _saying(msgspec.to_builtins(contract), _CONTRACT_TEXTS)
    # a list of pairs, since the order of the steps is the order of the calls
    whole["steps"] = [
        [name, _saying(step, STEP_TEXTS)] for name, step in whole.get("steps", {}).items()
    ]
    return _digest(whole)


def steps_digest(contract: Contract, steps: Iterable[str]) -> str:
    """``sha256:`` + digest of what some of the steps do, by the same rules.

    It changes when one of them or a params field that they read changes, and not with the rest of
    the pipeline.
    """
    chosen = {name: contract.steps[name] for name in steps}
    fields = {dep for step in chosen.values() for dep in step.deps}
    properties = contract.params_schema.get("properties", {})
    read = {name: field for name, field in properties.items() if name in fields}
    schema = {"properties": read, "$defs": contract.params_schema.get("$defs", {})} if read else {}
    said = [[name, _saying(msgspec.to_builtins(step), STEP_TEXTS)] for name, step in chosen.items()]
    return _digest({"steps": said, **_saying({"params_schema": schema}, frozenset())})


def _digest(said: dict[str, Any]) -> str:
    canonical = msgspec.json.encode(said, order="sorted")
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"


def _saying(fields: dict[str, Any], texts: frozenset[str]) -> dict[str, Any]:
    """The fields that say something, in the form in which they are hashed."""
    said: dict[str, Any] = {}
    for name, value in fields.items():
        if name in texts or value is None or value is False or value in ("", [], {}):
            continue
        if name in _SCHEMAS:
            value = map_schema(value, _without_texts)
        elif name in _ORDERED:
            value = list(value.items())
        said[name] = value
    return said


def _without_texts(schema: dict[str, Any]) -> dict[str, Any]:
    return {keyword: value for keyword, value in schema.items() if keyword not in _SCHEMA_TEXTS}
