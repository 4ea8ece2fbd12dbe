"""Pass 7: types. In which form each parameter receives its dataset, and what each step offers.

Steps are judged in declaration order, because a step that takes items one by one offers a stream
of its results. The order of the questions for one parameter over an iterable dataset:

1. no annotation, ``Any``, ``object``, or the dataset's own bare container: it as it comes;
2. exactly the item type, or the bare origin of it (``event: dict`` over ``list[dict[...]]``): item;
3. a container or iterator that the items fit: that container, or a stream;
4. anything that one item fits: item.

Members of a union are tried one after another, ``None`` left aside. A value is never wrapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_origin

from synaflow_core.compiler.draft import (
    KIND_TO_OUTPUT,
    WHOLE,
    Draft,
    Entry,
    Flow,
    Link,
    Output,
    exported_node,
    result_type,
    subject_of,
)
from synaflow_core.dag import Delivery, OutputKind, Source
from synaflow_core.definition import Include, StepMode
from synaflow_core.errors import Problem
from synaflow_core.hints import (
    Function,
    Kind,
    accepts_anything,
    fits,
    is_subtype,
    is_union,
    pair_of_names,
    plain,
    shape_of,
    type_name,
    union_members,
)

_UNKNOWN = Output(OutputKind.VALUE, Any, Any, known=False)


def resolve_types(draft: Draft) -> Draft:
    """Check every link and decide delivery, mode and output of every entry."""
    fields = {name: Output.of(kind, shape_of(kind)) for name, kind in draft.params.items()}
    made = {name: Output.of(kind, shape_of(kind)) for name, kind in draft.resource_types.items()}
    outputs: dict[str, Output] = {}
    sources: dict[Source, Mapping[str, Output]] = {
        Source.PARAM: fields,
        Source.RESOURCE: made,
        Source.STEP: outputs,
    }
    flows: dict[str, Flow] = {}
    problems: list[Problem] = []
    for entry, function in draft.entries():
        flow, found = _flow(draft, entry, function, sources)
        problems.extend(found)
        flows[entry.name] = flow
        outputs[entry.name] = flow.output
    return replace(draft, flows=flows).with_problems(problems)


def _flow(
    draft: Draft, entry: Entry, function: Function, sources: Mapping[Source, Mapping[str, Output]]
) -> tuple[Flow, list[Problem]]:
    deliveries: list[Delivery] = []
    problems: list[Problem] = []
    doubtful = False
    for link in draft.links[entry.name]:
        output = sources[link.source][link.producer]
        delivery = _deliver(link, output)
        if delivery is None:
            problems.append(_mismatch(draft, entry, link, output))
        doubtful = doubtful or delivery is None or not output.known
        deliveries.append(delivery or Delivery.VALUE)
    each = Delivery.ITEM in deliveries
    mode = StepMode.EACH if each else StepMode.ALL
    if isinstance(entry, Include):
        output = _offered_by_include(entry, each)
        problems.extend(_adapter_result(draft, entry, function))
    else:
        output = _offered_by_step(function, each)
    # Whether it runs once per item is unknown after a mistake, so its consumers are not judged.
    return Flow(tuple(deliveries), mode, _UNKNOWN if doubtful else output), problems


def _offered_by_step(function: Function, each: bool) -> Output:
    shape = shape_of(function.returns)
    if not each:
        return Output.of(function.returns, shape)
    if shape.kind is Kind.NONE:
        return Output(OutputKind.NONE, shape.item, function.returns, each=True)
    kind = plain(function.returns)
    return Output(OutputKind.STREAM, kind, kind, each=True)


def _offered_by_include(include: Include, each: bool) -> Output:
    exported = exported_node(include.pipeline.dag)
    if exported is None:
        return _UNKNOWN  # told by the pass 'expand'
    if not each:
        return Output(
            exported.output_kind, exported.element, exported.returns, exported.mode is StepMode.EACH
        )
    kind = result_type(exported)
    return Output(OutputKind.STREAM, kind, kind, each=True)


def _deliver(link: Link, output: Output) -> Delivery | None:
    """The form in which the parameter receives the dataset; None when it does not fit."""
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


def _mismatch(draft: Draft, entry: Entry, link: Link, output: Output) -> Problem:
    kind = {Source.STEP: "step", Source.PARAM: "params field", Source.RESOURCE: "resource"}
    producer = f"{kind[link.source]} '{link.producer}'"
    where, subject = draft.place_of(entry.name), subject_of(entry, link.parameter.name)
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


def _adapter_result(draft: Draft, include: Include, function: Function) -> list[Problem]:
    wanted: Any = include.pipeline.dag.params_type or type(None)
    if is_subtype(function.returns, wanted):
        return []
    expected, got = pair_of_names(wanted, function.returns)
    return [
        Problem(
            draft.place_of(include.name),
            subject_of(include),
            "adapter-result",
            f"expected an adapter function that returns the params of pipeline "
            f"'{include.pipeline.dag.name}', {expected}, got one that returns {got}",
            f"build and return {expected}" if wanted is not type(None) else "return None",
        )
    ]
