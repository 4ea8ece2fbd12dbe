"""A loop as Python source: one plain ``for`` per region of EACH steps, for both engines.

Calling steps through a table costs more than the calls themselves, so a :class:`Loop` is written
out as the code one would write by hand and compiled once. The text holds generic names only
(``f0``, ``s1``; of the user's, nothing but the names of keyword-only parameters), so equal shapes
share one compilation. The same emitter writes the sync and the async form.

Three forms: ``run`` has no branch and is called; ``direct`` is a generator of its only branch's
items; ``fan`` yields ``(branch, item)``. At the end of a tick, while ``full`` is not empty, a loop
yields ``PAUSE`` instead of pulling on: a branch is full, or the loop is to be rebuilt. The
asynchronous text counts its items itself: ``loop`` makes the loop, and what tells the count ``n``.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Final
from zlib import crc32

from synaflow_core.engine.program import AlignedSource, Call, JoinSource, Loop


class _Missing:
    """The value of a slot whose step dropped this item."""

    def __repr__(self) -> str:
        return "<dropped>"


MISSING: Final = _Missing()
PAUSE: Final = (-1, None)
"""Yielded at the end of a tick instead of pulling the next item."""


@dataclass(frozen=True)
class Body:
    """The text of one loop and how to bind its names.

    Attributes:
        text: Source of a function ``loop``.
        names: Its parameters, in order.
        calls: EACH steps that it calls, in order of the calls.
        cuts: For each call, whether a failure of it ends the tick.
        made: Line number of a ``yield`` or a call -> number of calls made before it.
        branches: The branches that it feeds.
    """

    text: str
    names: tuple[str, ...]
    calls: tuple[str, ...]
    cuts: tuple[bool, ...]
    made: dict[int, int]
    branches: tuple[int, ...]


@dataclass(frozen=True)
class CallShape:
    """How a step is called. An int is an index into the call's slots, a str names a constant."""

    positional: tuple[int | str, ...]
    keywords: tuple[tuple[str, int | str], ...]


def needed(loop: Loop, live: frozenset[int]) -> tuple[Call, ...]:
    """The calls that still serve somebody when only the branches ``live`` are left."""
    wanted: set[str] = {slot for i in live for slot in loop.branches[i].slots}
    wanted |= {sink.slot for sink in loop.sinks} | set(loop.terminals)
    kept = []
    for call in reversed(loop.calls):
        if call.step in wanted:
            kept.append(call)
            wanted |= {slot for _, slot in call.slots}
    return tuple(reversed(kept))


def serves_alone(loop: Loop) -> bool:
    """The loop has work to do even when no branch is left: sinks, or calls nobody consumes."""
    return bool(loop.sinks or loop.terminals)


@lru_cache(maxsize=1024)
def compiled(text: str) -> CodeType:
    """Compile a loop's text once and let tracebacks and debuggers show its lines."""
    filename = f"<synaflow loop {crc32(text.encode()):08x}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return compile(text, filename, "exec")


def emit(
    loop: Loop,
    form: str,
    live: frozenset[int],
    shapes: dict[str, CallShape],
    constants: tuple[str, ...],
    *,
    waits: frozenset[str] = frozenset(),
    asynchronous: bool = False,
) -> Body:
    """Write a loop.

    Args:
        loop: What to write.
        form: ``run``, ``direct`` or ``fan``.
        live: Indices of the branches that still have a consumer.
        shapes: How each called step takes its arguments.
        constants: Names of all constant arguments that the shapes mention.
        waits: Steps whose calls are awaited.
        asynchronous: Write the async form.
    """
    return _Emitter(loop, form, live, shapes, constants, waits, asynchronous).body()


@dataclass
class _Emitter:
    loop: Loop
    form: str
    live: frozenset[int]
    shapes: dict[str, CallShape]
    constants: tuple[str, ...]
    waits: frozenset[str]
    asynchronous: bool
    lines: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    droppable: set[str] = field(default_factory=set)
    cuts: list[bool] = field(default_factory=list)
    made: dict[int, int] = field(default_factory=dict)

    def body(self) -> Body:
        calls = needed(self.loop, self.live)
        for slot in (*self.loop.slots, *(call.step for call in calls)):
            self.variables[slot] = f"s{len(self.variables)}"
        names = [
            "source",
            "source_failed",
            "interrupted",
            "done",
            "full",
            "MISSING",
            "PAUSE",
        ]
        names += ["n"] if self.asynchronous else []
        for index in range(len(calls)):
            names += [f"f{index}", f"fail{index}", f"miss{index}"]
        names += [f"put{index}" for index in range(len(self.loop.sinks))]
        names += self.constants
        if isinstance(self.loop.source, AlignedSource) and len(self.loop.slots) > 1:
            self.droppable.update(self.loop.slots)
        self.lines.append(f"def loop({', '.join(names)}):")
        if self.asynchronous:
            self.lines += ["    async def items():", "    nonlocal n"]
        self.lines.append("    try:")
        plain = not (calls or self.loop.sinks or self.droppable)
        if plain and self.form == "direct" and not self.asynchronous:
            self.lines.append("        yield from source()")
        else:
            self._head()
            self._events(calls)
        self.lines += [
            "    except Exception as error:",
            f"        {self._wait}source_failed(error)",
            "    except BaseException as error:",
            "        interrupted(error.__traceback__.tb_lineno)",
            "        raise",
            f"    {self._wait}done()",
        ]
        if self.asynchronous:
            self.lines[2:] = [f"    {line}" for line in self.lines[2:]]
            self.lines.append("    return items, lambda: n")
        return Body(
            "\n".join(self.lines) + "\n",
            tuple(names),
            tuple(call.step for call in calls),
            tuple(self.cuts),
            self.made,
            tuple(sorted(self.live)),
        )

    @property
    def _wait(self) -> str:
        return "await " if self.asynchronous else ""

    def _head(self) -> None:
        """The ``for`` line and, for a join, the unpacking of its inputs."""
        loop_word = "async for" if self.asynchronous else "for"
        slots = [self.variables[slot] for slot in self.loop.slots]
        source = self.loop.source
        if not isinstance(source, JoinSource) or len(source.inputs) == 1:
            target = slots[0] if len(slots) == 1 else f"({', '.join(slots)})"
            self.lines.append(f"        {loop_word} {target} in {self._wait}source():")
            self._tick_line()
            return
        widths = [getattr(entry, "width", 1) for entry in source.inputs]
        targets, unpack, at = [], [], 0
        for index, width in enumerate(widths):
            own = slots[at : at + width]
            at += width
            targets.append(own[0] if width == 1 else f"j{index}")
            if width > 1:  # an exhausted input is None as a whole
                unpack.append(f"{', '.join(own)} = j{index} or ({', '.join(['None'] * width)})")
        self.lines.append(f"        {loop_word} {', '.join(targets)} in {self._wait}source():")
        self._tick_line()
        self.lines += [f"            {line}" for line in unpack]

    def _tick_line(self) -> None:
        """Items of an async source cannot be counted on their way, so the text does it."""
        if self.asynchronous:
            self.lines.append("            n += 1")

    def _events(self, calls: tuple[Call, ...]) -> None:
        numbers = {call.step: index for index, call in enumerate(calls)}
        for slot in self.loop.slots:
            self._put(slot)
        events = [(call.order, 0, call.step) for call in calls]
        events += [(self.loop.branches[i].order, 1, str(i)) for i in self.live]
        events.sort()
        by_step = {call.step: call for call in calls}
        void = self._void_without(events, by_step)
        yielded = made = 0
        for position, (_, kind, name) in enumerate(events):
            if kind == 0:
                # In a fan, an item handed out earlier in this tick must meet the PAUSE below.
                cuts = void[position] and not (yielded and self.form == "fan")
                self._call(numbers[name], by_step[name], cuts)
                made += 1
            else:
                self._yield(int(name), made)
                yielded += 1
        if self.form == "fan" or (self.form == "direct" and serves_alone(self.loop)):
            self._line(12, "while full:")
            self._line(16, "yield PAUSE")
            self.made[len(self.lines)] = made

    def _line(self, indent: int, text: str) -> None:
        self.lines.append(" " * indent + text)

    def _put(self, slot: str, indent: int = 12) -> None:
        for index, sink in enumerate(self.loop.sinks):
            if sink.slot == slot:
                self._line(indent, f"put{index}({self.variables[slot]})")

    def _guard(self, slots: tuple[str, ...]) -> int:
        """Open an ``if`` for the slots that may be missing; returns the indent of its body."""
        risky = [slot for slot in dict.fromkeys(slots) if slot in self.droppable]
        if not risky:
            return 12
        tests = " and ".join(f"{self.variables[slot]} is not MISSING" for slot in risky)
        self._line(12, f"if {tests}:")
        return 16

    def _void_without(
        self, events: list[tuple[int, int, str]], by_step: dict[str, Call]
    ) -> list[bool]:
        """For each event, whether all later ones of the tick depend on it (bit sets, backwards)."""
        made_by = {name: i for i, (_, kind, name) in enumerate(events) if kind == 0}
        reach = [0] * len(events)
        result = [False] * len(events)
        for i in range(len(events) - 1, -1, -1):
            _, kind, name = events[i]
            later = (1 << len(events)) - (1 << (i + 1))
            result[i] = not (later & ~reach[i])
            slots = (
                self.loop.branches[int(name)].slots
                if kind
                else tuple(slot for _, slot in by_step[name].slots)
            )
            for slot in slots:
                if slot in made_by:
                    reach[made_by[slot]] |= reach[i] | (1 << i)
        return result

    def _call(self, index: int, call: Call, cuts: bool) -> None:
        slots = tuple(slot for _, slot in call.slots)
        shape, value = self.shapes[call.step], self.variables[call.step]
        items = [self.variables[slot] for slot in slots]
        arguments = [arg if isinstance(arg, str) else items[arg] for arg in shape.positional]
        for key, arg in shape.keywords:
            arguments.append(f"{key}={arg if isinstance(arg, str) else items[arg]}")
        wait = "await " if call.step in self.waits else ""
        item = items[0] if len(items) == 1 else f"({', '.join(items)})"
        indent = self._guard(slots)
        guarded = indent == 16
        self.cuts.append(cuts)
        self._line(indent, "try:")
        self._line(indent + 4, f"{value} = {wait}f{index}({', '.join(arguments)})")
        self.made[len(self.lines)] = index
        self._line(indent, "except Exception as error:")
        self._line(indent + 4, f"{self._wait}fail{index}(error, {item})")
        if cuts:
            self._line(indent + 4, "continue")
        else:
            self._line(indent + 4, f"{value} = MISSING")
            self.droppable.add(call.step)
        if guarded:
            self._line(12, "else:")
            self._line(16, f"miss{index}()")
            self._line(16, "continue" if cuts else f"{value} = MISSING")
        self._put_guarded(call.step)

    def _put_guarded(self, slot: str) -> None:
        if any(sink.slot == slot for sink in self.loop.sinks):
            self._put(slot, self._guard((slot,)))

    def _yield(self, branch: int, made: int) -> None:
        slots = self.loop.branches[branch].slots
        values = [self.variables[slot] for slot in slots]
        item = values[0] if len(values) == 1 else f"({', '.join(values)})"
        indent = self._guard(slots)
        self._line(indent, f"yield ({branch}, {item})" if self.form == "fan" else f"yield {item}")
        self.made[len(self.lines)] = made
