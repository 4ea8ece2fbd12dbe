"""Damaged documents: accepted only when valid, else one :class:`ContractError`, never a traceback.

``SYNAFLOW_MUTATIONS=10000`` runs more of them than the suite does by default.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest

from synaflow_core.contract import Contract, fingerprint_of
from synaflow_core.errors import ContractError
from tests.contract.examples import FOLDER, PIPELINES

ROUNDS = int(os.environ.get("SYNAFLOW_MUTATIONS", "300"))
SCHEMA = json.loads((FOLDER.parent / "dag.v1.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
DOCUMENTS = [json.loads((FOLDER / f"{name}.json").read_bytes()) for name in sorted(PIPELINES)]
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2**70, 0.5, 1.0, 1e308, "", "x", "item", "stream", "each", "all",
    "stop", "1a", "class", "{{ 7*7 }}", "'); import os #", "a\nb", "\u0000", "ü", [], {}, [None],
    [[]], {"": None}, {"a": 1}, ["x", "x"], {"type": "object"}, {"$ref": "#"}, "sha256:" + "0" * 64,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of everything in a document."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def mutate(document: Any, chance: random.Random) -> None:
    """Change one place of a document: value, type, name, order, or that it is there at all."""
    every = list(places(document))
    *parents, key = chance.choice(every)
    holder = document
    for parent in parents:
        holder = holder[parent]
    kind = chance.choice(["odd", "odd", "swap", "remove", "rename", "add", "shuffle", "nudge"])
    if kind == "swap":  # a value from elsewhere has the right look in the wrong place
        other = document
        for part in chance.choice(every):
            other = other[part]
        holder[key] = copy.deepcopy(other)
    elif kind == "remove":
        del holder[key]
    elif kind == "rename" and isinstance(holder, dict):
        new = chance.choice([*map(str, ODD), *(str(path[-1]) for path in every)])
        items = [(new if name == key else name, value) for name, value in holder.items()]
        holder.clear()
        holder.update(items)
    elif kind == "add" and isinstance(holder[key], dict):
        holder[key][chance.choice(["x", "count", "type", "mode"])] = chance.choice(ODD)
    elif kind == "add" and isinstance(holder[key], list):
        holder[key].append(chance.choice(ODD))
    elif kind == "shuffle" and isinstance(holder[key], dict):
        items = list(holder[key].items())
        chance.shuffle(items)
        holder[key] = dict(items)
    elif kind == "nudge" and isinstance(holder[key], bool):
        holder[key] = not holder[key]
    elif kind == "nudge" and isinstance(holder[key], str):
        holder[key] += chance.choice(["", " ", "s", "__", "'"])
    else:
        holder[key] = copy.deepcopy(chance.choice(ODD))


def sealed(document: Any) -> Any:
    """The document with the fingerprint of its content, where it is near enough to have one."""
    try:
        contract = msgspec.convert(document, Contract)
    except msgspec.ValidationError:
        return document
    return {**document, "fingerprint": fingerprint_of(contract)}


def check_accepted(contract: Contract, document: Any) -> None:
    """What the reader lets through is valid for others, too, and can be relied upon."""
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]
    assert not errors
    assert Contract.from_json(contract.to_json()) == contract
    before: set[str] = set()
    levels = {name: depth for depth, level in enumerate(contract.levels) for name in level}
    assert sorted(levels) == sorted(contract.steps)
    for name, producers in contract.producers().items():
        step = contract.steps[name]
        assert name.isidentifier()
        assert set(producers) == set(step.deps) == set(step.delivery)
        for dep, kind in producers.items():
            known = {"step": before, "param": contract.params, "resource": contract.resources}
            assert dep in known[kind]
            assert kind != "step" or levels[dep] < levels[name]
        assert (step.mode == "each") == ("item" in step.delivery.values())
        before.add(name)


@pytest.mark.parametrize("seal", [False, True], ids=["as it is", "with its own fingerprint"])
def test_mutated_documents(seal: bool) -> None:
    chance = random.Random(20240131)
    accepted = 0
    for _ in range(ROUNDS):
        document = copy.deepcopy(chance.choice(DOCUMENTS))
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            mutate(document, chance)
        document = sealed(document) if seal else document
        try:
            contract = Contract.from_json(json.dumps(document))
        except ContractError:
            continue
        accepted += 1
        check_accepted(contract, document)
    assert 0 < accepted < ROUNDS  # otherwise the mutations test nothing


def test_damaged_bytes() -> None:
    chance = random.Random(20240229)
    for _ in range(ROUNDS // 5):
        content = bytearray(json.dumps(chance.choice(DOCUMENTS)).encode())
        for _ in range(chance.choice([1, 1, 4])):
            start = chance.randrange(len(content))
            content[start : start + chance.choice([0, 1, 1, 50])] = chance.choice(
                [b"", b"0", b'"', b"}", b"\x00", b"\xff", b"\\u0041", b",", bytes([start % 256])]
            )
        try:
            contract = Contract.from_json(bytes(content))
        except ContractError:
            continue
        check_accepted(contract, json.loads(bytes(content)))
