"""Arguments, options and help texts that several commands share: one spelling of each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synaflow_export.plan.model import ShardCount

__all__ = [
    "AllowPickle",
    "Code",
    "Granularity",
    "GranularityOption",
    "MaxShards",
    "OnCycle",
    "OnCycleOption",
    "PipelineName",
    "RowsPerShard",
    "Shard",
    "Traceback",
    "examples",
    "shard_counts",
]


class Granularity(StrEnum):
    """How steps are grouped into macro-tasks: the planner's words, without loading the planner."""

    STREAM = "stream"
    STEP = "step"
    SCOPE = "scope"
    PIPELINE = "pipeline"


class OnCycle(StrEnum):
    """What to do when groups of steps would wait for each other; the planner's words."""

    MERGE = "merge"
    SPILL = "spill"


Code = Annotated[
    str,
    typer.Argument(
        metavar="CODE",
        show_default=False,
        help="pipe.py, package.module (either with :variable) or contract.json.",
    ),
]
PipelineName = Annotated[
    str | None,
    typer.Option(
        "--pipeline",
        metavar="NAME",
        show_default=False,
        help="Which pipeline, when the code has several: its name or its variable's.",
    ),
]
GranularityOption = Annotated[
    Granularity,
    typer.Option(
        "--granularity",
        help="What runs in one task: steps that stream to each other, each step alone, each "
        "included pipeline, or everything.",
    ),
]
OnCycleOption = Annotated[
    OnCycle,
    typer.Option(
        "--on-cycle",
        help="Groups of steps that would wait for each other: merge them, or spill a stream to "
        "the store.",
    ),
]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        show_default=False,
        help="Store values of types without a codec as pickles; read only stores that you trust.",
    ),
]
Shard = Annotated[
    list[str] | None,
    typer.Option(
        "--shard",
        metavar="STEP=N",
        show_default=False,
        help="Run the EACH steps around STEP as N parallel instances, or STEP=auto: by the number "
        "of rows; STEP=1 takes back what the code says. Repeatable.",
    ),
]
RowsPerShard = Annotated[
    int | None,
    typer.Option(
        "--rows-per-shard",
        metavar="N",
        show_default="100,000",
        help="Rows of one instance where the number of shards is auto.",
    ),
]
MaxShards = Annotated[
    int | None,
    typer.Option(
        "--max-shards",
        metavar="N",
        show_default="1,000",
        help="At most so many instances of one macro-task.",
    ),
]
Traceback = Annotated[
    bool,
    typer.Option(
        "--traceback",
        show_default=False,
        help="On an error, also show the whole traceback of your code.",
    ),
]


def shard_counts(given: list[str] | None) -> tuple[tuple[str, ShardCount], ...]:
    """Read what ``--shard`` was given.

    Raises:
        ExportError: Naming every one that is not ``STEP=N`` or ``STEP=auto``, or is there twice.
    """
    from synaflow_core.errors import ExportError, Problem

    counts: dict[str, ShardCount] = {}
    problems = []
    for text in given or ():
        name, _, count = text.rpartition("=")
        number = count.isascii() and count.isdecimal()
        if not name or not (number or count == "auto"):
            code, message = "bad-shard", "expected STEP=N or STEP=auto"
            hint = "for example: --shard normalize=8"
        elif name in counts:
            code, message, hint = "repeated-shard", f"{name!r} was given before", "give it once"
        else:
            counts[name] = int(count) if number else "auto"
            continue
        problems.append(Problem("options", f"--shard {text}", code, message, hint))
    if problems:
        raise ExportError("these options cannot be honoured", problems)
    return tuple(counts.items())


def examples(*pairs: tuple[str, str]) -> str:
    """Write what stands below a command's help, in rich's markup.

    Args:
        pairs: What is done, and the command line that does it.
    """
    shown = [f"  [dim]# {what}[/dim]\n  {line}" for what, line in pairs]
    return "\n".join(["[bold]Examples[/bold]", *shown])
