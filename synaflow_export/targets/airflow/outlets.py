"""Datasets that Airflow is told about: assets, on Airflow 2 called datasets.

An asset is known by a text that stays the same from run to run, while each run stores its datasets
under a place of its own, in a store that only the worker knows for sure. So an asset is called
``<dag id>/<dataset>``, or the URI that the user gives, and the place, the rows and the errors of
each run are in the ``extra`` of its event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synaflow_core.errors import Problem
from synaflow_export.options.model import nearest_of
from synaflow_export.plan.model import Plan
from synaflow_export.targets.airflow.options import AirflowOptions
from synaflow_export.text.pylayout import Group, call, value
from synaflow_export.text.pyname import NameAllocator, PyLiteral, TaskId


def announced(plan: Plan, options: AirflowOptions, dag_id: str) -> dict[str, str]:
    """Dataset -> what it is announced as, in declaration order."""
    words = NameAllocator(TaskId, fallback="dataset").allocate_all(d.name for d in plan.datasets)
    own = options.own_uris
    return {
        dataset.name: own.get(dataset.name, f"{dag_id}/{words[dataset.name]}")
        for dataset in plan.datasets
        if dataset.name in own
        or options.outlets == "all"
        or (options.outlets == "final" and dataset.final)
    }


def misplaced_uris(plan: Plan, options: AirflowOptions) -> Iterator[Problem]:
    """Yield URIs for datasets that the plan does not store, and URIs that two datasets share."""
    known = {dataset.name for dataset in plan.datasets}
    seen: dict[str, str] = {}
    for dataset, uri in options.own_uris.items():
        if dataset not in known:
            yield Problem(
                where="options",
                subject=f"option 'outlet_uris', dataset '{dataset}'",
                code="unknown-dataset",
                message="no dataset of this name is stored by the plan",
                hint=nearest_of(dataset, known),
            )
        elif uri in seen:
            yield Problem(
                where="options",
                subject=f"option 'outlet_uris', dataset '{dataset}'",
                code="uri-taken",
                message=f"dataset '{seen[uri]}' is announced as {uri} already",
                hint="give each dataset a URI of its own",
            )
        seen[uri] = dataset


def outlets_expression(outlets: Mapping[str, str], kind: str) -> Group:
    """Write ``OUTLETS``: dataset -> ``Asset("...")``."""
    rows = tuple(
        (f"{PyLiteral.of(name)}: ", call(kind, [value(uri)])) for name, uri in outlets.items()
    )
    return Group("{", "}", rows, tall=True)
