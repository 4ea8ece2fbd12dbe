"""Boundary datasets: what is written to the store, in which form, for whom; and what is refused.

One dataset per producer that another macro-task reads or that is a result for the user. All
problems are collected; nothing has been written when one is raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from synaflow_core.errors import Problem
from synaflow_export.plan.alignment import aligned_links
from synaflow_export.plan.graph import StepGraph, is_storable
from synaflow_export.plan.model import Dataset, PlanOptions, Reason, Representation
from synaflow_export.plan.partition import Partition
from synaflow_export.plan.words import Wording, shorten

_LOCAL_SCHEMES = ("", "file", "local")
_MACHINE_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


@dataclass(frozen=True)
class Boundaries:
    """What crosses.

    Attributes:
        datasets: In declaration order of their producers.
        reasons: Results that are not stored, and why.
        problems: Datasets that would have to be stored and cannot be.
    """

    datasets: tuple[Dataset, ...]
    reasons: tuple[Reason, ...]
    problems: tuple[Problem, ...]


def boundaries(graph: StepGraph, partition: Partition, options: PlanOptions) -> Boundaries:
    """List the datasets between the groups of a partition and to the user."""
    readers: list[dict[int, int]] = [{} for _ in graph.steps]  # group -> first step that reads
    consumed = [False] * len(graph.steps)
    crossing: list[int] = []
    for index, link in enumerate(graph.links):
        consumed[link.producer] = True
        group = partition.group_of[link.consumer]
        if group != partition.group_of[link.producer]:
            readers[link.producer].setdefault(group, link.consumer)
            crossing.append(index)
    joined = aligned_links(graph) if crossing else frozenset()
    aligned = {graph.links[index].producer for index in crossing if index in joined}
    datasets, reasons, problems = [], [], []
    for position, step in enumerate(graph.steps):
        final = is_final(graph, position, consumed=consumed[position])
        if not final and not readers[position]:
            continue
        storable = is_storable(step, allow_pickle=options.allow_pickle)
        if not storable and not readers[position]:
            reasons.append(Wording(graph).unstored(position))
        elif not storable:
            problems.append(_refusal(graph, partition, position, readers[position]))
        else:
            found = _dataset(graph, partition, position, sorted(readers[position]), final)
            datasets.append(msgspec.structs.replace(found, aligned=position in aligned))
    return Boundaries(tuple(datasets), tuple(reasons), tuple(problems))


def is_final(graph: StepGraph, position: int, *, consumed: bool) -> bool:
    """Whether a step's output is a result of the run: what ``run()`` returns under its name."""
    step = graph.steps[position]
    if step.output_kind == "none":
        return False
    return step.exported or not (consumed or step.lazy)


def representation_of(graph: StepGraph, position: int) -> Representation:
    """Element by element, unless the output is a single value."""
    return "value" if graph.steps[position].output_kind in ("value", "none") else "items"


def _dataset(
    graph: StepGraph, partition: Partition, position: int, readers: list[int], final: bool
) -> Dataset:
    step = graph.steps[position]
    return Dataset(
        name=graph.names[position],
        producer_step=graph.names[position],
        producer_task=partition.groups[partition.group_of[position]].name,
        consumers=tuple(partition.groups[group].name for group in readers),
        type=step.output,
        # `None` itself needs no codec of its own; anything else without one is pickled.
        codec=step.codec or ("jsonl" if step.output_kind == "none" else "pickle"),
        representation=representation_of(graph, position),
        final=final,
    )


def _refusal(
    graph: StepGraph, partition: Partition, position: int, readers: dict[int, int]
) -> Problem:
    name, step = graph.names[position], graph.steps[position]
    consumers = shorten([repr(graph.names[s]) for s in sorted(readers.values())], last=" and ")
    tasks = shorten([repr(partition.groups[group].name) for group in sorted(readers)], last=" and ")
    here = partition.groups[partition.group_of[position]].name
    return Problem(
        where=step.where,
        subject=f"dataset {name!r} ({step.output})",
        code="unserialisable-boundary",
        message=(
            f"step {name!r} in macro-task {here!r} feeds {consumers} in {tasks}, "
            "but its type has no codec"
        ),
        hint=(
            "give the steps the same macro_task label (or none), "
            f"return plain data or a dataclass from {name!r}, or allow pickle (--allow-pickle)"
        ),
    )


def store_problems(
    datasets: tuple[Dataset, ...], store_url: str, *, distributed: bool
) -> tuple[Problem, ...]:
    """Check that every macro-task can reach the store, from its URL alone.

    Args:
        datasets: What will be stored; without any, every store will do.
        store_url: URL or path, as the user gave it.
        distributed: Macro-tasks may run on different machines.
    """
    problems = []
    if _has_password(store_url):
        problems.append(
            Problem(
                where="store",
                subject="",
                code="secret-in-store-url",
                message="the store URL holds a password",
                hint="leave credentials out; give them to the workers by environment or role",
            )
        )
    unreachable = _unreachable(store_url, distributed=distributed)
    if unreachable and datasets and not problems:
        first = datasets[0]
        readers = shorten([repr(name) for name in first.consumers], last=" and ") or "the user"
        problems.append(
            Problem(
                where="store",
                subject=store_url,
                code="unreachable-store",
                message=(
                    f"{unreachable}: dataset {first.name!r}, written by macro-task "
                    f"{first.producer_task!r}, would not reach {readers}"
                    + (f", nor would {len(datasets) - 1} more" if len(datasets) > 1 else "")
                ),
                hint="use a store that all workers share: s3://, gs://, az:// or a shared folder",
            )
        )
    return tuple(problems)


def _has_password(store_url: str) -> bool:
    try:
        return bool(urlsplit(store_url.rsplit("::", 1)[-1]).password)
    except ValueError:  # not a URL that can be split: whoever opens it will say so
        return False


def _unreachable(store_url: str, *, distributed: bool) -> str:
    """Why macro-tasks would not find each other's data; empty if they would."""
    scheme, separator, path = store_url.rsplit("::", 1)[-1].partition("://")
    if not separator:
        scheme, path = "", scheme
    if scheme == "memory":
        return "a memory:// store ends with the process that filled it"
    if not distributed or scheme not in _LOCAL_SCHEMES:
        return ""
    if any(path == folder or path.startswith(f"{folder}/") for folder in _MACHINE_FOLDERS):
        return "a temporary folder belongs to one machine, and the workers are distributed"
    absolute = path.startswith(("/", "~")) or path[1:3] in (":/", ":\\")
    return "" if absolute else "a relative path means another folder on every worker"
