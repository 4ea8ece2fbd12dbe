"""Reading a contract: what is refused, with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from synaflow_core.contract import Contract, fingerprint_of
from synaflow_core.errors import ContractError
from tests.contract.examples import example

Document = dict[str, Any]


def document() -> Document:
    return example("orders").to_dict()


def resealed(data: Document) -> bytes:
    """The document with the fingerprint that its content has, so that other rules decide."""
    contract = msgspec.convert(data, Contract)
    return msgspec.structs.replace(contract, fingerprint=fingerprint_of(contract)).to_json()


def told(content: bytes | str) -> dict[str, str]:
    """Path -> message and hint of what is wrong with a document."""
    with pytest.raises(ContractError) as raised:
        Contract.from_json(content)
    return {p.where: f"{p.message} -> {p.hint}" for p in raised.value.problems}


AGAIN = "write it again: synaflow-export contract pipe.py"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"\xff\xfe{}", "it is not JSON"),
        ('{"a": "\ud800"}', "it is not JSON"),
        (b'{"name": NaN}', "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "expected a JSON object, got an array"),
        (b"null", "expected a JSON object, got null"),
        (b"1", "expected a JSON object, got a single value"),
    ],
)
def test_what_is_no_json_object(content: bytes | str, message: str) -> None:
    (problem,) = told(content).values()
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (2, "the document is of version 2, this exporter reads 1 -> upgrade synaflow-export"),
        (0, f"expected 1, got 0 -> {AGAIN}"),
        ("1", f"expected 1, got '1' -> {AGAIN}"),
        (True, f"expected 1, got True -> {AGAIN}"),
        (1.0, f"expected 1, got 1.0 -> {AGAIN}"),
    ],
)
def test_another_version_is_refused_before_anything_else(version: Any, message: str) -> None:
    assert told(json.dumps({"contract_version": version, "a": 1})) == {"contract_version": message}


def test_some_other_json() -> None:
    assert told('{"name": "web", "dependencies": {}}') == {
        "contract_version": f"it is missing: this JSON is no SynaFlow contract -> {AGAIN}"
    }


def test_every_field_that_does_not_fit_is_told_with_its_path() -> None:
    data = document()
    del data["engine"]
    data["nmae"] = "x"
    data["steps"]["checked"]["mode"] = "sometimes"
    data["steps"]["checked"]["max_in_flight"] = 0
    data["steps"]["checked"]["delivery"]["orders"] = "pigeon"
    data["steps"]["totals"]["observers"][0]["handler"] = 5
    data["steps"]["totals"]["deps"] = []
    data["steps"]["totals"]["macrotask"] = None
    data["source"]["module"] = ""
    data["params"]["day"] = None
    data["levels"][1] = "fetch"
    data["steps"]["urls"] = 3
    data["fingerprint"] = "sha256:abc"

    assert told(json.dumps(data)) == {
        "engine": f"it is missing -> {AGAIN}",
        "fingerprint": "expected str matching regex '^sha256:[0-9a-f]{64}$', "
        f"got 'sha256:abc' -> {AGAIN}",
        "levels[1]": f"expected array, got str -> {AGAIN}",
        "nmae": "there is no such field -> did you mean 'name'?",
        "params.day": f"expected str, got null -> {AGAIN}",
        "source.module": f"expected str of length >= 1, got '' -> {AGAIN}",
        "steps.checked.delivery.orders": f"invalid enum value 'pigeon' -> {AGAIN}",
        "steps.checked.max_in_flight": f"expected int >= 1, got 0 -> {AGAIN}",
        "steps.checked.mode": f"invalid enum value 'sometimes' -> {AGAIN}",
        "steps.totals.deps": f"expected object, got array -> {AGAIN}",
        "steps.totals.macrotask": "there is no such field -> did you mean 'macro_task'?",
        "steps.totals.observers[0].handler": f"expected str, got int -> {AGAIN}",
        "steps.urls": f"expected object, got int -> {AGAIN}",
    }


def test_content_that_was_edited_is_refused() -> None:
    data = document()
    data["steps"]["checked"]["max_in_flight"] = 5

    problems = told(json.dumps(data))

    assert list(problems) == ["fingerprint"]
    assert "it was edited" in problems["fingerprint"]
    assert Contract.from_json(resealed(data)).steps["checked"].max_in_flight == 5


def test_texts_may_be_edited() -> None:
    data = document()
    data["description"] = data["steps"]["checked"]["doc"] = "Better words."
    data["source"] = None

    contract = Contract.from_json(json.dumps(data))

    assert contract.fingerprint == example("orders").fingerprint


def test_steps_in_another_order_are_refused() -> None:
    assert list(told(json.dumps(document(), sort_keys=True))) != []
    data = document()
    steps = list(data["steps"].items())
    data["steps"] = dict([steps[-1], *steps[:-1]])

    assert told(resealed(data))["steps.save.deps.backlog"]


def change(path: str, value: Any) -> Callable[[Document], None]:
    """Set ``steps.checked.mode`` and the like; a callable value gets the old one."""

    def apply(data: Document) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            data = data[parent]
        data[last] = value(data[last]) if callable(value) else value

    return apply


def rename(path: str, old: str, new: str) -> Callable[[Document], None]:
    """Rename a key and keep its place."""
    return change(path, lambda d: {(new if k == old else k): v for k, v in d.items()})


def together(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def apply(data: Document) -> None:
        for each in changes:
            each(data)

    return apply


RULES: dict[str, tuple[Callable[[Document], None], str, str]] = {
    "a name that is code": (
        rename("params", "day", "day: os.system('x')"),
        "params.day: os.system('x')",
        "the name is not a Python identifier",
    ),
    "a resource with the name of a step": (
        change("resources", {"db": "Database", "totals": "int"}),
        "resources.totals",
        "a step has this name, too",
    ),
    "a dep that nothing produces": (
        together(
            rename("steps.totals.deps", "checked", "chekced"),
            rename("steps.totals.delivery", "checked", "chekced"),
        ),
        "steps.totals.deps.chekced",
        "no earlier step, param or resource -> did you mean 'checked'?",
    ),
    "a dep that is a later step": (
        together(
            rename("steps.checked.deps", "orders", "backlog"),
            rename("steps.checked.delivery", "orders", "backlog"),
            change("steps.checked.each_mode_deps", ["backlog"]),
            change("steps.checked.materialized_deps", []),
            change("steps.checked.binding", {}),
        ),
        "steps.checked.deps.backlog",
        "no earlier step, param or resource",
    ),
    "a param that is none": (
        change("steps.totals.delivery.checked", "param"),
        "steps.totals.deps.checked",
        "delivered as param, but it is not a param",
    ),
    "a resource that is none": (
        change("steps.save.delivery.dry_run", "resource"),
        "steps.save.deps.dry_run",
        "delivered as resource, but it is not a resource",
    ),
    "a resource as a value": (
        change("steps.save.delivery.db", "value"),
        "steps.save.deps.db",
        "it is a resource, which cannot be delivered as value",
    ),
    "a value that no step returns": (
        change("steps.save.delivery.dry_run", "value"),
        "steps.save.deps.dry_run",
        "delivered as value, but it is not an earlier step",
    ),
    "a delivery too many": (
        change("steps.save.delivery", lambda d: {**d, "day": "param"}),
        "steps.save.delivery",
        "expected one entry per dep",
    ),
    "a binding to nothing": (
        change("steps.fetch.binding", {"url": "orders"}),
        "steps.fetch.binding.url",
        "expected a parameter that takes a dep of another name",
    ),
    "two parameters for one dep": (
        change("steps.fetch.binding", {"url": "urls", "address": "urls"}),
        "steps.fetch.binding",
        "two parameters take the same dep",
    ),
    "one parameter for two deps": (
        change("steps.fetch.binding", {"page_size": "urls"}),
        "steps.fetch.binding",
        "two deps go to the same parameter",
    ),
    "a mode that the deliveries contradict": (
        change("steps.fetch.mode", "all"),
        "steps.fetch.mode",
        "it is 'all', but one dep is delivered as 'item'",
    ),
    "item deps that are none": (
        change("steps.totals.each_mode_deps", ["checked"]),
        "steps.totals.each_mode_deps",
        "expected the deps whose delivery is 'item'",
    ),
    "a step per item that hands on a list": (
        change("steps.fetch.output_kind", "list"),
        "steps.fetch.output_kind",
        "a step of mode 'each' hands on 'stream' or 'none'",
    ),
    "collected deps that are not": (
        change("steps.totals.materialized_deps", ["checked"]),
        "steps.totals.materialized_deps",
        "expected []",
    ),
    "a schema without a codec": (
        change("steps.totals.codec", None),
        "steps.totals.codec",
        "it is null, but the elements have a schema",
    ),
    "a threshold under stop": (
        change("steps.checked.on_error", "stop"),
        "steps.checked.on_error",
        "'stop' survives no error",
    ),
    "a threshold for one call": (
        change("steps.totals.error_threshold_absolute", 3),
        "steps.totals.mode",
        "an error threshold needs mode 'each'",
    ),
    "an engine of the wrong colour": (
        change("engine", "async"),
        "engine",
        "it is 'async', but the steps need 'sync'",
    ),
    "levels that disagree": (
        change("levels", lambda levels: [levels[0] + levels[1], *levels[2:]]),
        "levels",
        "they do not follow from the deps",
    ),
    "a param without a property": (
        change("params_schema.properties", lambda p: {"day": p["day"]}),
        "params_schema.properties",
        "expected one property per field of params",
    ),
    "a required field that is none": (
        change("params_schema.required", ["day", "nothing"]),
        "params_schema.required",
        "expected names of properties",
    ),
    "params that are no object": (
        change("params_schema.type", "array"),
        "params_schema.type",
        "expected 'object'",
    ),
    "a schema of no type": (
        change("params_schema.properties.day.type", "dat"),
        "params_schema.properties.day.type",
        "expected the name of a JSON type",
    ),
    "a reference to nowhere": (
        change("params_schema.$defs", {}),
        "params_schema.properties.region.anyOf[0].$ref",
        "there is no such definition under $defs",
    ),
    "a reference to elsewhere": (
        change("steps.backlog.element_schema", {"$ref": "https://example.org/schema.json"}),
        "steps.backlog.element_schema.$ref",
        "there is no such definition under $defs",
    ),
    "a schema that is none": (
        change("steps.backlog.element_schema", {"items": 3}),
        "steps.backlog.element_schema.items",
        "expected a schema",
    ),
    "a scope that is code": (
        change("steps.report.scope", ["a b"]),
        "steps.report.scope",
        "'a b' is not a Python identifier",
    ),
}


@pytest.mark.parametrize("name", sorted(RULES))
def test_content_that_contradicts_itself(name: str) -> None:
    apply, path, message = RULES[name]
    data = document()
    apply(data)

    problems = told(resealed(data))

    assert path in problems, problems
    assert problems[path].startswith(message)


def test_a_step_may_read_the_param_of_its_own_name_and_shadow_it() -> None:
    contract = Contract.from_json(example("orders").to_json())

    assert contract.producers()["urls"]["urls"] == "param"
    assert contract.producers()["fetch"]["urls"] == "step"


def test_a_shadowed_param_is_not_read_past_its_step() -> None:
    data = document()
    change("steps.fetch.delivery.urls", "param")(data)
    change("steps.fetch.each_mode_deps", [])(data)
    change("steps.fetch.mode", "all")(data)

    assert "steps.fetch.deps.urls" in told(resealed(data))


def test_params_that_are_iterated() -> None:
    """A list field may feed a step item by item: then the delivery is not ``param``."""
    data = document()
    change("steps.urls.delivery.urls", "item")(data)
    change("steps.urls.each_mode_deps", ["urls"])(data)
    change("steps.urls.mode", "each")(data)

    contract = Contract.from_json(resealed(data))

    assert contract.producers()["urls"]["urls"] == "param"
