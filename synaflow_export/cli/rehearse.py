"""``synaflow-export rehearse``: a whole plan on this machine, one process per macro-task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

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
from synaflow_export.cli.run import json_of_outputs, show_outputs

if TYPE_CHECKING:
    from rich.table import Table

    from synaflow_export.loading.load import Loaded
    from synaflow_export.plan import Plan
    from synaflow_export.rehearse import Done, MacroTaskError, Steps

EXAMPLES = examples(
    ("as an export would run it", "synaflow-export rehearse pipe.py --param count=5"),
    ("four instances, two at a time", "synaflow-export rehearse pipe.py --shard clean=4 --jobs 2"),
    ("keep the datasets", "synaflow-export rehearse pipe.py --store ./datasets"),
)

_FAILED = 1

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        show_default=False,
        help="Where the datasets go, and stay; without it, a folder that is removed at the end.",
    ),
]
Jobs = Annotated[
    int,
    typer.Option("--jobs", metavar="N", min=1, help="Shards of a macro-task that run at a time."),
]
Retries = Annotated[
    int,
    typer.Option(
        "--retries",
        metavar="N",
        min=0,
        help="Further tries of a macro-task or shard whose failure may pass, or that was killed.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", show_default=False, help="Show no progress.")]
OutcomeFormat = Annotated[TableFormat, typer.Option("--format", help="How to print the outcome.")]


def rehearse(
    code: Code,
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
    store: Store = None,
    jobs: Jobs = 1,
    retries: Retries = 0,
    format: OutcomeFormat = TableFormat.TABLE,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Run the tasks of an export here, each in a fresh process, through a real store.

    Exits with 1 if a task fails.
    """
    from synaflow_export.children import Interrupted
    from synaflow_export.rehearse import MacroTaskError, rehearsal, results

    flags = planning_flags(granularity, allow_pickle, on_cycle, shard, rows_per_shard, max_shards)
    loaded, plan, values = prepared(code, pipeline, flags, env, param, params_file)
    done: list[Done] = []
    as_json = format is TableFormat.JSON
    began = perf_counter()
    with rehearsal(loaded, plan, values, store=store, jobs=jobs, retries=retries) as prepared_run:
        failure = None
        try:
            for each in prepared_run.run():
                done.append(each)
                if not quiet:
                    note(_line(each, len(done), len(plan.macro_tasks)))
        except MacroTaskError as problem:
            failure = problem
        except Interrupted as interrupt:
            for text in (*rolled_back(interrupt.undone), *getattr(interrupt, "__notes__", ())):
                note(text)
            raise
        passed = {name: ref for each in done for name, ref in each.returned.items()}
        assert loaded.pipeline is not None, "else there is no rehearsal"
        with loaded.importable():
            outputs = (
                {} if failure else results(loaded.pipeline, plan, passed, prepared_run.datasets)
            )
    seconds = perf_counter() - began
    steps = [step for each in done for step in each.steps] + (failure.steps if failure else [])
    if as_json:
        write(_json(plan, done, steps, outputs, seconds, failure))
    else:
        show(_tasks(plan, done), "", steps_table(steps))
        show_outputs(outputs)
    if failure is not None:
        for text in rolled_back(failure.undone):
            note(text)
        notes = "".join(f"\n{text}" for text in getattr(failure, "__notes__", ()))
        error(f"macro-task '{failure.macro_task}' failed: {failure}{notes}")
        raise typer.Exit(_FAILED)


def prepared(
    code: str,
    pipeline: str | None,
    flags: Mapping[str, Any],
    env: str | None,
    param: list[str] | None,
    params_file: Any,
) -> tuple[Loaded, Plan, dict[str, Any]]:
    """Load and plan a pipeline, and read the params of a run of it.

    Raises:
        SynaflowError: Something of that cannot be done.
    """
    from synaflow_export.cli.params import read_params
    from synaflow_export.cli.settings import chosen_layers, planned
    from synaflow_export.loading.load import load

    loaded = load(code, pipeline)
    for text in loaded.notes:
        note(text)
    plan, _ = planned(loaded, chosen_layers(loaded, None, flags, env))
    return loaded, plan, read_params(loaded.contract.params_schema, param or (), params_file)


def steps_table(steps: Iterable[Mapping[str, Any]]) -> Table:
    """What each step did, from reports as JSON values."""
    return tabulate(
        ["step", "status", "ok", "errors", "skipped", "seconds", "remark"],
        (
            (
                step["name"],
                step["status"],
                f"{step['ok']:,}",
                f"{step['errors']:,}",
                f"{step['skipped']:,}",
                f"{step['duration']:.2f}",
                step["reason"] or step["first_error"],
            )
            for step in steps
        ),
        right="ok errors skipped seconds",
    )


def rolled_back(undone: Sequence[str]) -> list[str]:
    """The line that says which steps were undone, if any were."""
    return [f"rolled back, newest first: {', '.join(undone)}"] if undone else []


def _line(done: Done, number: int, of: int) -> str:
    shards = f" in {done.shards} shards" if done.shards else ""
    again = done.tries - max(done.shards, 1)
    tries = f", {again} tried again" if again else ""
    return f"{number}/{of} {done.macro_task}{shards}: {done.seconds:.1f} s{tries}"


def _tasks(plan: Plan, done: list[Done]) -> Table:
    tasks = {task.name: task for task in plan.macro_tasks}
    rows: dict[str, str] = {}
    for each in done:
        for name, ref in each.returned.items():
            rows[name] = f"{name} {ref['count']:,}" if ref["uri"] is not None else f"{name} -"
    return tabulate(
        ["macro-task", "shards", "seconds", "reads", "writes"],
        (
            (
                each.macro_task,
                str(each.shards or ""),
                f"{each.seconds:.2f}",
                "\n".join(rows[entry.dataset] for entry in tasks[each.macro_task].inputs),
                "\n".join(rows[name] for name in each.returned),
            )
            for each in done
        ),
        right="shards seconds",
    )


def _json(
    plan: Plan,
    done: list[Done],
    steps: Steps,
    outputs: Mapping[str, Any],
    seconds: float,
    failure: MacroTaskError | None,
) -> str:
    import msgspec

    document: dict[str, Any] = {
        "pipeline": plan.pipeline,
        "granularity": plan.granularity,
        "seconds": round(seconds, 3),
        "macro_tasks": [
            {
                "name": each.macro_task,
                "shards": each.shards,
                "tries": each.tries,
                "seconds": round(each.seconds, 3),
                "datasets": each.returned,
            }
            for each in done
        ],
        "steps": {step["name"]: step for step in steps},
        "outputs": json_of_outputs(outputs),
    }
    if failure is not None:
        document["error"] = str(failure)
        document["rolled_back"] = failure.undone
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
