"""``synaflow-export <target>``: one command per target; its own options: :mod:`.target_options`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synaflow_export.cli.options import (
    AllowPickle,
    Code,
    Environment,
    Granularity,
    GranularityOption,
    MaxShards,
    OnCycle,
    OnCycleOption,
    PipelineName,
    RowsPerShard,
    Shard,
    Traceback,
    examples,
    planning_flags,
)
from synaflow_export.cli.output import note, show, write
from synaflow_export.cli.settings import chosen_layers, chosen_options, planned
from synaflow_export.cli.target_options import option_parameters

if TYPE_CHECKING:
    from synaflow_export.files.generated import GeneratedFile
    from synaflow_export.target import Target

__all__ = ["export_command", "export_examples"]

_DIFFERS = 1


@dataclasses.dataclass(frozen=True)
class _Request:
    """What every target's command is asked, besides the target's own options."""

    code: str
    out: Path
    pipeline: str | None
    env: str | None
    granularity: Granularity | None
    allow_pickle: bool | None
    on_cycle: OnCycle | None
    shard: list[str] | None
    rows_per_shard: int | None
    max_shards: int | None
    templates: Path | None
    dry_run: bool
    check: bool
    diff: bool
    force: bool


def export_command(target: Target[Any]) -> Callable[..., None]:
    """Make the function that Typer turns into the command of a target.

    Raises:
        ValueError: If one of the target's options is named like one that all targets share.
    """
    own = list(option_parameters(target.options_type))
    names = {parameter.name for parameter in own}
    common = inspect.signature(_common, eval_str=True).parameters.values()

    def command(**given: Any) -> None:
        options = {name: given.pop(name) for name in names}
        given.pop("traceback")
        given["out"] = given["out"] or Path(target.default_out)
        _export(target, options, _Request(**given))

    command.__doc__ = (
        f"Export a pipeline to {target.title}: native code, with the pipeline's source "
        "beside it where workers need it."
    )
    parameters = [*common, *own]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by Typer
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def export_examples(name: str) -> str:
    """Write the examples of a target's command."""
    line = f"synaflow-export {name}"
    return examples(
        ("write the files", f"{line} pipe.py"),
        ("a module that workers have installed", f"{line} shop.pipelines --pipeline orders"),
        ("without the code at hand", f"{line} contract.json --out ~/{name}"),
        ("for CI: exit with 1 if an export would change a file", f"{line} pipe.py --check --diff"),
    )


def _common(
    code: Code,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            show_default=False,
            help="The folder to write to; by default the one that the target says.",
        ),
    ] = None,
    pipeline: PipelineName = None,
    env: Environment = None,
    granularity: GranularityOption = None,
    allow_pickle: AllowPickle = None,
    on_cycle: OnCycleOption = None,
    shard: Shard = None,
    rows_per_shard: RowsPerShard = None,
    max_shards: MaxShards = None,
    templates: Annotated[
        Path | None,
        typer.Option(
            "--templates",
            metavar="DIR",
            exists=True,
            file_okay=False,
            show_default=False,
            help="A folder of your own templates; those it has replace ours.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", show_default=False, help="Only list what would be written.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            show_default=False,
            help="Write nothing; list the files that differ from what would be written, and exit "
            "with 1 if there are any.",
        ),
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", show_default=False, help="Like --check, with the differences.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            show_default=False,
            help="Overwrite files that were edited by hand or are not ours.",
        ),
    ] = False,
    traceback: Traceback = False,
) -> None:
    """Only its signature is used: the options that all targets share."""


def _export(target: Target[Any], given: dict[str, Any], request: _Request) -> None:
    from synaflow_export.loading.load import LoadError, load
    from synaflow_export.refusals import refuse_shards
    from synaflow_export.target import Export

    loaded = load(request.code, request.pipeline)
    for text in (*loaded.notes, *loaded.worker_notes):
        note(text)
    if loaded.contract.source is None and not target.only_shows:
        raise LoadError.one(
            request.code,
            request.code,
            "no-source",
            "the contract does not say where the code is, so no worker could import it",
            "make it with `synaflow-export contract pipe.py`, not with to_dict()",
        )
    flags = planning_flags(
        request.granularity,
        request.allow_pickle,
        request.on_cycle,
        request.shard,
        request.rows_per_shard,
        request.max_shards,
    )
    made = chosen_layers(loaded, target, given | flags, request.env)
    plan, tasks = planned(loaded, made, target)
    refuse_shards(target, plan)
    export = Export(
        plan,
        loaded.contract,
        chosen_options(target, made, tasks),
        loaded.sources,
        request.templates,
        settings=made.document.name if made.document and made.reads_file else None,
        env=request.env,
        flags=made.flags,
        planning=made.planning,
    )
    files = target.view(export)
    if request.check or request.diff:
        _compare(files, request)
    elif request.dry_run:
        _preview(files, request)
    else:
        _write(files, request)
        steps = len(loaded.contract.steps)
        count = len(plan.macro_tasks)
        show(f"{_counted(steps, 'step')} of '{plan.pipeline}' in {_counted(count, 'task')}")


def _write(files: tuple[GeneratedFile, ...], request: _Request) -> None:
    from synaflow_export.files.write import write_files

    done = write_files(files, request.out, force=request.force)
    for what, paths in (
        ("created", done.created),
        ("updated", done.updated),
        ("removed", done.removed),
        ("unchanged", done.unchanged),
    ):
        for path in paths:
            show(f"{what:<10} {request.out / path}")
    for path in done.kept_edits:
        note(f"{request.out / path}: your edits of its policies were kept")


def _preview(files: tuple[GeneratedFile, ...], request: _Request) -> None:
    from synaflow_core.errors import ExportError
    from synaflow_export.files.reconcile import reconcile

    outcome = reconcile(files, request.out, force=request.force)
    if outcome.conflicts:
        raise ExportError(f"nothing would be written to {request.out}", outcome.conflicts)
    for placement in outcome.placements:
        if placement.old == placement.new:
            what = "unchanged"
        elif placement.new is None:
            what = "would remove"
        else:
            what = "would create" if placement.old is None else "would update"
        show(f"{what:<12} {request.out / placement.path}")


def _compare(files: tuple[GeneratedFile, ...], request: _Request) -> None:
    from synaflow_export.files.check import compare

    differences = compare(files, request.out)
    for difference in differences:
        if request.diff:
            write(difference.diff)
        else:
            show(f"{difference.kind:<8} {request.out / difference.path}")
    if differences:
        hint = "run the same command without --check and --diff to write them"
        note(f"{_counted(len(differences), 'file')} would change; {hint}")
        raise typer.Exit(_DIFFERS)
    if not request.diff:
        show(f"{_counted(len(files), 'file')} in {request.out} as they should be")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
