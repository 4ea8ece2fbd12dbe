"""The contract as typed values: one struct per JSON object, fields in the order of the JSON.

What a field means is written here once; ``contract/dag.v1.schema.json`` says the same to other
languages and a test holds the two together. Structs are made by :mod:`.build` (from a Dag) or by
:mod:`.reading` (from JSON, the only checked way in); nobody else should construct one.

Rules: every field is always written, absent things are ``null`` or empty. ``deps``, ``delivery``,
``each_mode_deps`` and ``materialized_deps`` name *producers*; only ``binding`` knows parameters.
Removing or reinterpreting a field makes a new ``contract_version``, and so does adding one, unless
its absence says what its empty value says.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

CONTRACT_VERSION = 1
"""The version of the document that this code writes, and the only one that it reads."""

Mode = Literal["each", "all"]
Engine = Literal["sync", "async"]
ErrorPolicy = Literal["continue", "stop"]
DeliveryForm = Literal[
    "item",
    "stream",
    "list",
    "set",
    "frozenset",
    "tuple",
    "dict",
    "value",
    "param",
    "resource",
]
OutputForm = Literal["value", "stream", "list", "set", "frozenset", "tuple", "dict", "none"]
ProducerKind = Literal["step", "param", "resource"]

COLLECTIONS: frozenset[str] = frozenset({"list", "set", "frozenset", "tuple", "dict"})
"""Deliveries and outputs that are a whole container."""

Name = Annotated[str, Meta(min_length=1)]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
PositiveInt = Annotated[int, Meta(ge=1)]
CodecName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_.-]{0,49}$")]
JsonSchema = dict[str, Any]
"""A JSON Schema (2020-12) as msgspec writes it; ``$defs`` names do not depend on modules."""


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs below: immutable, by keyword, and strict about unknown keys."""


class Source(_Frozen, frozen=True):
    """Where the pipeline object lives: ``getattr(import_module(module), attribute)``."""

    module: Name
    attribute: Name


class ObserverContract(_Frozen, frozen=True):
    """One event handler of a step: its name, and whether the pipeline or the step declared it."""

    handler: Name
    source: Literal["pipeline", "step"]


class StepContract(_Frozen, frozen=True, kw_only=True):
    """One step, as everybody outside the engine sees it.

    Attributes:
        deps: Producer -> name of the type that the function's parameter asks for, in the order
            of the parameters.
        output: Name of the output type; any lazy iterator, and what an EACH step hands on, is
            ``Stream[T]``.
        fn: Name of the function.
        mode: ``each``: called once per item; ``all``: called once.
        on_error: ``continue`` drops and counts what fails, ``stop`` ends the run.
        max_in_flight: Items that may be emitted and not yet received, per consumer.
        materializer: Name of what builds the collection of a collected branch.
        materialized_deps: The deps whose stream is collected before this step receives it.
        each_mode_deps: The deps that arrive item by item; empty exactly for mode ``all``.
        fn_ref: ``module:qualname`` of the function, for people.
        binding: Parameter -> producer, only where the two names differ.
        delivery: Producer -> form in which it arrives.
        output_kind: Form of the output, as declared: a stream that is collected stays ``stream``.
        element_schema: JSON Schema of one element of the output; null when it has none.
        codec: What stores the output: ``jsonl`` (typed JSON), ``parquet``, ``npy``, ``text``,
            ``bytes`` or the codec of another package; null when only a pickle could.
        force_materialize: The output is collected once for all consumers, and the streams that the
            step iterates are collected first.
        error_materializer: Name of what is told about every failure; null for the default.
        error_threshold_absolute: Fail the run after all inputs at this many errors.
        error_threshold_pct: The same as a fraction of the calls, in (0, 1].
        pipeline: Pipeline that declared the step.
        parent_pipeline: Pipeline that includes that one, or null.
        scope: Names of the includes around the step, outermost first.
        observers: Handlers of this step's events, the pipeline's before its own.
        rollback: Name of the compensation function, or null.
        rollback_deps: What the compensation is given, by producer: the step's own name for its
            output, else a dep, params field or resource. Documents without it are read as well.
        progress_weight: Share of the step in the progress of a run, or null.
        macro_task: Label of steps that must run together, or null.
        shards: Wanted number of parallel instances, ``auto`` (by the number of rows), or null.
        doc: First line of the function's docstring.
        code_digest: Digest of the function's own source.
        is_async: The function is a coroutine function or an async generator function.
        exported: The output is a result of the pipeline even if it is a stream.
        hidden: Made by the compiler (an include's adapter), not declared by the user.
        where: ``pipe.py:12`` of the function, for messages; may be empty.
    """

    deps: dict[str, str]
    output: str
    fn: Name
    mode: Mode
    on_error: ErrorPolicy
    max_in_flight: PositiveInt
    materializer: Name
    materialized_deps: list[str]
    each_mode_deps: list[str]
    fn_ref: str
    binding: dict[str, str]
    delivery: dict[str, DeliveryForm]
    output_kind: OutputForm
    element_schema: JsonSchema | None
    codec: CodecName | None
    force_materialize: bool
    error_materializer: Name | None
    error_threshold_absolute: PositiveInt | None
    error_threshold_pct: Annotated[float, Meta(gt=0, le=1)] | None
    pipeline: str
    parent_pipeline: str | None
    scope: list[str]
    observers: list[ObserverContract]
    rollback: Name | None
    rollback_deps: list[str] = msgspec.field(default_factory=list)
    progress_weight: Annotated[float, Meta(ge=0)] | None
    macro_task: Name | None
    shards: PositiveInt | Literal["auto"] | None
    doc: str
    code_digest: Digest
    is_async: bool
    exported: bool
    hidden: bool
    where: str

    @property
    def collected(self) -> bool:
        """The output is collected once for all consumers: the Dag's word for force_materialize."""
        return self.force_materialize

    @property
    def lazy(self) -> bool:
        """The output flows item by item, to the consumers that stream it."""
        return self.output_kind == "stream" and not self.force_materialize

    def streams(self, form: str) -> bool:
        """A lazy dep of this form comes item by item and never exists whole."""
        return form == "item" or (form == "stream" and not self.force_materialize)


class Contract(_Frozen, frozen=True):
    """One compiled pipeline, as a document.

    Attributes:
        contract_version: Version of this format.
        name: Name of the pipeline.
        description: Text for people.
        engine: ``sync`` or ``async``: which of ``run`` and ``async_run`` it needs.
        source: Where the pipeline object can be imported from; null when unknown.
        fingerprint: Digest of everything in here that changes what a run does.
        params: Params field -> type name, in field order.
        params_schema: JSON Schema of the run parameters: always an object with ``properties``
            and ``required``.
        resources: Resource -> type name.
        steps: Step -> contract, in declaration order, which is also a topological order.
        levels: Steps by depth; each level needs only those before it.
    """

    contract_version: int
    name: Name
    description: str
    engine: Engine
    source: Source | None
    fingerprint: Digest
    params: dict[str, str]
    params_schema: JsonSchema
    resources: dict[str, str]
    steps: dict[str, StepContract]
    levels: list[list[str]]

    @property
    def undoable(self) -> bool:
        """A run may leave something to be undone: some step has a rollback."""
        return any(step.rollback for step in self.steps.values())

    @classmethod
    def from_json(cls, document: bytes | str) -> Contract:
        """Read and check a contract: the only way in for whoever did not compile it.

        Raises:
            ContractError: The document is no JSON, of another version, misses or misspells a
                field, contradicts itself, or was edited by hand; every problem with its path.
        """
        from synaflow_core.contract.reading import read_contract

        return read_contract(document)

    def to_json(self) -> bytes:
        """The document: UTF-8, two spaces, final newline; equal contracts give equal bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def to_dict(self) -> dict[str, Any]:
        """The document as plain dicts, lists, strings, numbers, booleans and None."""
        builtins: dict[str, Any] = msgspec.to_builtins(self)
        return builtins

    def producers(self) -> dict[str, dict[str, ProducerKind]]:
        """Step -> dep -> who produces it.

        A dep is a step declared *earlier*, else a params field or a resource: a step may read the
        params field of its own name and then shadow it.
        """
        seen: set[str] = set()
        found: dict[str, dict[str, ProducerKind]] = {}
        for name, step in self.steps.items():
            kinds: dict[str, ProducerKind] = {}
            for dep, form in step.delivery.items():
                if form in ("param", "resource"):
                    kinds[dep] = "param" if form == "param" else "resource"
                else:
                    kinds[dep] = "step" if dep in seen else "param"
            found[name] = kinds
            seen.add(name)
        return found
