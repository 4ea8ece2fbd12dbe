"""Dag -> contract. Everything was decided by the compiler; here it is only written down."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from synaflow_core.compiler.subrun import AsyncSubRun, ParamsField, SubRun
from synaflow_core.contract.code_digest import code_digest, plain_function
from synaflow_core.contract.codecs import codec_of
from synaflow_core.contract.digest import fingerprint_of
from synaflow_core.contract.elements import element_schema
from synaflow_core.contract.model import (
    CONTRACT_VERSION,
    Contract,
    DeliveryForm,
    JsonSchema,
    ObserverContract,
    Source,
    StepContract,
)
from synaflow_core.contract.params_schema import params_schema
from synaflow_core.dag import Dag, Delivery, Edge, Node, OutputKind
from synaflow_core.dag import Source as Producer
from synaflow_core.definition import OnError, StepMode
from synaflow_core.hints import type_name

DEFAULT_MATERIALIZER = "memory_materializer"
"""Name in the contract of what builds collections where no step and no pipeline names another."""


def contract_of(dag: Dag, *, source: Source | None = None) -> Contract:
    """Write down a compiled pipeline.

    Args:
        dag: The compiled pipeline.
        source: Where the pipeline object can be imported from, if known; not fingerprinted.

    Returns:
        The contract: the same bytes for the same pipeline, on every machine and Python version.

    Raises:
        DefinitionError: A params field has a type that JSON cannot hold; names all of them.
    """
    return _written(dag, source, params_schema(dag.params_type))


def _written(dag: Dag, source: Source | None, schema: JsonSchema) -> Contract:
    elements = _Elements()
    contract = Contract(
        contract_version=CONTRACT_VERSION,
        name=_text(dag.name),
        description=_text(dag.description),
        engine="async" if dag.is_async else "sync",
        source=source,
        fingerprint="sha256:" + "0" * 64,
        params={name: type_name(annotation) for name, annotation in dag.params.items()},
        params_schema=schema,
        resources={name: type_name(dag.resource_types.get(name, Any)) for name in dag.resources},
        steps={name: _step(dag, node, elements) for name, node in dag.steps.items()},
        levels=dag.get_execution_levels(),
    )
    return msgspec.structs.replace(contract, fingerprint=fingerprint_of(contract))


def _step(dag: Dag, node: Node, elements: _Elements) -> StepContract:
    weight, fraction = node.progress_weight, node.error_threshold_pct
    named = _function_of(node.fn)
    module = getattr(named, "__module__", None) or "builtins"
    return StepContract(
        deps={edge.producer: type_name(edge.annotation) for edge in node.edges},
        output=_output_name(node),
        fn=_name_of(node.fn),
        mode="each" if node.mode is StepMode.EACH else "all",
        on_error="stop" if node.on_error is OnError.STOP else "continue",
        max_in_flight=node.max_in_flight,
        materializer=_name_or_none(node.materializer) or DEFAULT_MATERIALIZER,
        materialized_deps=[e.producer for e in node.edges if _is_collected(dag, e)],
        each_mode_deps=[e.producer for e in node.edges if e.delivery is Delivery.ITEM],
        fn_ref=f"{module}:{named.__qualname__}",
        binding={e.parameter: e.producer for e in node.edges if e.parameter != e.producer},
        delivery={edge.producer: _delivery(edge) for edge in node.edges},
        output_kind=node.output_kind.value,
        element_schema=elements.schema(node.element),
        codec=elements.codec(node.element, whole=node.output_kind is OutputKind.VALUE),
        force_materialize=node.collected,
        error_materializer=_name_or_none(node.error_materializer),
        error_threshold_absolute=node.error_threshold_absolute,
        # as floats, which is how they are read back: 1 and 1.0 are one document
        error_threshold_pct=None if fraction is None else float(fraction),
        pipeline=_text(node.pipeline or dag.name),
        parent_pipeline=None if node.parent_pipeline is None else _text(node.parent_pipeline),
        scope=list(node.scope),
        observers=[
            *(
                ObserverContract(handler=_name_of(o.handler), source="pipeline")
                for o in dag.observers
            ),
            *(ObserverContract(handler=_name_of(o.handler), source="step") for o in node.observers),
        ],
        rollback=_name_or_none(node.rollback.fn if node.rollback else None),
        rollback_deps=[edge.producer for edge in node.rollback.edges] if node.rollback else [],
        progress_weight=None if weight is None else float(weight),
        macro_task=None if node.macro_task is None else _text(node.macro_task),
        shards=node.shards,
        doc=_first_line(node),
        code_digest=_digest_of(node.fn),
        is_async=node.is_async,
        exported=node.exported,
        hidden=node.hidden,
        where=node.where,
    )


class _Elements:
    """Schemas and codecs of element types, each found once: pipelines repeat few types."""

    def __init__(self) -> None:
        # by identity: 1 == True would mix up Literal[1] and Literal[True]
        self._schemas: dict[int, tuple[Any, JsonSchema | None]] = {}
        self._codecs: dict[tuple[int, bool], tuple[Any, str | None]] = {}

    def schema(self, type_: Any) -> JsonSchema | None:
        if id(type_) not in self._schemas:
            self._schemas[id(type_)] = type_, element_schema(type_)
        return self._schemas[id(type_)][1]

    def codec(self, type_: Any, *, whole: bool) -> str | None:
        key = id(type_), whole
        if key not in self._codecs:
            self._codecs[key] = type_, codec_of(type_, whole=whole)
        return self._codecs[key][1]


def _delivery(edge: Edge) -> DeliveryForm:
    return edge.delivery.value


def _is_collected(dag: Dag, edge: Edge) -> bool:
    """A stream that this parameter does not receive as a stream."""
    if edge.source is not Producer.STEP or edge.streaming:
        return False
    return dag.steps[edge.producer].output_kind is OutputKind.STREAM


def _output_name(node: Node) -> str:
    if node.mode is StepMode.EACH and node.output_kind is OutputKind.STREAM:
        return f"Stream[{type_name(node.returns)}]"
    return type_name(node.returns)


def _function_of(fn: Callable[..., Any]) -> Any:
    """The function to name: an include that runs per item is known by its adapter."""
    found = (
        plain_function(fn.adapter) if isinstance(fn, SubRun | AsyncSubRun) else plain_function(fn)
    )
    return found if hasattr(found, "__qualname__") else type(found)


def _name_of(fn: Callable[..., Any]) -> str:
    name = getattr(fn, "__name__", None)
    known = name if isinstance(name, str) else str(_function_of(fn).__name__)
    return _text(known) or type(fn).__name__


def _name_or_none(fn: Callable[..., Any] | None) -> str | None:
    return None if fn is None else _name_of(fn)


def _digest_of(fn: Callable[..., Any]) -> str:
    """The compiler's own functions are described by what they were made of."""
    if isinstance(fn, SubRun | AsyncSubRun):
        # params of a run inside a run need not be JSON
        inner = _written(fn.dag, None, params_schema(None)).fingerprint
        made_of = f"include {code_digest(fn.adapter)} {inner} {fn.exported}"
    elif isinstance(fn, ParamsField):
        made_of = f"field {fn.field}"
    else:
        return code_digest(fn)
    return f"sha256:{hashlib.sha256(made_of.encode()).hexdigest()}"


def _first_line(node: Node) -> str:
    documented = (
        inspect.getdoc(node.fn) if inspect.isroutine(node.fn) else _function_of(node.fn).__doc__
    )
    lines = (documented or "").strip().splitlines()
    return _text(lines[0].strip()) if lines else ""


def _text(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
