"""The plan: which steps run together, which datasets cross, and why. Frozen, and JSON both ways.

Made by :func:`synaflow_export.plan.planner.make_plan`; every target reads it and nothing else.
The JSON of one :class:`MacroTask` is what a worker decodes as its ``MacroSpec``: the names of the
fields that both know (``name steps inputs outputs fingerprint shards``) are a contract between the
two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import msgspec

from synaflow_core.errors import ExportError, Problem
from synaflow_export.windows.binding import WindowSpec

PLAN_VERSION = 1

Granularity = Literal["stream", "step", "scope", "pipeline"]
OnCycle = Literal["merge", "spill"]
Representation = Literal["items", "value"]
ReasonKind = Literal[
    "streaming",
    "unserialisable",
    "label",
    "scope",
    "pipeline",
    "aligned",  # in plans of versions before datasets could be aligned
    "include",
    "cycle",
    "cut",
    "unstored",
    "shards",
]
ShardCount = int | Literal["auto"]

GRANULARITIES: tuple[Granularity, ...] = ("stream", "step", "scope", "pipeline")
ON_CYCLE: tuple[OnCycle, ...] = ("merge", "spill")

ROWS_PER_SHARD = 100_000
"""Rows of a shard under ``auto``, unless the user says otherwise."""
MAX_SHARDS = 1_000
"""Instances of a macro-task; Airflow refuses to map a task more than 1,024 times."""


@dataclass(frozen=True)
class PlanOptions:
    """What the user chose.

    Attributes:
        granularity: ``stream``: steps between which items flow one by one run together;
            ``step``: one macro-task per step where that is possible; ``scope``: one per included
            pipeline; ``pipeline``: one for everything.
        allow_pickle: Datasets of types without a codec may be pickled.
        on_cycle: When fused groups would wait for each other: ``merge`` them, or ``spill``: write
            a stream to the store where that is enough.
        spill: Names of steps whose stream is written to the store instead of handed over item by
            item.
        shards: Step -> number of parallel instances, or ``auto``; goes before what the code says,
            and 1 means none.
        rows_per_shard: Rows of an instance under ``auto``; None: 100,000.
        max_shards: Upper limit of the number of instances; None: 1,000.
        store_url: Where datasets will be stored, if known; then checked for reachability.
        distributed: Macro-tasks may run on different machines.
        window: Which params take the window of a run.
    """

    granularity: Granularity = "stream"
    allow_pickle: bool = False
    on_cycle: OnCycle = "merge"
    spill: tuple[str, ...] = ()
    shards: tuple[tuple[str, ShardCount], ...] = ()
    rows_per_shard: int | None = None
    max_shards: int | None = None
    store_url: str | None = None
    distributed: bool = False
    window: WindowSpec | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why steps run together, or why something is stored or not.

    Attributes:
        kind: What sort of reason.
        steps: The steps it is about, in declaration order.
        edges: The ``(producer, consumer)`` pairs that caused it.
        text: The reason in plain words.
    """

    kind: ReasonKind
    steps: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    text: str


class TaskInput(msgspec.Struct, frozen=True):
    """A dataset that a macro-task reads; ``producer`` is the step that made it."""

    dataset: str
    producer: str
    representation: Representation
    aligned: bool = False


class TaskOutput(msgspec.Struct, frozen=True):
    """A dataset that a macro-task writes; ``final``: it is (also) a result for the user."""

    dataset: str
    step: str
    representation: Representation
    codec: str
    final: bool
    aligned: bool = False


class Shards(msgspec.Struct, frozen=True):
    """How a macro-task runs as several instances; a worker decodes it as its ``ShardSpec``.

    Attributes:
        dataset: The input that is cut into contiguous slices, one per instance.
        count: Number of instances, fewer when there are fewer rows; null: by the number of rows.
        rows_per_shard: Rows of an instance where ``count`` is null.
        max_shards: Upper limit of the number of instances where ``count`` is null.
    """

    dataset: str
    count: int | None
    rows_per_shard: int
    max_shards: int


class MacroTask(msgspec.Struct, frozen=True):
    """Steps that run in one process: one task of the orchestrator.

    Attributes:
        name: Unique in the plan; any text.
        steps: Names, in declaration order (which is a topological order).
        inputs: Datasets read, in declaration order of their producers.
        outputs: Datasets written, likewise.
        fingerprint: Of the pipeline's contract; the worker compares it with the code it finds.
        upstream: Names of the macro-tasks that write the inputs, in the plan's order.
        reasons: Why the steps run together; empty for a single step.
        weight: Share of the progress of the run, 0 to 1; the plan's weights sum to 1.
        doc: First line of the documentation of the step that gave the name; may be empty.
        shards: How it is sharded; null when it is one instance.
    """

    name: str
    steps: tuple[str, ...]
    inputs: tuple[TaskInput, ...]
    outputs: tuple[TaskOutput, ...]
    fingerprint: str
    upstream: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    weight: float = 0.0
    doc: str = ""
    shards: Shards | None = None


class Dataset(msgspec.Struct, frozen=True):
    """A step's output that is written to the handoff store; it has the step's name.

    Attributes:
        name: Name of the dataset.
        producer_step: The step that makes it.
        producer_task: The macro-task that writes it.
        consumers: Names of the macro-tasks that read it, in the plan's order.
        type: The producer's output type as the contract prints it: ``Stream[int]``.
        codec: How it is written.
        representation: ``items``: element by element; ``value``: one value.
        final: It is (also) a result for the user.
        aligned: The position of each item in its source is kept beside it, for a join by source
            item that lies behind.
    """

    name: str
    producer_step: str
    producer_task: str
    consumers: tuple[str, ...]
    type: str
    codec: str
    representation: Representation
    final: bool
    aligned: bool = False


class Plan(msgspec.Struct, frozen=True):
    """A partitioned pipeline.

    Attributes:
        pipeline: The pipeline's name.
        fingerprint: Of its contract.
        granularity: As chosen; so are ``on_cycle`` and ``allow_pickle``.
        macro_tasks: In topological order, ties by declaration.
        datasets: In declaration order of their producers.
        reasons: What holds for the plan as a whole: streams that were cut, results not stored.
        window: Which params take the window of a run; null where runs have none.
    """

    plan_version: int
    pipeline: str
    fingerprint: str
    granularity: Granularity
    on_cycle: OnCycle
    allow_pickle: bool
    macro_tasks: tuple[MacroTask, ...]
    datasets: tuple[Dataset, ...]
    reasons: tuple[Reason, ...] = ()
    window: WindowSpec | None = None

    def task(self, name: str) -> MacroTask:
        """Return the macro-task of a name; ``KeyError`` lists the names that exist."""
        for task in self.macro_tasks:
            if task.name == name:
                return task
        known = ", ".join(task.name for task in self.macro_tasks)
        raise KeyError(f"no macro-task {name!r}; the plan has {known}")

    def to_json(self) -> bytes:
        """Write the plan: two spaces, trailing newline, the same bytes for an equal plan."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def from_json(cls, document: bytes | str) -> Self:
        """Read a plan that :meth:`to_json` wrote.

        Raises:
            ExportError: The document is no plan, or of a newer version.
        """
        try:
            plan = msgspec.json.decode(document, type=cls)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise ExportError(
                "the plan cannot be read",
                [Problem("plan.json", "", "bad-plan", str(error), "export the pipeline again")],
            ) from error
        if plan.plan_version > PLAN_VERSION:
            found = f"plan_version is {plan.plan_version}, this version reads up to {PLAN_VERSION}"
            raise ExportError(
                "the plan cannot be read",
                [Problem("plan.json", "", "newer-plan", found, "upgrade synaflow-export")],
            )
        return plan
