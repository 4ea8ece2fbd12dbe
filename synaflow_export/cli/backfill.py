"""``synaflow-export backfill``: a pipeline for a span of past windows, here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from synaflow_export.cli.options import (
    AllowPickle,
    Code,
    Environment,
    GranularityOption,
    MaxShards,
    OnCycleOption,
    Param,
    ParamsFile,
    PipelineName,
    RowsPerShard,
    Shard,
    TableFormat,
    Traceback,
    examples,
    planning_flags,
)
from synaflow_export.cli.output import error, note, show, tabulate, write
from synaflow_export.cli.rehearse import Jobs, OutcomeFormat, Quiet, Retries, rolled_back

if TYPE_CHECKING:
    from rich.table import Table

    from synaflow_export.backfill import WindowRun
    from synaflow_export.loading.load import Loaded
    from synaflow_export.options.common import CommonOptions
    from synaflow_export.options.model import TargetOptions
    from synaflow_export.plan import Plan
    from synaflow_export.target import Target
    from synaflow_export.windows.calendar import Window

_SPAN = "synaflow-export backfill pipe.py --from 2026-06-01 --to 2026-06-08"
EXAMPLES = examples(
    ("a week, day by day", f"{_SPAN} --window day --bind day=start --store ./datasets"),
    ("with the window from synaflow.toml", f"{_SPAN} --store s3://bucket/synaflow"),
    ("only say which windows, and the command of each orchestrator", f"{_SPAN} --dry-run"),
)

_FAILED = 1


def backfill(
    code: Code,
    first: Annotated[
        str, typer.Option("--from", metavar="WHEN", help="Windows that begin at or after this.")
    ],
    last: Annotated[
        str, typer.Option("--to", metavar="WHEN", help="Windows that end at or before this.")
    ],
    window: Annotated[
        str | None,
        typer.Option(
            "--window", metavar="UNIT", show_default=False, help="hour, day, week, month."
        ),
    ] = None,
    bind: Annotated[
        list[str] | None,
        typer.Option(
            "--bind", metavar="PARAM=BOUND", show_default=False, help="BOUND is start or end."
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule", metavar="CRON", show_default=False, help="When windows begin, if odd."
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", show_default="UTC", help="Zone of the windows."),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="NAME",
            show_default="the pipeline's name",
            help="What the pipeline is called on orchestrators.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="URL", show_default=False, help="Where the datasets go."),
    ] = None,
    param: Param = None,
    params_file: ParamsFile = None,
    pipeline: PipelineName = None,
    env: Environment = None,
    granularity: GranularityOption = None,
    allow_pickle: AllowPickle = None,
    on_cycle: OnCycleOption = None,
    shard: Shard = None,
    rows_per_shard: RowsPerShard = None,
    max_shards: MaxShards = None,
    jobs: Jobs = 1,
    retries: Retries = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", show_default=False, help="Only list the windows.")
    ] = False,
    format: OutcomeFormat = TableFormat.TABLE,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Run a pipeline for every window of a span, oldest first, and keep the datasets.

    A window that is run again replaces its own datasets and no others. Exits with 1 if one fails.
    """
    from synaflow_export.backfill import backfill as run_windows
    from synaflow_export.backfill import native_commands
    from synaflow_export.cli.params import read_params

    flags = planning_flags(granularity, allow_pickle, on_cycle, shard, rows_per_shard, max_shards)
    flags |= {"window": window, "bind": tuple(bind) if bind else None, "store": store}
    flags |= {"schedule": schedule, "timezone": timezone, "id": id}
    loaded, plan, here, elsewhere = _planned(code, pipeline, flags, env, needs_store=not dry_run)
    windows = _windows(plan, first, last)
    values = read_params(loaded.contract.params_schema, param or (), params_file)
    done: list[WindowRun] = []
    interrupted = None
    if not dry_run:
        runs = run_windows(
            loaded,
            plan,
            windows,
            values,
            store=here.store or "",
            called=here.id,
            jobs=jobs,
            retries=retries,
        )
        try:
            for each in runs:
                done.append(each)
                for text in ([] if quiet else [_line(each, len(done), len(windows))]) + _undone(
                    each
                ):
                    note(text)
        except KeyboardInterrupt as interrupt:  # those that are done stay, and are told
            interrupted = interrupt
    commands, refused = native_commands(plan, loaded.contract, windows, elsewhere)
    for why in refused:  # as that export would be
        note(str(why))
    if format is TableFormat.JSON:
        write(_json(plan, windows, done, commands))
    else:
        show(_table(windows, done))
        for target, lines in commands.items():
            show("", f"the same on {target}:", *(f"  {line}" for line in lines))
    if interrupted is not None:
        raise interrupted
    failed = [each for each in done if each.error]
    if failed:
        error(f"{len(failed)} of {len(done)} windows failed; the same command runs them again")
        raise typer.Exit(_FAILED)


def _planned(
    code: str, pipeline: str | None, flags: dict[str, Any], env: str | None, *, needs_store: bool
) -> tuple[Loaded, Plan, CommonOptions, list[tuple[Target[Any], TargetOptions]]]:
    """Also the options here, and the targets that run windows with what was exported to them."""
    from synaflow_core.errors import ExportError, Problem
    from synaflow_export.backfill import ThisMachine
    from synaflow_export.cli.settings import (
        all_option_types,
        chosen_layers,
        chosen_options,
        options_elsewhere,
        planned,
    )
    from synaflow_export.loading.load import load
    from synaflow_export.target import get_target

    loaded = load(code, pipeline)
    for text in loaded.notes:
        note(text)
    machine = ThisMachine()
    layers = chosen_layers(loaded, machine, flags, env)
    plan, tasks = planned(loaded, layers, machine)
    here = cast("CommonOptions", chosen_options(machine, layers, tasks))
    problems = []
    if plan.window is None:
        hint = "say which, for example --window day --bind since=start --bind until=end"
        message = "a backfill runs windows, and none is chosen"
        problems.append(Problem("options", "option 'window'", "no-window", message, hint))
    if needs_store and here.store is None:
        hint = "give --store, for example ./datasets or s3://bucket/synaflow"
        message = "a backfill keeps its datasets, and no store is chosen"
        problems.append(Problem("options", "option 'store'", "no-store", message, hint))
    if problems:
        raise ExportError(f"'{loaded.contract.name}' cannot be backfilled as asked", problems)
    targets = [get_target(name) for name in all_option_types()]
    elsewhere = [(it, options_elsewhere(it, layers, flags)) for it in targets if it.binds_windows]
    return loaded, plan, here, elsewhere


def _windows(plan: Plan, first: str, last: str) -> list[Window]:
    from synaflow_core.errors import ExportError, Problem

    assert plan.window is not None, "checked before"
    moments, problems = [], []
    for option, text in (("--from", first), ("--to", last)):
        try:
            moments.append(datetime.fromisoformat(text))
        except ValueError:
            message, hint = (
                f"{text!r} is no date or time",
                "write it as 2026-06-01 or 2026-06-01T12:00",
            )
            problems.append(Problem("options", f"option '{option}'", "bad-time", message, hint))
    windows = [] if problems else list(plan.window.calendar.windows(moments[0], moments[1]))
    if not problems and not windows:
        message = f"between {first} and {last} lies no whole {plan.window.unit}"
        hint = "--from is the begin of the first window, --to the end of the last"
        problems.append(Problem("options", "option '--to'", "no-windows", message, hint))
    if problems:
        raise ExportError("this span of time cannot be backfilled", problems)
    return windows


def _line(run: WindowRun, number: int, of: int) -> str:
    what = f"failed: {run.error}" if run.error else "done"
    return f"{number}/{of} {run.window.start.isoformat()}: {what} in {run.seconds:.1f} s"


def _undone(run: WindowRun) -> list[str]:
    return [*rolled_back(run.undone), *run.notes]


def _table(windows: list[Window], done: list[WindowRun]) -> Table:
    by_start = {run.window.start: run for run in done}

    def row(window: Window) -> tuple[str, ...]:
        run = by_start.get(window.start)
        bounds = window.start.isoformat(), window.end.isoformat()
        if run is None:
            return (*bounds, "", "", "")
        written = (f"{n} {r.get('count', 0):,}" for d in run.done for n, r in d.returned.items())
        what = "\n".join([run.error, *_undone(run)] if run.error else written)
        return (*bounds, "failed" if run.error else "ok", f"{run.seconds:.1f}", what)

    heads = ["from", "to", "status", "seconds", "datasets"]
    return tabulate(heads, map(row, windows), right="seconds")


def _json(
    plan: Plan, windows: list[Window], done: list[WindowRun], commands: dict[str, list[str]]
) -> str:
    import msgspec

    by_start = {run.window.start: run for run in done}
    document = {
        "pipeline": plan.pipeline,
        "windows": [
            {
                "start": window.start.isoformat(),
                "end": window.end.isoformat(),
                **(
                    {
                        "run_key": run.key,
                        "seconds": round(run.seconds, 3),
                        "error": run.error or None,
                        "rolled_back": run.undone,
                        "notes": run.notes,
                        "datasets": {n: r for d in run.done for n, r in d.returned.items()},
                    }
                    if (run := by_start.get(window.start)) is not None
                    else {}
                ),
            }
            for window in windows
        ],
        "commands": commands,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
