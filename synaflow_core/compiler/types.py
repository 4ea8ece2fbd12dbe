"""Pass 7: types. In which form each parameter receives its dataset, and what each step offers.

Steps are judged in declaration order, because a step that takes items one by one offers a stream
of its results. The rules for one parameter are in :mod:`synaflow_core.compiler.delivery`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from synaflow_core.compiler.delivery import deliver, mismatch
from synaflow_core.compiler.draft import (
    Draft,
    Entry,
    Flow,
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
    is_subtype,
    pair_of_names,
    plain,
    shape_of,
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
        delivery = deliver(link, output)
        if delivery is None:
            where, subject = draft.place_of(entry.name), subject_of(entry, link.parameter.name)
            problems.append(mismatch(where, subject, link, output))
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
