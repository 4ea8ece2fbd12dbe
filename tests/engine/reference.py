"""Random pipelines, and what they must give: an interpreter that materialises everything.

Items are small ints. A stream is a list of (position in its source, value); EACH steps keep the
positions of their source, so that a join of two branches is a join of equal positions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random
from typing import Any, Literal

from hypothesis import strategies as st

from synaflow_core import OnError, Pipeline, pipeline, step

Kind = Literal["source", "each", "through", "reader", "value"]


@dataclass(frozen=True)
class Plan:
    """One step of a random pipeline; ``inputs`` are earlier steps with the form they arrive in."""

    name: str
    kind: Kind
    inputs: tuple[tuple[str, str], ...] = ()
    length: int = 0
    fails_on: int = -1
    max_in_flight: int = 1
    collected: bool = False

    def value(self, *arguments: Any) -> int:
        """What one call makes of its (None, int or list) arguments."""
        total = sum((i + 1) * _weight(a) for i, a in enumerate(arguments)) % 1009
        if self.fails_on >= 0 and total % 5 == self.fails_on:
            raise ValueError(f"{self.name} refuses {total}")
        return total


def _weight(argument: Any) -> int:
    if argument is None:
        return 7
    return sum(argument) + len(argument) if isinstance(argument, list) else int(argument)


def function(
    plan: Plan, *, asynchronous: bool = False, pausing: bool = False
) -> Callable[..., Any]:
    """The step as a typed function; ``pausing`` ones await something between items."""
    names = [name for name, _ in plan.inputs]
    stream = "AsyncIterator[int]" if asynchronous else "Iterator[int]"
    hint = {"item": "int", "stream": stream, "list": "list[int]", "value": "int"}
    parameters = ", ".join(f"{name}: {hint[form]}" for name, form in plan.inputs)
    streams = [name for name, form in plan.inputs if form == "stream"]
    rest = [name for name, form in plan.inputs if form != "stream"]
    word, loop = ("async def", "async for") if asynchronous else ("def", "for")
    made = "AsyncGenerator[int, None]" if asynchronous else "Generator[int, None, None]"
    pause = "await pause()" if pausing else "pass"
    if plan.kind == "source":
        text = (
            f"{word} fn() -> {made}:\n"
            f"    for i in range(plan.length):\n        {pause}\n        yield i\n"
        )
    elif plan.kind == "through":
        text = (
            f"{word} fn({parameters}) -> {made}:\n"
            f"    {loop} items in zipped({', '.join(streams)}):\n"
            f"        {pause}\n        yield plan.value(*items, {', '.join(rest)})\n"
        )
    else:
        lines = [
            f"    {n}, stream = [], {n}\n"
            f"    {loop} i in stream:\n        {n}.append(i)\n        {pause}\n"
            for n in streams
        ]
        text = (
            f"{word} fn({parameters}) -> int:\n    {pause}\n{''.join(lines)}    {pause}\n"
            f"    return plan.value({', '.join(names)})\n"
        )
    space: dict[str, Any] = {
        "plan": plan,
        "pause": _pauses(plan.name),
        "zipped": _zipped if asynchronous else zip_longest,
        "Iterator": Iterator,
        "AsyncIterator": AsyncIterator,
        "Generator": Generator,
        "AsyncGenerator": AsyncGenerator,
    }
    exec(text, space)
    found: Callable[..., Any] = space["fn"]
    return found


def _pauses(name: str) -> Callable[[], Awaitable[None]]:
    """Awaits of different lengths, the same in every run; some steps do not pause."""
    random = Random(name)
    most = random.randrange(6)

    async def pause() -> None:
        for _ in range(random.randrange(most + 1)):
            await asyncio.sleep(0)

    return pause


async def _zipped(*streams: AsyncIterator[int]) -> AsyncIterator[tuple[int | None, ...]]:
    live = set(range(len(streams)))
    while True:
        row: list[int | None] = [None] * len(streams)
        for index, stream in enumerate(streams):
            if index in live:
                try:
                    row[index] = await anext(stream)
                except StopAsyncIteration:
                    live.discard(index)
        if not live:
            return
        yield tuple(row)


def build(plans: list[Plan], *, asynchronous: bool = False, pausing: bool = False) -> Pipeline:
    """The random pipeline itself."""
    return pipeline(
        "random",
        None,
        [
            step(
                plan.name,
                function(plan, asynchronous=asynchronous, pausing=pausing),
                on_error=OnError.CONTINUE,
                max_in_flight=plan.max_in_flight,
                force_materialize=plan.collected,
                error_materializer=lambda context: None,
            )
            for plan in plans
        ],
    )


@dataclass
class Outcome:
    """What the reference expects."""

    outputs: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, tuple[str, int, int]] = field(default_factory=dict)


Rows = list[tuple[int, int]]


def interpret(plans: list[Plan]) -> Outcome:
    """Run every step to its end before the next one."""
    outcome = Outcome()
    streams: dict[str, tuple[str, Rows]] = {}  # step -> (source that gives the positions, rows)
    values: dict[str, int] = {}
    missing: set[str] = set()
    for plan in plans:
        if any(name in missing for name, _ in plan.inputs):
            missing.add(plan.name)
            outcome.counts[plan.name] = ("skipped", 0, 0)
        elif plan.kind == "source":
            rows = [(i, i) for i in range(plan.length)]
            streams[plan.name] = (plan.name, rows)
            outcome.counts[plan.name] = ("ok", len(rows), 0)
        elif plan.kind == "each":
            streams[plan.name], outcome.counts[plan.name] = _each(plan, streams, values)
        elif plan.kind == "through":
            rows, error = _through(plan, streams, values)
            streams[plan.name] = (plan.name, rows)
            outcome.counts[plan.name] = ("failed" if error else "ok", len(rows), error)
        else:
            try:
                values[plan.name] = plan.value(*_whole(plan, streams, values))
                outcome.counts[plan.name] = ("ok", 1, 0)
            except ValueError:
                missing.add(plan.name)
                outcome.counts[plan.name] = ("failed", 0, 1)
    consumed = {name for plan in plans for name, _ in plan.inputs}
    for plan in plans:
        if plan.name not in consumed and plan.name not in missing:
            if plan.name in values:
                outcome.outputs[plan.name] = values[plan.name]
            elif plan.collected:
                outcome.outputs[plan.name] = [value for _, value in streams[plan.name][1]]
    return outcome


def _whole(plan: Plan, streams: dict[str, tuple[str, Rows]], values: dict[str, int]) -> list[Any]:
    """Arguments of a step that is called once, ``through`` steps' streams first."""
    found: list[Any] = []
    for name, form in plan.inputs:
        found.append(values[name] if form == "value" else [v for _, v in streams[name][1]])
    return found


def _through(
    plan: Plan, streams: dict[str, tuple[str, Rows]], values: dict[str, int]
) -> tuple[Rows, int]:
    lazy = [[v for _, v in streams[n][1]] for n, form in plan.inputs if form == "stream"]
    rest = [
        values[n] if form == "value" else [v for _, v in streams[n][1]]
        for n, form in plan.inputs
        if form != "stream"
    ]
    rows: Rows = []
    for items in zip_longest(*lazy):
        try:
            rows.append((len(rows), plan.value(*items, *rest)))
        except ValueError:
            return rows, 1
    return rows, 0


def _each(
    plan: Plan, streams: dict[str, tuple[str, Rows]], values: dict[str, int]
) -> tuple[tuple[str, Rows], tuple[str, int, int]]:
    items = [name for name, form in plan.inputs if form == "item"]
    origins = list(dict.fromkeys(streams[name][0] for name in items))
    if len(origins) == 1:
        calls = _aligned(items, streams)
        origin = origins[0]
    else:
        bundles = [
            _aligned([n for n in items if streams[n][0] == source], streams) for source in origins
        ]
        names = [[n for n in items if streams[n][0] == source] for source in origins]
        calls = []
        for position, row in enumerate(zip_longest(*(list(b) for b in bundles))):
            merged: dict[str, Any] = {}
            for group, entry in zip(names, row, strict=True):
                merged |= dict.fromkeys(group) if entry is None else entry[1]
            calls.append((position, merged))
        origin = plan.name
    rows: Rows = []
    errors = 0
    for position, found in calls:
        arguments = [
            found[n]
            if form == "item"
            else (values[n] if form == "value" else [v for _, v in streams[n][1]])
            for n, form in plan.inputs
        ]
        try:
            rows.append((position, plan.value(*arguments)))
        except ValueError:
            errors += 1
    if plan.collected:  # a finished list is a source of its own
        return (plan.name, [(i, v) for i, (_, v) in enumerate(rows)]), ("ok", len(rows), errors)
    return (origin, rows), ("ok", len(rows), errors)


def _aligned(
    names: list[str], streams: dict[str, tuple[str, Rows]]
) -> list[tuple[int, dict[str, Any]]]:
    tables = [dict(streams[name][1]) for name in names]
    shared = sorted(set(tables[0]).intersection(*tables[1:]))
    return [(p, {n: t[p] for n, t in zip(names, tables, strict=True)}) for p in shared]


def upstream_of_early_ends(steps: list[Plan], counts: dict[str, tuple[str, int, int]]) -> set[str]:
    """Steps that may rightly have made less: a consumer of theirs ended before them."""
    early: set[str] = set()
    for plan in reversed(steps):
        if plan.name in early or _ended_early(plan, counts):
            early |= {name for name, _ in plan.inputs}
    return early


def _ended_early(plan: Plan, counts: dict[str, tuple[str, int, int]]) -> bool:
    status = counts[plan.name][0]
    return status == "skipped" or (status == "failed" and plan.kind == "through")


@st.composite
def plans(draw: st.DrawFn, most: int = 9, *, joins: bool = False) -> list[Plan]:
    """Random steps; some of the pipelines are ones that the compiler refuses.

    With ``joins`` most steps are EACH steps that drop items, on branches of few sources.
    """
    made: list[Plan] = []
    fails = [-1, 0, 1, 2, 3] if joins else [-1, -1, 0, 3]
    words = "alpha bravo delta kilo lima mike november oscar papa romeo tango victor".split()
    for name in words[: draw(st.integers(2, most))]:
        lazy = [p for p in made if p.kind in ("source", "each", "through")]
        scalars = [p for p in made if p.kind in ("reader", "value")]
        kinds: list[Kind] = ["source"]
        if lazy:
            kinds += ["each", "each", "each", "through", "reader", "reader"]
        if joins and made:
            kinds = ["source", "through", "reader", "reader"] + ["each"] * 16
        kind = draw(st.sampled_from(kinds))
        inputs: dict[str, str] = {}
        if kind != "source":
            form = "item" if kind == "each" else "stream"
            for other in draw(st.lists(st.sampled_from(lazy), min_size=1, max_size=3)):
                inputs[other.name] = form
            if kind == "reader":
                for other_name in list(inputs):
                    if draw(st.booleans()):
                        inputs[other_name] = "list"
            if scalars and draw(st.integers(0, 3)) == 0:
                inputs[draw(st.sampled_from(scalars)).name] = "value"
        made.append(
            Plan(
                name=name,
                kind=kind,
                inputs=tuple(inputs.items()),
                length=draw(st.integers(4, 12) if joins else st.integers(0, 6)),
                fails_on=-1 if kind == "source" else draw(st.sampled_from(fails)),
                max_in_flight=draw(st.sampled_from([1, 1, 1, 2, 3])),
                collected=draw(st.integers(0, 7)) == 0,
            )
        )
    return made
