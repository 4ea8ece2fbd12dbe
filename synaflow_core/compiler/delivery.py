"""In which form a parameter receives what its producer offers. No pass: the passes ask.

The order of the questions for one parameter over an iterable dataset:

1. no annotation, ``Any``, ``object``, or the dataset's own bare container: it as it comes;
2. exactly the item type, or the bare origin of it (``event: dict`` over ``list[dict[...]]``): item;
3. a container or iterator that the items fit: that container, or a stream;
4. anything that one item fits: item.

Members of a union are tried one after another, ``None`` left aside. A value is never wrapped.
"""

from __future__ import annotations

from typing import Any, get_origin

from synaflow_core.compiler.draft import KIND_TO_OUTPUT, WHOLE, Link, Output
from synaflow_core.dag import Delivery, OutputKind, Source
from synaflow_core.errors import Problem
from synaflow_core.hints import (
    accepts_anything,
    fits,
    is_subtype,
    is_union,
    pair_of_names,
    shape_of,
    type_name,
    union_members,
)


def deliver(link: Link, output: Output) -> Delivery | None:
    """The form in which a parameter receives a dataset; None when it does not fit.

    ``output`` is what the producer of the link offers.
    """
    annotation = link.parameter.annotation
    if link.source is Source.RESOURCE:
        return Delivery.RESOURCE if is_subtype(output.type, annotation) else None
    if not output.known:
        return Delivery.VALUE
    if output.kind is OutputKind.NONE:
        return None
    if output.kind is OutputKind.VALUE:
        whole = Delivery.PARAM if link.source is Source.PARAM else Delivery.VALUE
        return whole if is_subtype(output.element, annotation) else None
    delivery = _deliver_iterable(output, annotation)
    if link.source is Source.PARAM and delivery is WHOLE[output.kind]:
        return _field_as_it_is(output, annotation)
    return delivery


def _deliver_iterable(output: Output, annotation: Any) -> Delivery | None:
    if accepts_anything(annotation):
        return WHOLE[output.kind]
    members = [m for m in union_members(annotation) if m is not type(None)]
    item = output.element
    for member in members:
        if output.kind is not OutputKind.STREAM and member == get_origin(output.type):
            return WHOLE[output.kind]
        if item is not Any and (member == item or member == get_origin(item)):
            return Delivery.ITEM
    for member in members:
        shape = shape_of(member)
        if shape.is_iterable and is_subtype(item, shape.item):
            return WHOLE[KIND_TO_OUTPUT[shape.kind]]
    return Delivery.ITEM if is_subtype(item, annotation) else None


def _field_as_it_is(output: Output, annotation: Any) -> Delivery:
    """A params field goes in unconverted where its own container is the one asked for."""
    if output.kind is OutputKind.STREAM:
        return Delivery.STREAM
    if accepts_anything(annotation):
        return Delivery.PARAM
    given = get_origin(output.type) or output.type
    for member in union_members(annotation):
        asked = get_origin(member) or member
        if isinstance(asked, type) and isinstance(given, type) and issubclass(given, asked):
            return Delivery.PARAM
    return WHOLE[output.kind]


def mismatch(where: str, subject: str, link: Link, output: Output) -> Problem:
    """What is told of a link for which there is no delivery."""
    kind = {Source.STEP: "step", Source.PARAM: "params field", Source.RESOURCE: "resource"}
    producer = f"{kind[link.source]} '{link.producer}'"
    if output.kind is OutputKind.NONE:
        return Problem(
            where,
            subject,
            "nothing-produced",
            f"{producer} hands nothing on: it is annotated '-> None'",
            "let it return something, or remove the parameter",
        )
    annotation = link.parameter.annotation
    expected, got = pair_of_names(annotation, output.type)
    return Problem(
        where,
        subject,
        "type-mismatch",
        f"expected {expected}, got {got if not output.each else output} from {producer}",
        _how_to_fit(output, annotation, got),
    )


def _how_to_fit(output: Output, annotation: Any, got: str) -> str:
    shape = shape_of(annotation)
    if output.kind is OutputKind.VALUE:
        if shape.is_iterable and fits(output.element, shape.item):
            return (
                "a value is never wrapped: return a list or an iterator from the producer, or "
                f"ask for {got}"
            )
        if is_union(output.type):
            return f"every member of {got} must fit: widen the annotation"
        return f"annotate the parameter {got}, or change what is produced"
    item = type_name(output.element)
    return (
        f"ask for {item} (one call per item), Iterator[{item}] (lazily) or list[{item}] "
        "(all at once)"
    )
