"""What holds for tasks: retries, timeouts, tags, and what runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synaflow_core.contract import Contract
from synaflow_export.options.duration import seconds
from synaflow_export.plan.model import MacroTask
from synaflow_export.targets.prefect.options import PrefectOptions
from synaflow_export.text.pylayout import Group, Node, call, value
from synaflow_export.text.pyname import PyLiteral

_RUNNERS = {
    "threads": ("prefect.task_runners", "ThreadPoolTaskRunner"),
    "processes": ("prefect.task_runners", "ProcessPoolTaskRunner"),
    "dask": ("prefect_dask", "DaskTaskRunner"),
    "ray": ("prefect_ray", "RayTaskRunner"),
}


def runner_import(options: PrefectOptions) -> tuple[str, str]:
    """Module and class of the task runner."""
    return _RUNNERS[options.task_runner]


def task_runner(options: PrefectOptions) -> Group:
    """The expression that makes the task runner."""
    named: dict[str, Node | str] = {}
    if (limit := options.concurrency) is not None:
        if options.task_runner == "dask":
            named["cluster_kwargs"] = value({"n_workers": limit, "threads_per_worker": 1})
        elif options.task_runner == "ray":
            named["init_kwargs"] = value({"num_cpus": limit})
        else:
            named["max_workers"] = value(limit)
    return call(runner_import(options)[1], named=named)


def policies(options: PrefectOptions) -> Group:
    """What holds for all tasks, as arguments of ``@task``."""
    found: dict[str, Node] = {**_timing(options)}
    found["retry_condition_fn"] = PyLiteral("may_pass")
    found["cache_key_fn"] = PyLiteral("once_per_run")
    rows = tuple((f"{PyLiteral.of(name)}: ", node) for name, node in found.items())
    return Group("{", "}", rows, tall=True)


def own_policies(macro_task: str, options: PrefectOptions) -> Mapping[str, Node]:
    """What differs for one macro-task."""
    general = _timing(options)
    own = _timing(options.for_task(macro_task))
    return {name: node for name, node in own.items() if general.get(name) != node}


def task_tags(task: MacroTask, contract: Contract, options: PrefectOptions) -> list[str]:
    """Tags of one task: the resources that its steps use, its pool, an owner of its own."""
    used = {
        producer
        for name in task.steps
        for producer, delivery in contract.steps[name].delivery.items()
        if delivery == "resource"
    }
    own = options.for_task(task.name)
    tags = [f"resource:{name}" for name in sorted(used)]
    if own.pool is not None:
        tags.append(f"resource:{own.pool}")
    if own.owner != options.owner:
        tags.append(f"owner:{own.owner}")
    return list(dict.fromkeys(tags))


def has_rollback(task: MacroTask, contract: Contract) -> bool:
    """Whether a macro-task does something that can be undone."""
    return any(contract.steps[name].rollback for name in task.steps)


def _timing(options: PrefectOptions) -> dict[str, Node]:
    found: dict[str, Any] = {
        "retries": options.retries,
        "retry_delay_seconds": _delays(options),
        "timeout_seconds": None if options.timeout is None else seconds(options.timeout),
    }
    return {name: value(item) for name, item in found.items() if item is not None}


def _delays(options: PrefectOptions) -> float | list[float]:
    """One delay for all retries, or one for each where they grow."""
    first, factor = seconds(options.retry_delay), options.retry_backoff
    if factor == 1 or options.retries < 2:
        return first
    return [_whole(first * factor**number) for number in range(options.retries)]


def _whole(number: float) -> float:
    return int(number) if number == int(number) else round(number, 3)
