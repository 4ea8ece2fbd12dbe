"""A plan for people and other tools: rows of the `plan` table, JSON, Mermaid. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass

from synaflow_export.plan.model import Dataset, MacroTask, Plan, Representation

_MERMAID_ESCAPES = str.maketrans(
    {c: f"#{ord(c)};" for c in ['"', *"#&<>`%|\\\u2028\u2029", *map(chr, range(32))]}
)
"""What means something to Mermaid even within quotes, as its own escapes."""


@dataclass(frozen=True)
class DatasetRow:
    """One boundary dataset of a macro-task.

    Attributes:
        name: The dataset.
        type: As the contract prints it.
        codec: How it is written.
        representation: ``items`` or ``value``.
        producer: The step that makes it.
        consumers: Macro-tasks that read it.
        final: It is a result for the user.
    """

    name: str
    type: str
    codec: str
    representation: Representation
    producer: str
    consumers: tuple[str, ...]
    final: bool


@dataclass(frozen=True)
class PlanRow:
    """One macro-task.

    Attributes:
        macro_task: Its name.
        steps: Its steps.
        why: Sentences that say why they run together; empty for a single step.
        reads: Names of the datasets that it reads.
        writes: The datasets that it writes.
        shards: ``8 shards of rows``; empty when it is one instance.
    """

    macro_task: str
    steps: tuple[str, ...]
    why: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[DatasetRow, ...]
    shards: str = ""


def plan_rows(plan: Plan) -> tuple[PlanRow, ...]:
    """The table of a plan as plain data, in the plan's order.

    What holds for the plan as a whole (streams that were cut, results not stored) is in
    ``plan.reasons``.
    """
    by_name = {dataset.name: dataset for dataset in plan.datasets}
    return tuple(
        PlanRow(
            macro_task=task.name,
            steps=task.steps,
            why=tuple(reason.text for reason in task.reasons),
            reads=tuple(spec.dataset for spec in task.inputs),
            writes=tuple(_dataset_row(by_name[spec.dataset]) for spec in task.outputs),
            shards=_shards(task),
        )
        for task in plan.macro_tasks
    )


def _shards(task: MacroTask) -> str:
    shards = task.shards
    if shards is None:
        return ""
    if shards.count is not None:
        return f"{shards.count} shards of {shards.dataset}"
    return (
        f"shards of {shards.dataset}, {shards.rows_per_shard:,} rows each, "
        f"at most {shards.max_shards:,}"
    )


def _dataset_row(dataset: Dataset) -> DatasetRow:
    return DatasetRow(
        name=dataset.name,
        type=dataset.type,
        codec=dataset.codec,
        representation=dataset.representation,
        producer=dataset.producer_step,
        consumers=dataset.consumers,
        final=dataset.final,
    )


def to_json(plan: Plan) -> bytes:
    """The plan as JSON (UTF-8, two spaces, trailing newline), byte for byte the same every time."""
    return plan.to_json()


def to_mermaid(plan: Plan) -> str:
    """The plan as a Mermaid flowchart: macro-tasks as boxes, datasets as arrows, results as disks.

    Names may hold any text: every character that means something to Mermaid is escaped.
    """
    ids = {task.name: f"t{index}" for index, task in enumerate(plan.macro_tasks)}
    lines = ["flowchart LR"]
    lines += [f'    {ids[task.name]}["{_task_label(task)}"]' for task in plan.macro_tasks]
    for index, dataset in enumerate(plan.datasets):
        producer = ids[dataset.producer_task]
        label = _escaped(f"{dataset.name}: {dataset.type}, {dataset.codec}")
        lines += [f'    {producer} -->|"{label}"| {ids[name]}' for name in dataset.consumers]
        if dataset.final:
            lines.append(f'    {producer} --> d{index}[("{label}")]')
    return "\n".join(lines) + "\n"


def _task_label(task: MacroTask) -> str:
    lines = [f"<b>{_escaped(task.name)}</b>", *map(_escaped, task.steps)]
    if task.steps == (task.name,):
        lines = [_escaped(task.name)]
    if task.shards is not None:
        lines.append(f"<i>{_escaped(_shards(task))}</i>")
    return "<br/>".join(lines)


def _escaped(text: str) -> str:
    return text.translate(_MERMAID_ESCAPES)
