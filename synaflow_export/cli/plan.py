"""``synaflow-export plan``: which steps run together, why, and what passes between them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from synaflow_export.cli.options import (
    AllowPickle,
    Code,
    Environment,
    GranularityOption,
    MaxShards,
    OnCycleOption,
    PipelineName,
    RowsPerShard,
    Shard,
    Traceback,
    examples,
    planning_flags,
)
from synaflow_export.cli.output import note, show, tabulate, write

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_export.plan.model import Plan

EXAMPLES = examples(
    ("what an export would make", "synaflow-export plan pipe.py"),
    (
        "one task per step, where that is possible",
        "synaflow-export plan pipe.py --granularity step",
    ),
    (
        "four parallel instances of the steps around clean",
        "synaflow-export plan pipe.py --shard clean=4",
    ),
    ("a picture for a README", "synaflow-export plan pipe.py --format mermaid"),
)


class Format(StrEnum):
    """How the plan is printed."""

    TABLE = "table"
    JSON = "json"
    MERMAID = "mermaid"


def plan(
    code: Code,
    pipeline: PipelineName = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            show_default=False,
            help="Plan as an export to this target would, with its section of the settings file.",
        ),
    ] = None,
    env: Environment = None,
    granularity: GranularityOption = None,
    allow_pickle: AllowPickle = None,
    on_cycle: OnCycleOption = None,
    shard: Shard = None,
    rows_per_shard: RowsPerShard = None,
    max_shards: MaxShards = None,
    format: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
    traceback: Traceback = False,
) -> None:
    """Show the tasks that an export makes, why their steps run together, and what passes on."""
    from synaflow_export.loading.load import load

    loaded = load(code, pipeline)
    from synaflow_export.cli.settings import chosen_layers, planned
    from synaflow_export.plan import to_json, to_mermaid
    from synaflow_export.target import get_target

    for text in loaded.notes:
        note(text)
    flags = planning_flags(granularity, allow_pickle, on_cycle, shard, rows_per_shard, max_shards)
    chosen = get_target(target) if target is not None else None
    layers = chosen_layers(loaded, chosen, flags, env)
    made, _ = planned(loaded, layers, chosen)
    if format is Format.JSON:
        write(to_json(made).decode())
    elif format is Format.MERMAID:
        write(to_mermaid(made))
    else:
        _show_tables(made, loaded.contract)


def _show_tables(plan: Plan, contract: Contract) -> None:
    from synaflow_export.plan import plan_rows

    def shown(step: str) -> str:
        rollback = contract.steps[step].rollback
        return f"{step} (undone by {rollback})" if rollback else step

    rows = plan_rows(plan)
    tasks = tabulate(
        ["macro-task", "steps", "why together", "reads", "writes"],
        (
            (
                "\n".join([row.macro_task, *([row.shards] if row.shards else [])]),
                "\n".join(map(shown, row.steps)),
                "\n".join(row.why),
                "\n".join(row.reads),
                "\n".join(dataset.name for dataset in row.writes),
            )
            for row in rows
        ),
    )
    datasets = [dataset for row in rows for dataset in row.writes]
    count = len(rows)
    steps = sum(len(row.steps) for row in rows)
    show(
        f"{plan.pipeline}: {_counted(steps, 'step')} in {_counted(count, 'macro-task')} "
        f"(granularity {plan.granularity})",
        "",
        tasks,
    )
    if datasets:
        show(
            "",
            tabulate(
                ["dataset", "type", "codec", "stored as", "producer", "consumers"],
                (
                    (
                        dataset.name,
                        dataset.type,
                        dataset.codec,
                        dataset.representation,
                        dataset.producer,
                        "\n".join([*dataset.consumers, *(["(result)"] if dataset.final else [])]),
                    )
                    for dataset in datasets
                ),
            ),
        )
    if plan.reasons:
        show("", *(reason.text for reason in plan.reasons))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
