"""The flow that people write: one task per step, pickled lists between them."""

from __future__ import annotations

from prefect import flow, task

from benchmarks.ten_steps import by_hand


@task
def first(folder: str, count: int) -> str:
    """Make the records."""
    return by_hand.first(folder, count)


@task
def itemwise(folder: str, index: int, source: str) -> str:
    """Call one step with each of them."""
    return by_hand.itemwise(folder, index, source)


@task
def last(source: str) -> int:
    """Add all up."""
    return by_hand.last(source)


@flow
def ten_steps(folder: str, count: int) -> int:
    """All ten."""
    source = first.submit(folder, count)
    for index in range(1, 9):
        source = itemwise.submit(folder, index, source)
    return last.submit(source).result()


@flow
def nothing() -> int:
    """Has the server started before anything is measured."""
    return 0
