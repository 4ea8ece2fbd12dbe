"""What a target refuses, in words that are the same for all targets.

Nothing that a pipeline or an option asks for is dropped silently: what an orchestrator cannot
honour, or what could not run on its workers, is a problem with a next step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from synaflow_core.errors import ExportError, Problem
from synaflow_export.options.model import TargetOptions, nearest_of
from synaflow_export.params.form import required_params

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_export.plan.model import Plan
    from synaflow_export.target import Sources, Target


def unsupported(target: Target[Any], contract: Contract) -> Iterator[Problem]:
    """Yield what the contract asks for and the target's flags rule out."""
    if contract.engine == "async" and not target.runs_async_pipelines:
        yield Problem(
            where=contract.name,
            subject=f"target '{target.name}'",
            code="async-not-supported",
            message="coroutine functions cannot run on this target",
            hint="make the steps plain functions (a step may call asyncio.run itself)",
        )
    for name, step in contract.steps.items():
        if step.shards not in (None, 1) and not target.maps_shards:
            yield Problem(
                where=step.where or contract.name,
                subject=f"step '{name}'",
                code="shards-not-supported",
                message=f"shards={step.shards} cannot be honoured by target '{target.name}'",
                hint="remove shards=; the result is the same, computed by one task",
            )
        if step.rollback and not target.runs_rollbacks:
            yield Problem(
                where=step.where or contract.name,
                subject=f"step '{name}'",
                code="rollback-not-supported",
                message=f"rollback= cannot be honoured by target '{target.name}'",
                hint="remove rollback= or undo the work in a task of your own",
            )


def refuse_shards(target: Target[Any], plan: Plan) -> None:
    """Refuse a plan with shards, whoever asked for them, for a target that cannot map tasks.

    Raises:
        ExportError: Naming every macro-task that is sharded.
    """
    if target.maps_shards:
        return
    problems = [
        Problem(
            where="options",
            subject=f"macro-task '{task.name}'",
            code="shards-not-supported",
            message=f"its shards cannot be honoured by target '{target.name}'",
            hint="leave out the shards; the result is the same, computed by one task",
        )
        for task in plan.macro_tasks
        if task.shards is not None
    ]
    if problems:
        raise ExportError(f"pipeline {plan.pipeline!r} cannot be exported as asked", problems)


def unusable(
    contract: Contract, plan: Plan, sources: Sources, module: str | None
) -> Iterator[Problem]:
    """Yield why the pipeline could not run on any worker.

    Args:
        contract: The pipeline's contract.
        plan: Its plan.
        sources: Where it comes from.
        module: Name of the module that will be generated.
    """
    if contract.source is None:
        yield Problem(
            where=contract.name,
            subject="source",
            code="no-source",
            message="the contract does not say which module the pipeline is in, so no worker "
            "could import it",
            hint="export from the code (pipe.py), or make the contract with "
            "synaflow-export contract pipe.py",
        )
    elif not sources.files and contract.source.module.split(".")[0] == module:
        yield Problem(
            where=contract.name,
            subject=f"module '{contract.source.module}'",
            code="shadowed-module",
            message=f"the generated file {module}.py would hide it from the workers",
            hint="give the export another id with --id, or rename the module",
        )
    if not plan.allow_pickle:
        yield from unstorable_rollbacks(contract)
    if not plan.macro_tasks:
        yield Problem(
            where=contract.name,
            subject=f"pipeline '{contract.name}'",
            code="no-steps",
            message="there is nothing to run: the pipeline has no steps",
            hint="add a step",
        )


def unstorable_rollbacks(contract: Contract) -> Iterator[Problem]:
    """Yield rollbacks that ask for what only a pickle can hold; another process may call them."""
    for name, step in contract.steps.items():
        for dep in step.rollback_deps:
            producer = contract.steps.get(dep)
            if (dep == name or dep in step.deps) and producer and producer.codec is None:
                yield Problem(
                    where=step.where or contract.name,
                    subject=f"step '{name}', rollback",
                    code="rollback-not-storable",
                    message=f"it asks for the output of step '{dep}', {producer.output}, which "
                    "cannot be stored",
                    hint="let it ask for plain data, such as the keys of what it undoes; or allow "
                    "pickle: --allow-pickle",
                )


def unbound_window(target: Target[Any], plan: Plan) -> Iterator[Problem]:
    """Yield that runs of this target have no window to bind params to."""
    yield Problem(
        where=plan.pipeline,
        subject=f"target '{target.name}'",
        code="window-not-supported",
        message="its runs cover no interval of time, so no param can take its bounds",
        hint="leave --window and --bind out, and give the params with each run",
    )


def unscheduled_params(pipeline: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the params that a run which nobody starts by hand would lack."""
    for name in required_params(schema):
        yield Problem(
            where=pipeline,
            subject=f"param '{name}'",
            code="required-param-with-schedule",
            message="it has no default, and nobody is there to give a scheduled run its value",
            hint="give the field of the params class a default, or export without --schedule",
        )


def misplaced_options(plan: Plan, options: TargetOptions) -> Iterator[Problem]:
    """Yield options of macro-tasks that the plan does not have."""
    known = {task.name for task in plan.macro_tasks}
    for name in options.tasks:
        if name not in known:
            yield Problem(
                where="options",
                subject=f"macro-task '{name}'",
                code="unknown-macro-task",
                message="options were given for it, and the plan has no macro-task of this name",
                hint=nearest_of(name, known),
            )
