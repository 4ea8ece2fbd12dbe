"""``synaflow-export prune``: removes old runs and abandoned attempts from a handoff store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from synaflow_export.cli.options import examples
from synaflow_export.cli.output import note, show, tabulate

if TYPE_CHECKING:
    from rich.table import Table

    from synaflow_core.handoff.prune import Prunable

EXAMPLES = examples(
    ("what would go", "synaflow-export prune --older-than 7d --store s3://bucket/runs --dry-run"),
    ("every night, of one pipeline", "synaflow-export prune --older-than 30d --pipeline sales"),
)


def prune(
    older_than: Annotated[
        str,
        typer.Option(
            "--older-than",
            metavar="DURATION",
            show_default=False,
            help="Remove what was not written to for so long: 12h, 7d. Longer than your longest "
            "run takes.",
        ),
    ],
    store: Annotated[
        str,
        typer.Option(
            "--store",
            metavar="URL",
            envvar="SYNAFLOW_STORE",
            show_default=False,
            help="The handoff store: a folder or a URL.",
        ),
    ],
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline", metavar="NAME", show_default=False, help="Only runs of this pipeline."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", show_default=False, help="Only show what would go.")
    ] = False,
) -> None:
    """Remove old runs from a handoff store, and what killed attempts left behind in others.

    A run that was written to more recently stays, and so does everything that is no dataset.
    """
    from synaflow_core.handoff.prune import prunable
    from synaflow_core.handoff.prune import prune as remove

    age = _age(older_than)
    if pipeline is not None:
        _check_pipeline(store, pipeline)
    found = list(prunable(store, age, pipeline))
    removed: list[Prunable] = []
    kept: list[Prunable] = []
    for item in found:
        (removed if dry_run or remove(item, age) else kept).append(item)
    for item in kept:
        note(f"{_name(item)} was written to just now, and stays")
    if removed:
        show(_table(removed))
    verb = "would be removed" if dry_run else "removed"
    total = _size(sum(item.bytes for item in removed))
    runs = sum(item.what == "run" for item in removed)
    show(f"{verb}: {runs} runs, {len(removed) - runs} attempts, {total}")


def _age(text: str) -> timedelta:
    from synaflow_core.errors import ExportError, Problem
    from synaflow_export.options.duration import duration

    try:
        found = duration(text)
    except ValueError as error:
        message, found = str(error), timedelta(0)
    else:
        message = "everything is older than that, also what is being written now"
    if found:
        return found
    hint = "say how old something must be, for example 12h or 7d"
    raise ExportError(
        "nothing was removed",
        [Problem("command line", "--older-than", "bad-option", message, hint)],
    )


def _check_pipeline(store: str, name: str) -> None:
    """A misspelt name must not look like a store without old runs."""
    from synaflow_core.errors import ExportError, Problem, did_you_mean
    from synaflow_core.handoff.prune import pipelines_in

    known = pipelines_in(store)
    if name in known:
        return
    hint = did_you_mean(name, known, f"there is {', '.join(known) or 'nothing'}")
    message = f"the store has no pipeline {name!r}"
    raise ExportError(
        "nothing was removed",
        [Problem("command line", "--pipeline", "unknown-pipeline", message, hint)],
    )


def _name(item: Prunable) -> str:
    of = f" of dataset {item.dataset!r}" if item.dataset else ""
    return f"{item.what}{of}, run {item.run_key!r} of {item.pipeline!r},"


def _table(items: list[Prunable]) -> Table:
    return tabulate(
        ["pipeline", "run", "what", "last written", "files", "bytes"],
        [
            [
                item.pipeline,
                item.run_key,
                "run" if item.what == "run" else f"attempt at {item.dataset}",
                item.written.strftime("%Y-%m-%d %H:%M"),
                str(item.files),
                f"{item.bytes:,}",
            ]
            for item in items
        ],
        right="files bytes",
    )


def _size(count: int) -> str:
    size, unit = float(count), "bytes"
    for bigger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, bigger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
