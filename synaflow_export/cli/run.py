"""``synaflow-export run``: runs a pipeline in this process, and says what each step did."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from traceback import print_exception
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synaflow_core.errors import ParamsError, RunError, WrongEngineError
from synaflow_export.cli.options import (
    Code,
    Param,
    ParamsFile,
    PipelineName,
    TableFormat,
    Traceback,
    examples,
)
from synaflow_export.cli.output import error, note, show, tabulate, write
from synaflow_export.loading.blame import describe, user_line

if TYPE_CHECKING:
    from rich.table import Table

    from synaflow_core import Monitor, Pipeline, RunResult, StepReport
    from synaflow_export.loading.load import Loaded

EXAMPLES = examples(
    ("a number, a text, a list", "synaflow-export run pipe.py --param count=5 --param city=Rome"),
    ("lists and objects are JSON", 'synaflow-export run pipe.py --param \'tags=["a", "b"]\''),
    ("params from a file, one of them changed", "synaflow-export run pipe.py --params-file p.json"),
    ("for another program", "synaflow-export run pipe.py --format json | jq .outputs"),
)

_FAILED = 1


def run(
    code: Code,
    param: Param = None,
    params_file: ParamsFile = None,
    pipeline: PipelineName = None,
    format: Annotated[
        TableFormat,
        typer.Option(
            "--format", help="How to print the outcome; with json, what steps print goes to stderr."
        ),
    ] = TableFormat.TABLE,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", show_default=False, help="Show no progress.")
    ] = False,
    traceback: Traceback = False,
) -> None:
    """Run a pipeline in this process. Exits with 1 if a step stopped it."""
    from synaflow_core import Monitor
    from synaflow_export.cli.params import read_params
    from synaflow_export.loading.load import LoadError, load

    loaded = load(code, pipeline)
    if loaded.pipeline is None:
        raise LoadError.one(
            code,
            code,
            "no-code",
            "a contract holds no code that could be run",
            "give the Python file or module that the contract was made from",
        )
    for text in loaded.notes:
        note(text)
    values = read_params(loaded.contract.params_schema, param or (), params_file)
    monitor = Monitor()
    as_json = format is TableFormat.JSON
    try:
        result = _run(loaded.pipeline, loaded, values, monitor, quiet=quiet, as_json=as_json)
    except (ParamsError, WrongEngineError):
        raise  # nothing was run
    except (Exception, SystemExit) as failure:  # also sys.exit(0): the run has not succeeded
        place = user_line(getattr(failure, "cause", None) or failure)
        if not isinstance(failure, RunError | SystemExit) and not place:
            raise  # neither the engine nor the user's code meant to raise it
        if traceback:
            print_exception(failure)
        message = str(failure) if isinstance(failure, RunError) else describe(failure)
        if isinstance(failure, SystemExit):
            message = f"a step ended the process: {message}"
        _show_steps(monitor, message, as_json=as_json)
        _tell_failure(message, place, code, as_json=as_json)
        raise typer.Exit(_FAILED) from failure
    except KeyboardInterrupt:
        left = _left(monitor, loaded.pipeline)
        if left or any(report.rollback for report in monitor.snapshot()):
            _show_steps(monitor, "interrupted", as_json=as_json)
        if left:  # it was interrupted once more, while it was rolling back
            note(f"not rolled back, or not to the end: {', '.join(left)}")
        raise
    if as_json:
        write(_json(result.run_id, result.steps.values(), result.outputs))
    else:
        _show(result)


def _run(
    pipeline: Pipeline,
    loaded: Loaded,
    values: dict[str, Any],
    monitor: Monitor,
    *,
    quiet: bool,
    as_json: bool,
) -> RunResult:
    from synaflow_core import async_run
    from synaflow_core import run as run_in_process
    from synaflow_export.cli.phase_log import phase_log
    from synaflow_export.cli.progress import progress
    from synaflow_export.loading.importing import stdout_to_stderr

    with (
        loaded.importable(),
        stdout_to_stderr() if as_json else contextlib.nullcontext(),
        progress(monitor, quiet=quiet),
        contextlib.nullcontext() if quiet else phase_log(),
    ):
        if pipeline.dag.is_async:
            import asyncio

            return asyncio.run(async_run(pipeline, values, monitor=monitor))
        return run_in_process(pipeline, values, monitor=monitor)


def _left(monitor: Monitor, pipeline: Pipeline) -> list[str]:
    """Steps of a run that did not succeed whose work is there, and that could undo it; in order."""
    steps = pipeline.dag.steps
    return [
        report.name
        for report in monitor.snapshot()
        if report.ok and not report.rollback and steps[report.name].rollback is not None
    ]


def _run_id(monitor: Monitor) -> str:
    """The id of a run that has no result; empty if it has not begun."""
    state = monitor._state
    return state.run_id if state is not None else ""


def _show_steps(monitor: Monitor, message: str, *, as_json: bool) -> None:
    """What the steps of a run that has no result have done."""
    if as_json:
        write(_json(_run_id(monitor), monitor.snapshot(), error=message))
    else:
        show(_steps(monitor.snapshot()))


def _tell_failure(message: str, place: str, code: str, *, as_json: bool) -> None:
    table = "'steps' in the output has" if as_json else "the table above has"
    hint = f"raised at {place}" if place else f"{table} each step's first error"
    error(f"the run of {code} failed: {message}\n    -> {hint}; --traceback shows all of it")


def show_outputs(outputs: Mapping[str, Any]) -> None:
    """Show results, long ones in part."""
    from rich.pretty import pretty_repr

    if outputs:
        show("")
    for name, value in outputs.items():
        shown = pretty_repr(value, max_width=100, max_length=20, max_string=2_000)
        show(f"{name} = {shown}")


def _show(result: RunResult) -> None:
    show(_steps(result.steps.values()))
    show_outputs(result.outputs)
    for report in result.steps.values():
        if report.status == "failed":
            note(f"step '{report.name}' failed, and the run went on (on_error=continue)")


def _steps(reports: Iterable[StepReport]) -> Table:
    return tabulate(
        ["step", "status", "ok", "errors", "skipped", "seconds", "remark"],
        (
            (
                report.name,
                report.status,
                f"{report.ok:,}",
                f"{report.errors:,}",
                f"{report.skipped:,}",
                f"{report.duration:.2f}",
                "; ".join(filter(None, (report.reason or report.first_error, report.rollback))),
            )
            for report in reports
        ),
        right="ok errors skipped seconds",
    )


def _json(
    run_id: str,
    steps: Iterable[StepReport],
    outputs: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> str:
    """The outcome for another program; ``error`` is there only if the run failed."""
    import msgspec

    document: dict[str, Any] = {
        "run_id": run_id,
        "steps": {step.name: msgspec.to_builtins(step) for step in steps},
        "outputs": json_of_outputs(outputs or {}),
    }
    if error is not None:
        document["error"] = error
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def json_of_outputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values of results."""
    return {name: _builtins(value) for name, value in outputs.items()}


def _builtins(value: Any) -> Any:
    """JSON values of an output; what has none is shown as its ``repr``."""
    import msgspec

    try:
        return msgspec.Raw(msgspec.json.encode(value, enc_hook=repr))
    except (TypeError, ValueError, RecursionError):
        return repr(value)
