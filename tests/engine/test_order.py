"""The order of calls: one item passes through every stage before the next is pulled."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import pytest

from synaflow_core import Pipeline, pipeline, run, step
from synaflow_core.definition import Step


class Params(NamedTuple):
    count: int = 3


class Trace:
    """Steps that write down when they are called; ``p`` is a source of 0, 1, 2, …"""

    def __init__(self) -> None:
        self.log: list[str] = []

    def note(self, text: str, value: Any = None) -> Any:
        self.log.append(text)
        return value

    def source(self, name: str = "p", extra: int = 0) -> Callable[..., Any]:
        def produce(count: int) -> Generator[int, None, None]:
            for i in range(count + extra):
                yield self.note(f"{name}{i}", i)
            self.note(f"{name}END")

        return produce

    def reader(self, name: str, of: str) -> Callable[..., Any]:
        def read(stream: Iterator[int]) -> list[int]:
            return [self.note(f"{name}{item}", item) for item in stream]

        return renamed(read, {"stream": of})

    def each(self, name: str, of: str) -> Callable[..., Any]:
        def call(item: int) -> int:
            return int(self.note(f"{name}{item}", item))

        return renamed(call, {"item": of})


def renamed(fn: Callable[..., Any], names: dict[str, str]) -> Callable[..., Any]:
    """The same function with its parameters named after the datasets they shall receive."""
    parameters = ", ".join(names.values())
    space: dict[str, Any] = {"fn": fn}
    exec(f"def outer(fn):\n def inner({parameters}): return fn({parameters})\n return inner", space)
    inner = space["outer"](fn)
    hints = dict(fn.__annotations__)
    inner.__annotations__ = {names.get(key, key): hint for key, hint in hints.items()}
    inner.__globals__.update(fn.__globals__)
    return inner  # type: ignore[no-any-return] # made above


def traced(build: Callable[[Trace], list[Step]], params: Params | None = None) -> str:
    trace = Trace()
    run(build_pipeline(build(trace)), params or Params())
    return " ".join(trace.log)


def build_pipeline(steps: list[Step]) -> Pipeline:
    return pipeline("order", Params, steps)


def test_linear() -> None:
    def build(t: Trace) -> list[Step]:
        def through(p: Iterator[int]) -> Generator[int, None, None]:
            for item in p:
                yield t.note(f"t{item}", item)

        return [
            step("p", t.source()),
            step("through", through),
            step("c", t.reader("c", "through")),
        ]

    assert traced(build) == "p0 t0 c0 p1 t1 c1 p2 t2 c2 pEND"


@pytest.mark.parametrize("names", ["xy", "xyz", "wxyz"])
def test_fan_out_of_pull_consumers_in_declaration_order(names: str) -> None:
    def build(t: Trace) -> list[Step]:
        return [step("p", t.source()), *(step(n, t.reader(n, "p")) for n in names)]

    rounds = [f"p{i} " + " ".join(f"{n}{i}" for n in names) for i in range(3)]
    assert traced(build) == " ".join([*rounds, "pEND"])


def test_fan_out_mixes_kinds_in_declaration_order() -> None:
    def build(t: Trace) -> list[Step]:
        return [
            step("p", t.source()),
            step("x", t.reader("x", "p")),
            step("e", t.each("e", "p")),
            step("y", t.reader("y", "p")),
            step("f", t.each("f", "p")),
        ]

    assert traced(build) == "p0 x0 e0 y0 f0 p1 x1 e1 y1 f1 p2 x2 e2 y2 f2 pEND"


def test_a_collecting_consumer_does_not_hold_up_a_lazy_one() -> None:
    def build(t: Trace) -> list[Step]:
        def whole(p: list[int]) -> int:
            return int(t.note(f"list{p}", len(p)))

        return [step("p", t.source()), step("x", t.reader("x", "p")), step("whole", whole)]

    assert traced(build) == "p0 x0 p1 x1 p2 x2 pEND list[0, 1, 2]"


def test_diamond_of_each_steps() -> None:
    def build(t: Trace) -> list[Step]:
        def j(a: int, b: int) -> int:
            return int(t.note(f"j{a}{b}", 0))

        return [
            step("p", t.source()),
            step("a", t.each("a", "p")),
            step("b", t.each("b", "p")),
            step("j", j),
        ]

    assert traced(build) == "p0 a0 b0 j00 p1 a1 b1 j11 p2 a2 b2 j22 pEND"


def test_diamond_read_by_one_pull_consumer() -> None:
    def build(t: Trace) -> list[Step]:
        def j(a: Iterator[int], b: Iterator[int]) -> int:
            return sum(int(t.note(f"j{x}{y}", 1)) for x, y in zip(a, b, strict=True))

        return [
            step("p", t.source()),
            step("a", t.each("a", "p")),
            step("b", t.each("b", "p")),
            step("j", j),
        ]

    assert traced(build) == "p0 a0 b0 j00 p1 a1 b1 j11 p2 a2 b2 j22 pEND"


def test_fan_out_behind_a_fan_out() -> None:
    def build(t: Trace) -> list[Step]:
        def through(p: Iterator[int]) -> Generator[int, None, None]:
            for item in p:
                yield t.note(f"t{item}", item)

        return [
            step("p", t.source()),
            step("through", through),
            step("x", t.reader("x", "through")),
            step("y", t.reader("y", "through")),
            step("z", t.reader("z", "p")),
        ]

    assert traced(build) == "p0 t0 x0 y0 z0 p1 t1 x1 y1 z1 p2 t2 x2 y2 z2 pEND"


def test_independent_streams_are_zipped_to_the_longest() -> None:
    seen: list[tuple[int | None, int | None]] = []

    def build(t: Trace) -> list[Step]:
        def pair(p: int | None, q: int | None) -> None:
            seen.append((p, q))
            t.note(f"z{p},{q}")

        return [step("p", t.source()), step("q", t.source("q", extra=1)), step("pair", pair)]

    assert traced(build, Params(2)) == "p0 q0 z0,0 p1 q1 z1,1 pEND q2 zNone,2 qEND"
    assert seen == [(0, 0), (1, 1), (None, 2)]


@pytest.mark.parametrize("kind", ["generator", "each", "each-to-each"])
def test_max_in_flight_keeps_a_full_window(kind: str) -> None:
    """Produced/delivered with 3 is (3,1) (4,2) (5,3): topped up on request, then one delivered."""

    def build(t: Trace) -> list[Step]:
        if kind == "generator":
            return [step("p", t.source(), max_in_flight=3), step("c", t.reader("c", "p"))]
        first = [step("s", t.source("s")), step("p", t.each("p", "s"), max_in_flight=3)]
        last = t.reader("c", "p") if kind == "each" else t.each("c", "p")
        return [*first, step("c", last)]

    trace = [word for word in traced(build, Params(6)).split() if word[0] in "pc"]
    calls = [word for word in trace if word[-1].isdigit()]
    assert calls == "p0 p1 p2 c0 p3 c1 p4 c2 p5 c3 c4 c5".split()


def test_max_in_flight_yields_to_alignment() -> None:
    """A join needs both branches of one item, so a window on one of them has no effect."""

    def build(t: Trace) -> list[Step]:
        def j(a: int, b: int) -> int:
            return int(t.note(f"j{a}{b}", 0))

        return [
            step("p", t.source()),
            step("a", t.each("a", "p"), max_in_flight=3),
            step("b", t.each("b", "p")),
            step("j", j),
        ]

    assert traced(build, Params(2)) == "p0 a0 b0 j00 p1 a1 b1 j11 pEND"


def test_the_order_is_the_same_on_every_run() -> None:
    def build(t: Trace) -> list[Step]:
        return [
            step("p", t.source()),
            step("x", t.reader("x", "p")),
            step("e", t.each("e", "p"), max_in_flight=2),
            step("y", t.reader("y", "e")),
            step("z", t.reader("z", "e")),
        ]

    assert len({traced(build, Params(20)) for _ in range(5)}) == 1
