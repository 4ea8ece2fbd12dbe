"""What the page says: its boxes, what is told of each step and task, tables. Plain values.

The template escapes whatever it pastes, so names may be any text here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synaflow_core.contract import Contract, StepContract
from synaflow_export.params.form import forms, required_params
from synaflow_export.plan.explain import PlanRow, plan_rows
from synaflow_export.plan.graph import StepGraph, step_graph
from synaflow_export.plan.model import MacroTask, Plan
from synaflow_export.target import Export, Sources
from synaflow_export.targets.html.drawing import WIDTH, Box, Curve, draw
from synaflow_export.text.prose import plain

_ROOM = 22
"""Characters of a name that fit a row."""
_LONGEST_SOURCE = 80

Fact = tuple[str, str]


@dataclass(frozen=True)
class StepView:
    """One step: its row in the box, and what is told when it is chosen.

    Attributes:
        number: Its position in the contract; ids on the page are made of it.
        name: Its name.
        short: The name as far as there is room.
        y: Height of its row in the box.
        mode: ``each`` or ``all``.
        hidden: Made by the compiler.
        final: Its output is a result.
        doc: First line of its documentation.
        task: Name of its macro-task.
        facts: What is worth telling, as label and text.
        inputs: Parameter, where it comes from, type and form.
        where: ``pipe.py:12``.
        source: Code of its function; empty if it is not at hand.
        feeds: Numbers of the steps that it feeds, for the script of the page.
    """

    number: int
    name: str
    short: str
    y: float
    mode: str
    hidden: bool
    final: bool
    doc: str
    task: str
    facts: tuple[Fact, ...]
    inputs: tuple[tuple[str, ...], ...]
    where: str
    source: str
    feeds: str


@dataclass(frozen=True)
class TaskView:
    """One macro-task: its box and its table."""

    number: int
    name: str
    short: str
    box: Box
    remark: str
    steps: tuple[StepView, ...]
    row: PlanRow
    own: tuple[Fact, ...]


@dataclass(frozen=True)
class PageView:
    """Everything on the page."""

    title: str
    description: str
    facts: tuple[Fact, ...]
    params: tuple[tuple[str, ...], ...]
    tasks: tuple[TaskView, ...]
    curves: tuple[Curve, ...]
    width: int
    height: int
    box_width: int
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, export: Export[Any]) -> PageView:
        """Make the page of an export."""
        plan, contract = export.plan, export.contract
        graph = step_graph(contract, allow_pickle=plan.allow_pickle)
        drawing = draw(plan, graph.names, graph.links)
        told = _Teller.of(export, graph)
        rows = {row.macro_task: row for row in plan_rows(plan)}
        tasks = tuple(
            TaskView(
                number=number,
                name=task.name,
                short=_short(task.name),
                box=drawing.boxes[task.name],
                remark=_remark(task),
                steps=tuple(
                    told.step(name, task.name, y)
                    for name, y in zip(task.steps, drawing.boxes[task.name].rows, strict=True)
                ),
                row=rows[task.name],
                own=(("share of the work", f"{task.weight:.0%}"),)
                + ((("shards", rows[task.name].shards),) if rows[task.name].shards else ()),
            )
            for number, task in enumerate(plan.macro_tasks)
        )
        return cls(
            title=contract.name,
            description=contract.description,
            facts=tuple(_facts(plan, contract)),
            params=tuple(_params(contract)),
            tasks=tasks,
            curves=drawing.curves,
            width=drawing.width,
            height=drawing.height,
            box_width=WIDTH,
            reasons=tuple(reason.text for reason in plan.reasons),
        )


def _facts(plan: Plan, contract: Contract) -> Iterator[Fact]:
    yield "steps", str(len(contract.steps))
    yield "macro-tasks", f"{len(plan.macro_tasks)} (granularity {plan.granularity})"
    yield "datasets between them", str(sum(bool(d.consumers) for d in plan.datasets))
    yield "results", ", ".join(d.name for d in plan.datasets if d.final) or "none"
    yield "engine", contract.engine
    if contract.source is not None:
        yield "code", f"{contract.source.module}:{contract.source.attribute}"
    yield "contract", contract.fingerprint.removeprefix("sha256:")[:12]


def _params(contract: Contract) -> Iterator[tuple[str, ...]]:
    required = required_params(contract.params_schema)
    for name, form in forms(contract.params_schema).items():
        default = "required" if name in required else repr(form.get("default"))
        yield name, contract.params.get(name, ""), default, plain(str(form.get("description", "")))


@dataclass(frozen=True)
class _Teller:
    """What all steps need to be told of: who feeds whom, what is a result, where code stands."""

    contract: Contract
    producers: Mapping[str, Mapping[str, str]]
    numbers: Mapping[str, int]
    feeds: Mapping[int, list[int]]
    final: frozenset[str]
    sources: Mapping[str, str]

    @classmethod
    def of(cls, export: Export[Any], graph: StepGraph) -> _Teller:
        feeds: dict[int, list[int]] = {}
        for link in graph.links:
            feeds.setdefault(link.producer, []).append(link.consumer)
        return cls(
            contract=export.contract,
            producers=export.contract.producers(),
            numbers={name: n for n, name in enumerate(graph.names)},
            feeds=feeds,
            final=frozenset(d.producer_step for d in export.plan.datasets if d.final),
            sources=_functions(export.sources),
        )

    def step(self, name: str, task: str, y: float) -> StepView:
        step, number = self.contract.steps[name], self.numbers[name]
        return StepView(
            number=number,
            name=name,
            short=_short(name),
            y=y,
            mode=step.mode,
            hidden=step.hidden,
            final=name in self.final,
            doc=step.doc,
            task=task,
            facts=tuple(_step_facts(step)),
            inputs=tuple(_inputs(step, self.producers[name])),
            where=step.where,
            source=self.sources.get(step.where, ""),
            feeds=" ".join(map(str, self.feeds.get(number, ()))),
        )


def _step_facts(step: StepContract) -> Iterator[Fact]:
    yield "called", "once per item" if step.mode == "each" else "once"
    yield "returns", step.output
    drops = "drops the item" if step.mode == "each" else "skips the steps that need it"
    yield "a failure", "ends the run" if step.on_error == "stop" else drops
    limits = [
        *([str(step.error_threshold_absolute)] if step.error_threshold_absolute else []),
        *([f"{step.error_threshold_pct * 100:.4g} %"] if step.error_threshold_pct else []),
    ]
    if limits:
        yield "fails the run at", " or ".join(limits)
    if step.max_in_flight != 1:
        yield "in flight", f"at most {step.max_in_flight} items"
    if step.shards not in (None, 1):
        yield "shards", str(step.shards)
    if step.rollback:
        yield "rollback", step.rollback
    if step.scope:
        yield "included as", " / ".join(step.scope)
    if step.macro_task:
        yield "label", step.macro_task
    if step.hidden:
        yield "made by", "the compiler, around an included pipeline"
    yield "function", step.fn_ref


def _inputs(step: StepContract, kinds: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    parameters = {producer: parameter for parameter, producer in step.binding.items()}
    for producer, hint in step.deps.items():
        form = step.delivery[producer]
        how = {"item": "item by item", "stream": "as a stream", "param": "run parameter"}
        yield (
            parameters.get(producer, producer),
            producer if kinds[producer] == "step" else f"{producer} ({kinds[producer]})",
            hint,
            how.get(form, form),
        )


def _remark(task: MacroTask) -> str:
    count = len(task.steps)
    remark = f"{count} step{'s' * (count > 1)} in one task" if count > 1 else "one step"
    if task.shards is None:
        return remark
    count_of_shards = task.shards.count
    return f"{remark}, {'' if count_of_shards is None else f'{count_of_shards} '}shards"


def _short(name: str) -> str:
    flat = plain(name)
    return flat if len(flat) <= _ROOM else f"{flat[: _ROOM - 1]}…"


def _functions(sources: Sources) -> dict[str, str]:
    """``pipe.py:12`` -> the code of the function that is defined there."""
    found = {}
    for file in sources.files:
        try:
            tree = ast.parse(file.text)
        except SyntaxError:
            continue
        lines = file.text.splitlines()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                text = lines[first - 1 : node.end_lineno]
                more = ["..."] if len(text) > _LONGEST_SOURCE else []
                code = "\n".join([*text[:_LONGEST_SOURCE], *more])
                found[f"{file.path}:{node.lineno}"] = found[f"{file.path}:{first}"] = code
    return found
