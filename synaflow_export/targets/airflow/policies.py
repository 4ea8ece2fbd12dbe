"""How tasks are tried, limited and owned: arguments that every Airflow operator takes.

Those of all tasks become ``DEFAULT_ARGS``, in the block that the owner of the file may edit; what
one macro-task has of its own becomes arguments of its ``@task``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from synaflow_export.options.duration import Duration, duration
from synaflow_export.targets.airflow.options import AirflowOptions
from synaflow_export.targets.airflow.versions import Dialect
from synaflow_export.text.pylayout import Group, Node, value
from synaflow_export.text.pyname import PyLiteral

_ALWAYS = ("owner", "retries", "retry_delay")


def default_args(options: AirflowOptions) -> Group:
    """Write ``DEFAULT_ARGS``: what was chosen, and a few things in any case."""
    changed = dict(options.given())
    arguments = {
        _ARGUMENTS[name][0]: _ARGUMENTS[name][1](getattr(options, name), options.dialect)
        for name in _ARGUMENTS
        if name in _ALWAYS or name in changed
    }
    rows = tuple((f"{PyLiteral.of(name)}: ", item) for name, item in arguments.items())
    return Group("{", "}", rows, tall=True)


def own_arguments(options: AirflowOptions, macro_task: str) -> dict[str, Node]:
    """Arguments of one task's decorator: what it has of its own."""
    own = options.own_of(macro_task)
    return {
        argument: write(own[name], options.dialect)
        for name, (argument, write) in _ARGUMENTS.items()
        if name in own
    }


def _plain(given: object, _: Dialect) -> Node:
    return value(given)


def _span(given: Duration | None, _: Dialect) -> Node:
    """A duration in the largest unit of which it is a whole number."""
    if given is None:
        return value(None)
    span = duration(given)
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        count, rest = divmod(span, timedelta(seconds=size))
        if count and not rest:
            return PyLiteral(f"timedelta({unit}={count})")
    return PyLiteral(f"timedelta(seconds={span.total_seconds():g})")


def _growth(given: float, dialect: Dialect) -> Node:
    return value(dialect.growth_of_delays(given))


_Writer = Callable[..., Node]

_ARGUMENTS: dict[str, tuple[str, _Writer]] = {
    "owner": ("owner", _plain),
    "retries": ("retries", _plain),
    "retry_delay": ("retry_delay", _span),
    "retry_backoff": ("retry_exponential_backoff", _growth),
    "max_retry_delay": ("max_retry_delay", _span),
    "timeout": ("execution_timeout", _span),
    "pool": ("pool", _plain),
    "pool_slots": ("pool_slots", _plain),
    "queue": ("queue", _plain),
    "priority_weight": ("priority_weight", _plain),
    "max_active_tis_per_dagrun": ("max_active_tis_per_dagrun", _plain),
}
"""Option -> the operator's argument, and how its value is written; in the order of the file."""
