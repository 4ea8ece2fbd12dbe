"""``synaflow-export config``: which options hold for a pipeline, and where each came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synaflow_export.cli.options import (
    Code,
    Environment,
    PipelineName,
    TableFormat,
    Traceback,
    examples,
)
from synaflow_export.cli.output import note, show, tabulate, write

if TYPE_CHECKING:
    from synaflow_export.config.layers import Layers, Setting
    from synaflow_export.config.lift import TaskSettings

EXAMPLES = examples(
    ("what an export to Airflow would use", "synaflow-export config pipe.py --target airflow"),
    ("in production", "synaflow-export config pipe.py --target airflow --env prod"),
)


def config(
    code: Code,
    target: Annotated[
        str,
        typer.Option("--target", metavar="NAME", show_default=False, help="For which target."),
    ],
    pipeline: PipelineName = None,
    env: Environment = None,
    format: Annotated[
        TableFormat, typer.Option("--format", help="How to print it.")
    ] = TableFormat.TABLE,
    traceback: Traceback = False,
) -> None:
    """Show the options that an export would use, and where each of them comes from."""
    from synaflow_export.cli.settings import chosen_layers, chosen_options, planned
    from synaflow_export.loading.load import load
    from synaflow_export.target import get_target

    found = get_target(target)
    loaded = load(code, pipeline)
    for text in loaded.notes:
        note(text)
    made = chosen_layers(loaded, found, {}, env)
    _, tasks = planned(loaded, made, found)
    chosen_options(found, made, tasks)  # tells what makes no sense for a single macro-task
    if format is TableFormat.JSON:
        write(json.dumps(_document(made, target, tasks), indent=2, default=str) + "\n")
    else:
        _show_tables(made, target, tasks)


def _document(made: Layers, target: str, tasks: TaskSettings) -> dict[str, Any]:
    def described(setting: Setting) -> dict[str, Any]:
        section = {"section": setting.section} if setting.section else {}
        return {"value": setting.value, "from": setting.where, **section}

    return {
        "pipeline": made.pipeline,
        "target": target,
        "file": made.document.shown if made.document else None,
        "env": made.env,
        "options": {name: described(setting) for name, setting in made.own.items()},
        "tasks": {
            task: {name: described(setting) for name, setting in own.items()}
            for task, own in tasks.items()
        },
    }


def _show_tables(made: Layers, target: str, tasks: TaskSettings) -> None:
    file = made.document.shown if made.document else "no settings file"
    env = f", environment {made.env}" if made.env else ""
    show(
        f"{made.pipeline} on {target} ({file}{env})",
        "",
        tabulate(["option", "value", "from"], (_row(*item) for item in made.own.items())),
    )
    if tasks:
        show("", tabulate(["macro-task", "option", "value", "from"], _task_rows(tasks)))


def _task_rows(tasks: TaskSettings) -> Iterator[tuple[str, ...]]:
    for task, own in tasks.items():
        for position, item in enumerate(own.items()):
            yield (task if not position else "", *_row(*item))


def _row(name: str, setting: Setting) -> tuple[str, str, str]:
    value = setting.value
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | tuple):
        text = ", ".join(map(str, value))
    else:
        text = "-" if value is None else str(value)
    return name, text, f"{setting.where} {setting.section}".rstrip()
