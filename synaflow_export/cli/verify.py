"""``synaflow-export verify``: one process and the plan's macro-tasks, held against each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

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
from synaflow_export.cli.rehearse import Jobs, OutcomeFormat, Quiet, Store, prepared

if TYPE_CHECKING:
    from rich.table import Table

    from synaflow_export.plan import Plan
    from synaflow_export.rehearse import Done, Rehearsal
    from synaflow_export.verify import Comparison

EXAMPLES = examples(
    ("does an export give what `run` gives?", "synaflow-export verify pipe.py --param count=5"),
    ("and in shards?", "synaflow-export verify pipe.py --shard clean=4 --jobs 2"),
    ("and one task per step?", "synaflow-export verify pipe.py --granularity step"),
)

_DIFFERS = 1


def verify(
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
    format: OutcomeFormat = TableFormat.TABLE,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Run a pipeline in one process and as the tasks of an export, and compare all they made.

    Both runs are real: what steps do to the world outside happens twice. Exits with 1 if a
    dataset or a count differs, or a run fails.
    """
    from synaflow_export.rehearse import rehearsal
    from synaflow_export.verify import compare_datasets, compare_steps

    flags = planning_flags(granularity, allow_pickle, on_cycle, shard, rows_per_shard, max_shards)
    loaded, plan, values = prepared(code, pipeline, flags, env, param, params_file)
    with (
        rehearsal(loaded, plan, values, store=store, run_key="verify-run") as one,
        rehearsal(
            loaded, plan, values, store=store or one.store, run_key="verify-rehearsal", jobs=jobs
        ) as many,
    ):
        whole, done = _both(one, many, quiet=quiet)
        passed = {name: ref for each in done for name, ref in each.returned.items()}
        assert loaded.pipeline is not None, "else there is no rehearsal"
        with loaded.importable():
            found = [
                *compare_datasets(loaded.pipeline, plan, whole.returned, passed, many.store),
                *compare_steps(whole.steps, (step for each in done for step in each.steps)),
            ]
    different = [each for each in found if each.difference is not None]
    if format is TableFormat.JSON:
        write(_json(plan, found))
    else:
        show(_datasets(found))
        if different:
            show("", _differences(different))
    if different:
        names = ", ".join(dict.fromkeys(f"'{each.name}'" for each in different))
        hint = "a step that depends on time, chance or the order of a set differs in any two runs"
        error(f"the macro-tasks do not give what one process gives: {names}\n    -> {hint}")
        raise typer.Exit(_DIFFERS)
    if format is TableFormat.TABLE:
        datasets = sum(each.what != "counts" for each in found)
        show("", f"{datasets} datasets and the counts of {len(whole.steps)} steps are equal")


def _both(one: Rehearsal, many: Rehearsal, *, quiet: bool) -> tuple[Done, list[Done]]:
    """The run in one process and the macro-tasks'; exits when they fail."""
    from synaflow_export.rehearse import MacroTaskError

    failures: list[str] = []
    whole, done = None, []
    if not quiet:
        note("in one process ...")
    try:
        whole = one.whole()
    except MacroTaskError as problem:
        failures.append(str(problem))
    if not quiet:
        note(f"in {len(many.plan.macro_tasks)} macro-tasks ...")
    try:
        done = list(many.run())
    except MacroTaskError as problem:
        failures.append(str(problem))
    if whole is not None and not failures:
        return whole, done
    if len(set(failures)) == 1 and len(failures) == 2:
        error(f"both runs fail in the same way, so there is nothing to compare: {failures[0]}")
    elif len(failures) == 2:
        error(f"one process fails: {failures[0]}\nthe macro-tasks fail: {failures[1]}")
    else:
        which = "one process" if whole is None else "the macro-tasks"
        other = "the macro-tasks do not" if whole is None else "one process does not"
        error(f"{which} failed, {other}: {failures[0]}")
    raise typer.Exit(_DIFFERS)


def _datasets(found: Iterable[Comparison]) -> Table:
    return tabulate(
        ["dataset", "is a", "elements", "equal"],
        (
            (
                each.name,
                each.what,
                "not produced" if each.elements is None else f"{each.elements:,}",
                "yes" if each.difference is None else "NO",
            )
            for each in found
            if each.what != "counts"
        ),
        right="elements",
    )


def _differences(found: Iterable[Comparison]) -> Table:
    return tabulate(
        ["differs", "in", "one process", "macro-tasks"],
        (
            (each.name, each.difference.place, each.difference.run, each.difference.rehearsed)
            for each in found
            if each.difference is not None
        ),
    )


def _json(plan: Plan, found: list[Comparison]) -> str:
    import msgspec

    document = {
        "pipeline": plan.pipeline,
        "equal": all(each.difference is None for each in found),
        "datasets": [each for each in found if each.what != "counts"],
        "steps": [each for each in found if each.what == "counts"],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
