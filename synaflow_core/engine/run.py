"""Entry points: ``run`` and ``async_run``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from synaflow_core.dag import Dag, OutputKind
from synaflow_core.engine.act import perform, perform_async
from synaflow_core.engine.drive import execute
from synaflow_core.engine.journal import Journal, journal_of
from synaflow_core.engine.ledger import Tally
from synaflow_core.engine.lower import lower
from synaflow_core.engine.program import Program
from synaflow_core.engine.result import Monitor, RunResult, explain_idle, reports
from synaflow_core.engine.state import RunState
from synaflow_core.engine.sync import SyncSeam
from synaflow_core.errors import ParamsError, Problem, WrongEngineError

if TYPE_CHECKING:
    from synaflow_core.engine.deadletters import DeadLetters
    from synaflow_core.engine.overrides import ExecutionOverrides


class HasDag(Protocol):
    """A compiled pipeline."""

    @property
    def dag(self) -> Dag:
        """Its Dag."""


_programs: WeakKeyDictionary[Dag, Program] = WeakKeyDictionary()


def run(
    pipeline: HasDag | Dag,
    params: Any = None,
    *,
    workers: int = 1,
    overrides: ExecutionOverrides | None = None,
    replay: DeadLetters | None = None,
    strict_lockstep: bool = False,
    monitor: Monitor | None = None,
) -> RunResult:
    """Run a synchronous pipeline in this process, on this thread.

    Args:
        pipeline: What :func:`synaflow_core.pipeline` returned, or its ``dag``.
        params: An instance of the params class; a mapping of JSON values, which is validated; or
            None when every field has a default.
        workers: Steps that are called once with finished values may run in so many threads at a
            time where they do not depend on each other. With 1 no thread is started.
        overrides: Other handlers and resources for this run.
        replay: Call one step again with the items that it failed for, and run what follows on
            the results; see :func:`~synaflow_core.dead_letters`.
        strict_lockstep: Fail instead of buffering when consumers of one stream get out of step.
        monitor: Receives live counts.

    Raises:
        ParamsError: The params do not fit; names every bad field.
        PipelineStopException: A step failed under ``OnError.STOP``.
        ThresholdExceededException: Too many items of an EACH step failed.
        WrongEngineError: The pipeline is asynchronous.
        OverridesError: The overrides do not fit; tells every unknown key.
        ReplayError: The dead letters cannot be replayed.
    """
    dag = _dag_of(pipeline)
    if dag.is_async:
        raise WrongEngineError(f"pipeline '{dag.name}' has async steps: use 'await async_run(...)'")
    state, program = _begin(dag, params, workers, overrides, replay, strict_lockstep)
    run_program(state, program, monitor, workers)
    return _result(state)


async def async_run(
    pipeline: HasDag | Dag,
    params: Any = None,
    *,
    workers: int = 1,
    overrides: ExecutionOverrides | None = None,
    replay: DeadLetters | None = None,
    strict_lockstep: bool = False,
    monitor: Monitor | None = None,
) -> RunResult:
    """Run an asynchronous pipeline on the running event loop; the twin of :func:`run`.

    Cancelling it closes every stream and leaves no task behind. Arguments, result and errors are
    those of :func:`run`; ``workers`` are tasks.

    Raises:
        WrongEngineError: The pipeline is synchronous.
    """
    dag = _dag_of(pipeline)
    if not dag.is_async and dag.steps:
        raise WrongEngineError(f"pipeline '{dag.name}' has no async steps: use 'run(...)'")
    state, program = _begin(dag, params, workers, overrides, replay, strict_lockstep)
    await run_program_async(state, program, monitor, workers)
    return _result(state)


def _dag_of(pipeline: HasDag | Dag) -> Dag:
    dag = pipeline if isinstance(pipeline, Dag) else getattr(pipeline, "dag", None)
    if not isinstance(dag, Dag):
        raise TypeError(
            f"expected what pipeline(...) returned, or its dag, got {type(pipeline).__name__} "
            f"{pipeline!r:.80}"
        )
    return dag


def _program(dag: Dag) -> Program:
    program = _programs.get(dag)
    if program is None:
        program = _programs[dag] = lower(dag, dag.steps, keep=exported_streams(dag))
    return program


def _begin(
    dag: Dag,
    params: Any,
    workers: int,
    overrides: ExecutionOverrides | None,
    replay: DeadLetters | None,
    strict_lockstep: bool,
) -> tuple[RunState, Program]:
    # What is declared as a number may still be anything.
    given: object = workers
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ValueError(f"workers: expected a whole number of at least 1, got {workers!r}")
    program = None if replay is not None else _program(dag)  # overrides never change it
    if overrides is not None:
        from synaflow_core.engine.overrides import overridden  # few runs have any

        dag = overridden(dag, overrides)
    state = new_state(
        dag,
        params,
        wanted=terminal_steps(dag),
        kept=exported_streams(dag),
        only=tuple(dag.steps),
        strict_lockstep=strict_lockstep,
    )
    if program is None:
        assert replay is not None, "else there is a program"
        from synaflow_core.engine.replay import replayed

        return state, replayed(state, replay)
    return state, program


def _result(state: RunState) -> RunResult:
    outputs = {
        name: state.results[name, ""]
        for name, node in state.dag.steps.items()
        if (name, "") in state.results
        and name in state.wanted
        and node.output_kind is not OutputKind.NONE
    }
    return RunResult(outputs, {r.name: r for r in reports(state)}, state.run_id)


def run_program(
    state: RunState, program: Program, monitor: Monitor | None = None, workers: int = 1
) -> None:
    """Execute a lowered program on the caller's thread."""
    if monitor is not None:
        monitor.attach(state)
    try:
        perform(execute(state, program, SyncSeam(), workers))
    finally:
        explain_idle(state)


async def run_program_async(
    state: RunState, program: Program, monitor: Monitor | None = None, workers: int = 1
) -> None:
    """Execute a lowered program on the running event loop."""
    from synaflow_core.engine.aio import AsyncSeam  # asyncio is only paid for when used

    if monitor is not None:
        monitor.attach(state)
    seam = AsyncSeam()
    try:
        await perform_async(execute(state, program, seam, workers))
    finally:
        await seam.finish()
        explain_idle(state)


def new_state(
    dag: Dag,
    params: Any,
    *,
    wanted: frozenset[str],
    only: tuple[str, ...],
    kept: frozenset[str] = frozenset(),
    inputs: Mapping[str, Any] | None = None,
    taps: Mapping[str, Callable[..., Any]] | None = None,
    takers: Mapping[str, Callable[[Any], None]] | None = None,
    placed: frozenset[str] = frozenset(),
    strict_lockstep: bool = False,
    partial: bool = False,
    journal: Journal | None = None,
) -> RunState:
    """A run that has not begun; ``wanted`` are the steps whose results are kept to the end.

    ``journal`` is one that remembers beyond this process, where the default does not do.
    """
    return RunState(
        dag=dag,
        params=params_of(dag, params),
        wanted=wanted,
        kept=kept,
        inputs=inputs or {},
        taps=taps or {},
        takers=takers or {},
        placed=placed,
        strict_lockstep=strict_lockstep,
        partial=partial,
        tallies={name: Tally(dag.steps[name]) for name in only},
        journal=journal or journal_of(dag.steps[name] for name in only),
    )


def params_of(dag: Dag, params: Any) -> dict[str, Any]:
    """Field -> value of the params, whatever form they were given in."""
    kind = dag.params_type
    if kind is None:
        if params:
            raise _params_problem(
                dag,
                f"takes no params, got {params!r:.100}",
                "leave them out, or declare a params class: pipeline(name, Params, ...)",
            )
        return {}
    if params is None:
        with suppress(TypeError):  # a required field: told below, with all others
            params = kind()
    if params is None or isinstance(params, Mapping):
        from synaflow_core.contract import params_from_json  # msgspec is only paid for when used

        params = params_from_json(kind, params or {})
    if not isinstance(params, kind):
        raise _params_problem(
            dag,
            f"expects {kind.__name__}, got {type(params).__name__}",
            f"pass {kind.__name__}(...), or a dict of its fields",
        )
    return {name: getattr(params, name) for name in dag.params}


def _params_problem(dag: Dag, message: str, hint: str) -> ParamsError:
    problem = Problem(f"pipeline '{dag.name}'", "params", "params-type", message, hint)
    return ParamsError(f"pipeline '{dag.name}' was not run", [problem])


def terminal_steps(dag: Dag) -> frozenset[str]:
    """Steps whose output is a result of the run."""
    return frozenset(
        name for name, node in dag.steps.items() if node.exported or not dag.consumers_of(name)
    )


def exported_streams(dag: Dag) -> frozenset[str]:
    """Streams that are collected because the pipeline exports them."""
    return frozenset(name for name, node in dag.steps.items() if node.exported and node.lazy)
