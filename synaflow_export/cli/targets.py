"""``synaflow-export targets``: what is installed, and what each target can do."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from synaflow_export.cli.options import TableFormat, examples
from synaflow_export.cli.output import note, show, tabulate, write

EXAMPLES = examples(
    ("what can be exported to", "synaflow-export targets"),
    ("for a program", "synaflow-export targets --format json"),
)


def targets(
    format: Annotated[
        TableFormat, typer.Option("--format", help="How to print them.")
    ] = TableFormat.TABLE,
) -> None:
    """List the installed targets, and what each can do."""
    from synaflow_export.target import capabilities, get_target, target_names

    found = {}
    for name in target_names():
        try:
            found[name] = get_target(name)
        except Exception as error:
            note(f"target '{name}' cannot be used: {type(error).__name__}: {error}")
    can = {name: capabilities(target) for name, target in found.items()}
    if format is TableFormat.JSON:
        document = {
            name: {
                "title": target.title,
                "out": target.default_out,
                "capabilities": {
                    flag: {"given": told.given, "meaning": told.text}
                    for flag, told in can[name].items()
                },
            }
            for name, target in found.items()
        }
        write(json.dumps(document, indent=2) + "\n")
        return
    flags = {flag: told.text for told_of in can.values() for flag, told in told_of.items()}
    rows = []
    for flag, text in flags.items():
        marks = (
            ("yes" if told.given else "-") if (told := c.get(flag)) else "" for c in can.values()
        )
        rows.append((flag, *marks, text.replace("``", "")))
    show(tabulate(["capability", *found, "meaning"], rows))
