"""Pass 8: modes. A forced mode agrees with the types, and each mode's own limits hold.

A step is EACH exactly when one of its parameters takes items one by one; ``mode=`` can only
confirm that. An EACH step returns one result per call, so no stream, and cannot walk through a
stream beside its items, because that stream would be used up by the first call.
"""

from __future__ import annotations

from collections.abc import Iterator

from synaflow_core.compiler.draft import Draft, Flow, listed, subject_of
from synaflow_core.dag import Delivery
from synaflow_core.definition import Include, Step, StepMode
from synaflow_core.errors import Problem
from synaflow_core.hints import Function, Kind, shape_of, type_name


def check_modes(draft: Draft) -> Draft:
    """Check each step's declared mode and what it may not combine with it."""
    problems: list[Problem] = []
    for entry, function in draft.entries():
        flow = draft.flows[entry.name]
        if flow.mode is StepMode.EACH:
            problems.extend(_streams_beside_items(draft, entry, flow))
        if isinstance(entry, Include):
            continue
        if entry.mode not in (StepMode.AUTO, flow.mode):
            problems.append(_forced(draft, entry, flow))
        elif flow.mode is StepMode.EACH:
            problems.extend(_returns_stream(draft, entry, function))
        else:
            problems.extend(_needs_each(draft, entry))
    return draft.with_problems(problems)


def _forced(draft: Draft, step: Step, flow: Flow) -> Problem:
    links = draft.links[step.name]
    if step.mode is StepMode.EACH:
        iterable = [
            link.parameter.name
            for link, delivery in zip(links, flow.deliveries, strict=True)
            if delivery is Delivery.STREAM or delivery.is_collection
        ]
        message = "expected a parameter that takes one item per call, got none"
        hint = (
            f"annotate '{iterable[0]}' with the type of one item"
            if iterable
            else "remove mode=StepMode.EACH"
        )
    else:
        items = [
            link.parameter.name
            for link, delivery in zip(links, flow.deliveries, strict=True)
            if delivery is Delivery.ITEM
        ]
        message = (
            f"expected a step that is called once, but it takes one item per call: {listed(items)}"
        )
        hint = f"ask for a list or an Iterator in '{items[0]}', or remove mode=StepMode.ALL"
    subject = f"{subject_of(step)}, mode=StepMode.{step.mode.name}"
    return Problem(draft.place_of(step.name), subject, "forced-mode", message, hint)


def _returns_stream(draft: Draft, step: Step, function: Function) -> Iterator[Problem]:
    shape = shape_of(function.returns)
    if shape.kind is Kind.STREAM:
        yield Problem(
            draft.place_of(step.name),
            subject_of(step),
            "each-returns-stream",
            f"expected one result per item, got {type_name(function.returns)}: a step that takes "
            "one item per call cannot return a stream",
            f"return list[{type_name(shape.item)}], or take the whole stream with an Iterator "
            "parameter and yield",
        )


def _streams_beside_items(draft: Draft, entry: Step | Include, flow: Flow) -> Iterator[Problem]:
    links = draft.links[entry.name]
    pairs = list(zip(links, flow.deliveries, strict=True))
    items = [link.parameter.name for link, delivery in pairs if delivery is Delivery.ITEM]
    for link, delivery in pairs:
        if delivery is Delivery.STREAM:
            item = type_name(shape_of(link.parameter.annotation).item)
            yield Problem(
                draft.place_of(entry.name),
                subject_of(entry, link.parameter.name),
                "stream-beside-items",
                f"expected a list or a value beside the item parameter {listed(items)}, got a "
                "lazy stream: the first call would use it up",
                f"ask for list[{item}], or make the step ALL: ask for Iterators in all of them "
                "and zip them",
            )


def _needs_each(draft: Draft, step: Step) -> Iterator[Problem]:
    for option in ("error_threshold_absolute", "error_threshold_pct", "shards"):
        if getattr(step, option) is None or (option == "shards" and step.shards == 1):
            continue
        yield Problem(
            draft.place_of(step.name),
            f"{subject_of(step)}, {option}",
            "needs-each",
            "expected a step that is called once per item, but this one is called once",
            f"remove {option}, or let a parameter take one item per call",
        )
