"""Three tasks that change the world, which is a file with one line per change.

Every change that is made has a number of its own, so that it can be told how often each was undone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from synaflow_core import OnError, Pipeline, pipeline, step
from synaflow_core.contract import Contract
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.task import MacroResult, MacroSpec, run_macro_task
from synaflow_export.plan import Plan, PlanOptions, make_plan

Refs = dict[str, DatasetRef | None]


class Params(NamedTuple):
    world: str
    fail: bool = True


def change(world: str, text: str) -> None:
    """One line, in one piece, as an outside system would commit it."""
    handle = os.open(world, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{text}\n".encode())
    os.close(handle)


def lines(world: Path) -> list[str]:
    return world.read_text().splitlines() if world.exists() else []


def _number(world: str, name: str) -> str:
    done = [line for line in lines(Path(world)) if line.startswith(f"do {name}")]
    return f"{name}{len(done) + 1}"


def create(world: str) -> str:
    made = _number(world, "create")
    change(world, f"do {made}")
    return made


def drop(output: str, world: str, repeated: bool) -> None:
    change(world, f"undo {output}{' again' if repeated else ''}")


def rows(create: str) -> Iterator[int]:
    yield from range(3)


def inserts(row: int, world: str) -> str:
    made = _number(world, f"insert{row}x")
    change(world, f"do {made}")
    return made


def delete(inserts: list[str], world: str, error: Exception, repeated: bool) -> None:
    change(world, f"undo {'+'.join(inserts)}{' again' if repeated else ''}")


def publish(inserts: list[str], create: str, world: str) -> dict[str, int]:
    made = _number(world, "publish")
    change(world, f"do {made}")
    return {made: len(inserts)}


def retract(publish: dict[str, int], create: str, world: str, repeated: bool) -> None:
    (made,) = publish
    change(world, f"undo {made}{' again' if repeated else ''}")


def check(publish: dict[str, int], fail: bool) -> int:
    if fail:
        raise ValueError("it does not add up")
    return sum(publish.values())


STEPS = [
    step("create", create, rollback=drop),
    step("rows", rows),
    step("inserts", inserts, rollback=delete, on_error=OnError.STOP),
    step("publish", publish, rollback=retract, on_error=OnError.STOP),
    step("check", check, on_error=OnError.STOP),
]


def world_pipeline() -> Pipeline:
    """Four macro-tasks; the last one fails unless it is told not to."""
    return pipeline("world", Params, STEPS)


def plan_of(made: Pipeline, granularity: str = "stream") -> Plan:
    contract = Contract.from_json(made.contract().to_json())
    return make_plan(contract, PlanOptions(granularity=granularity))


def specs(made: Pipeline, granularity: str = "stream") -> list[MacroSpec]:
    """The macro-tasks as a worker gets them: through JSON."""
    tasks = plan_of(made, granularity).macro_tasks
    return [msgspec.json.decode(msgspec.json.encode(task), type=MacroSpec) for task in tasks]


def run_task(
    made: Pipeline,
    spec: MacroSpec,
    refs: Refs,
    store: HandoffStore,
    params: dict[str, Any],
    **options: Any,
) -> MacroResult:
    """Run one macro-task with the references of those before it, and add its own."""
    inputs = {entry.dataset: refs[entry.dataset] for entry in spec.inputs}
    result = run_macro_task(
        made, spec, params=params, inputs=inputs, store=store, run_key="r", **options
    )
    refs.update(result.refs)
    return result
