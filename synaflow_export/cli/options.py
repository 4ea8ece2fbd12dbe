"""Arguments, options and help texts that several commands share: one spelling of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

__all__ = [
    "AllowPickle",
    "Code",
    "Granularity",
    "GranularityOption",
    "OnCycle",
    "OnCycleOption",
    "PipelineName",
    "Traceback",
    "examples",
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
Traceback = Annotated[
    bool,
    typer.Option(
        "--traceback",
        show_default=False,
        help="On an error, also show the whole traceback of your code.",
    ),
]


def examples(*pairs: tuple[str, str]) -> str:
    """Write what stands below a command's help, in rich's markup.

    Args:
        pairs: What is done, and the command line that does it.
    """
    shown = [f"  [dim]# {what}[/dim]\n  {line}" for what, line in pairs]
    return "\n".join(["[bold]Examples[/bold]", *shown])
