"""What a contract must fulfil beyond the types of its fields: it does not contradict itself.

Each rule is one function that yields problems with the path of the place. They hold for every
contract that the compiler can make, so a broken one means a document that was edited or made up.
"""

from __future__ import annotations

from collections.abc import Iterator

from synaflow_core.contract.digest import fingerprint_of
from synaflow_core.contract.model import Contract, StepContract
from synaflow_core.contract.schema_rules import schema_faults
from synaflow_core.errors import Problem, did_you_mean

Fault = tuple[str, str, str]
"""Path, message, next step (may be empty)."""


def broken_rules(contract: Contract) -> list[Problem]:
    """Every contradiction in a contract; the fingerprint is looked at when there is none."""
    faults = [
        *_names(contract),
        *_params(contract),
        *_wiring(contract),
        *(fault for name, step in contract.steps.items() for fault in _step(name, step)),
        *_collected(contract),
        *_engine(contract),
    ]
    faults = faults or list(_levels(contract)) or list(_fingerprint(contract))
    return [
        Problem(path, "", "contradiction", message, hint or "export the pipeline again")
        for path, message, hint in faults
    ]


def _names(contract: Contract) -> Iterator[Fault]:
    if not contract.name.strip():
        yield "name", "it is blank", ""
    for place, names in (
        ("steps", contract.steps),
        ("params", contract.params),
        ("resources", contract.resources),
    ):
        for name in names:
            if not name.isidentifier():
                yield f"{place}.{name}", "the name is not a Python identifier", ""
    for name in contract.resources:
        if name in contract.steps or name in contract.params:
            kind = "step" if name in contract.steps else "params field"
            yield f"resources.{name}", f"a {kind} has this name, too", ""


def _params(contract: Contract) -> Iterator[Fault]:
    schema = contract.params_schema
    yield from (("params_schema" + path, text, "") for path, text in schema_faults(schema))
    properties, required = schema.get("properties"), schema.get("required")
    if schema.get("type") != "object":
        yield "params_schema.type", "expected 'object'", ""
    if not isinstance(properties, dict) or list(properties) != list(contract.params):
        yield "params_schema.properties", "expected one property per field of params, in order", ""
    elif not isinstance(required, list) or [n for n in properties if n in required] != required:
        yield "params_schema.required", "expected names of properties, each once, in order", ""
    for name, step in contract.steps.items():
        if step.element_schema is not None:
            path = f"steps.{name}.element_schema"
            yield from ((path + at, text, "") for at, text in schema_faults(step.element_schema))


def _wiring(contract: Contract) -> Iterator[Fault]:
    """Each dep has a delivery and somebody who produces it in that form."""
    earlier: dict[str, StepContract] = {}
    for name, step in contract.steps.items():
        path = f"steps.{name}.deps"
        if list(step.delivery) != list(step.deps):
            yield f"steps.{name}.delivery", "expected one entry per dep, in the order of deps", ""
        for dep, form in step.delivery.items():
            known = {
                "resource": contract.resources,
                "param": [p for p in contract.params if p not in earlier],
                "value": earlier,
            }.get(form)
            if dep in contract.resources and form != "resource":
                yield f"{path}.{dep}", f"it is a resource, which cannot be delivered as {form}", ""
            elif known is not None and dep not in known:
                kind = {"value": "an earlier step"}.get(form, f"a {form}")
                yield (
                    f"{path}.{dep}",
                    f"delivered as {form}, but it is not {kind}",
                    did_you_mean(dep, known, ""),
                )
            elif dep not in earlier and dep not in contract.params and known is None:
                candidates = [*earlier, *contract.params]
                yield (
                    f"{path}.{dep}",
                    "no earlier step, param or resource",
                    did_you_mean(dep, candidates, ""),
                )
            elif dep in earlier and earlier[dep].output_kind == "none" and form != "value":
                yield f"{path}.{dep}", f"the step hands on nothing that could come as {form}", ""
        for parameter, dep in step.binding.items():
            if dep not in step.deps or parameter == dep or not parameter.isidentifier():
                yield (
                    f"steps.{name}.binding.{parameter}",
                    "expected a parameter that takes a dep of another name",
                    did_you_mean(dep, step.deps, ""),
                )
        if len(set(step.binding.values())) != len(step.binding):
            yield f"steps.{name}.binding", "two parameters take the same dep", ""
        if {*step.binding} & {d for d in step.deps if d not in step.binding.values()}:
            yield f"steps.{name}.binding", "two deps go to the same parameter", ""
        yield from _rollback(contract, name, step)
        earlier[name] = step


def _rollback(contract: Contract, name: str, step: StepContract) -> Iterator[Fault]:
    path = f"steps.{name}.rollback_deps"
    if step.rollback_deps and step.rollback is None:
        yield path, "there is no rollback that could be given anything", ""
    known = [name, *step.deps, *contract.params, *contract.resources]
    for dep in step.rollback_deps:
        if dep not in known:
            yield path, f"'{dep}' is nothing that a rollback is given", did_you_mean(dep, known, "")


def _step(name: str, step: StepContract) -> Iterator[Fault]:
    path = f"steps.{name}"
    items = [dep for dep, form in step.delivery.items() if form == "item"]
    if step.each_mode_deps != items:
        yield f"{path}.each_mode_deps", "expected the deps whose delivery is 'item', in order", ""
    if (step.mode == "each") != bool(items):
        found = "one dep is" if items else "no dep is"
        yield f"{path}.mode", f"it is '{step.mode}', but {found} delivered as 'item'", ""
    if step.mode == "each" and step.output_kind not in ("stream", "none"):
        yield f"{path}.output_kind", "a step of mode 'each' hands on 'stream' or 'none'", ""
    if step.codec is None and step.element_schema is not None:
        yield f"{path}.codec", "it is null, but the elements have a schema", ""
    if step.codec == "pickle":
        yield f"{path}.codec", "a pickle is never chosen here: expected null", ""
    if step.error_threshold_absolute is not None or step.error_threshold_pct is not None:
        if step.mode != "each":
            yield f"{path}.mode", "an error threshold needs mode 'each'", ""
        if step.on_error == "stop":
            yield f"{path}.on_error", "'stop' survives no error, so it has no error threshold", ""
    for scope in step.scope:
        if not scope.isidentifier():
            yield f"{path}.scope", f"{scope!r:.60} is not a Python identifier", ""


def _collected(contract: Contract) -> Iterator[Fault]:
    """``materialized_deps`` are the streams that a step does not receive as streams."""
    producers = contract.producers()
    for name, step in contract.steps.items():
        expected = []
        for dep, form in step.delivery.items():
            producer = contract.steps[dep] if producers[name][dep] == "step" else None
            is_stream = producer is not None and producer.output_kind == "stream"
            if is_stream and not (contract.steps[dep].lazy and step.streams(form)):
                expected.append(dep)
        if step.materialized_deps != expected:
            yield (
                f"steps.{name}.materialized_deps",
                f"expected {expected}: the streams that are collected before they arrive",
                "",
            )


def _engine(contract: Contract) -> Iterator[Fault]:
    wanted = "async" if any(step.is_async for step in contract.steps.values()) else "sync"
    if contract.engine != wanted:
        yield "engine", f"it is '{contract.engine}', but the steps need '{wanted}'", ""


def _levels(contract: Contract) -> Iterator[Fault]:
    producers = contract.producers()
    depth: dict[str, int] = {}
    levels: list[list[str]] = []
    for name, kinds in producers.items():
        below = [depth[dep] for dep, kind in kinds.items() if kind == "step"]
        depth[name] = max(below, default=-1) + 1
        if depth[name] == len(levels):
            levels.append([])
        levels[depth[name]].append(name)
    if contract.levels != levels:
        yield "levels", "they do not follow from the deps of the steps", ""


def _fingerprint(contract: Contract) -> Iterator[Fault]:
    if contract.fingerprint != fingerprint_of(contract):
        yield (
            "fingerprint",
            "the content is not what was exported: it was edited, or its keys were reordered",
            "change the pipeline's code instead, and export it again",
        )
