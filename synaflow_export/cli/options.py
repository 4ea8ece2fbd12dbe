"""Arguments, options and help texts that several commands share: one spelling of each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "AllowPickle",
    "Code",
    "Environment",
    "Granularity",
    "GranularityOption",
    "MaxShards",
    "OnCycle",
    "OnCycleOption",
    "Param",
    "ParamsFile",
    "PipelineName",
    "RowsPerShard",
    "Shard",
    "TableFormat",
    "Traceback",
    "examples",
    "planning_flags",
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


class TableFormat(StrEnum):
    """How an outcome is printed."""

    TABLE = "table"
    JSON = "json"


Code = Annotated[
    str,
    typer.Argument(
        metavar="CODE",
        show_default=False,
        help="pipe.py, package.module (either with :variable) or contract.json.",
    ),
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        show_default=False,
        help="A run parameter; repeat it for more. Lists and objects are JSON.",
    ),
]
ParamsFile = Annotated[
    Path | None,
    typer.Option(
        "--params-file",
        metavar="FILE",
        show_default=False,
        help="A JSON file with an object of run parameters; --param wins over it.",
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
# None: not given, so a settings file may say it; synaflow_export.options.planning has the defaults.
GranularityOption = Annotated[
    Granularity | None,
    typer.Option(
        "--granularity",
        show_default="stream",
        help="What runs in one task: steps that stream to each other, each step alone, each "
        "included pipeline, or everything.",
    ),
]
OnCycleOption = Annotated[
    OnCycle | None,
    typer.Option(
        "--on-cycle",
        show_default="merge",
        help="Groups of steps that would wait for each other: merge them, or spill a stream to "
        "the store.",
    ),
]
AllowPickle = Annotated[
    bool | None,
    typer.Option(
        "--allow-pickle/--no-allow-pickle",
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
Environment = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME",
        show_default=False,
        help="An environment of the settings file: its section env.NAME.",
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


def planning_flags(
    granularity: Granularity | None,
    allow_pickle: bool | None,
    on_cycle: OnCycle | None,
    shard: list[str] | None,
    rows_per_shard: int | None,
    max_shards: int | None,
) -> dict[str, Any]:
    """The flags about the plan, by the names of their options; None: not given."""
    return {
        "granularity": granularity.value if granularity is not None else None,
        "allow_pickle": allow_pickle,
        "on_cycle": on_cycle.value if on_cycle is not None else None,
        "shards": tuple(shard) if shard else None,
        "rows_per_shard": rows_per_shard,
        "max_shards": max_shards,
    }


def examples(*pairs: tuple[str, str]) -> str:
    """Write what stands below a command's help, in rich's markup.

    Args:
        pairs: What is done, and the command line that does it.
    """
    shown = [f"  [dim]# {what}[/dim]\n  {line}" for what, line in pairs]
    return "\n".join(["[bold]Examples[/bold]", *shown])
