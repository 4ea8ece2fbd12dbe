"""Running one definition on both engines, under a guard against hanging, and noting events."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
from collections.abc import Iterator
from typing import Any

import pytest

from synaflow_core import Observer, Pipeline, RunResult, async_run, run

LIMIT = 30
"""Seconds after which a test that hangs is ended, with the stacks of all threads."""


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    with guarded():
        yield


def run_any(pipeline: Pipeline, params: Any = None, **options: Any) -> RunResult:
    """Run a pipeline on the engine of its colour; no task is left behind."""
    if not pipeline.dag.is_async:
        return run(pipeline, params, **options)

    async def main() -> RunResult:
        try:
            return await async_run(pipeline, params, **options)
        finally:
            for _ in range(3):  # generators that steps themselves dropped are closed by the loop
                await asyncio.sleep(0)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, left

    return asyncio.run(main())


class Watch:
    """An observer of either colour; ``events`` are (name of the event, step), in order."""

    def __init__(self) -> None:
        self.contexts: list[Any] = []

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(context.event.value, context.step_name) for context in self.contexts]

    def of(self, start: str) -> list[tuple[str, str]]:
        return [event for event in self.events if event[0].startswith(start)]

    def observer(self, asynchronous: bool = False) -> Observer:
        async def note(context: Any) -> None:
            self.contexts.append(context)

        return Observer(note if asynchronous else self.contexts.append)
