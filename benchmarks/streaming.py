"""Items per second of the engine against plain Python that does the same, and peak memory.

``python -m benchmarks.streaming '"linear"' 10000`` runs one pipeline, prints its peak KiB.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Row, compared, peak_kib
from synaflow_core import async_run, pipeline, run, step
from synaflow_core.pipeline import Pipeline

ITEMS = 1_000_000
FEW = 10_000


@dataclass(frozen=True)
class Params:
    """How many items."""

    count: int


def numbers(count: int) -> Generator[int, None, None]:
    yield from range(count)


# --- linear: three generators and a sum -----------------------------------------------------------


def doubled(numbers: Iterator[int]) -> Generator[int, None, None]:
    for number in numbers:
        yield number * 2


def shifted(doubled: Iterator[int]) -> Generator[int, None, None]:
    for number in doubled:
        yield number + 1


def total(shifted: Iterator[int]) -> int:
    return sum(shifted)


LINEAR = pipeline(
    "linear",
    Params,
    [
        step("numbers", numbers),
        step("doubled", doubled),
        step("shifted", shifted),
        step("total", total),
    ],
)


def linear_plain(count: int) -> int:
    return total(shifted(doubled(numbers(count))))


# --- EACH: three functions called once per item ---------------------------------------------------


def tripled(number: int) -> int:
    return number * 3


def lowered(tripled: int) -> int:
    return tripled - 1


def masked(lowered: int) -> int:
    return lowered & 0xFFFF


EACH = pipeline(
    "each_chain",
    Params,
    [
        step("numbers", numbers),
        step("tripled", tripled),
        step("lowered", lowered),
        step("masked", masked),
    ],
)


def each_plain(count: int) -> tuple[int, int, int]:
    """The loop that a careful user writes: a failing call drops its item and is counted."""
    errors = [0, 0, 0]
    for number in numbers(count):
        try:
            first = tripled(number)
        except Exception:
            errors[0] += 1
            continue
        try:
            second = lowered(first)
        except Exception:
            errors[1] += 1
            continue
        try:
            masked(second)
        except Exception:
            errors[2] += 1
    return errors[0], errors[1], errors[2]


# --- fan-out: two consumers that pull from one stream ---------------------------------------------


def evens(numbers: Iterator[int]) -> int:
    return sum(1 for number in numbers if not number & 1)


def biggest(numbers: Iterator[int]) -> int:
    largest = -1
    for number in numbers:
        largest = max(largest, number)
    return largest


FAN_OUT = pipeline(
    "fan_out",
    Params,
    [step("numbers", numbers), step("evens", evens), step("biggest", biggest)],
)


def fan_out_plain(count: int) -> tuple[int, int]:
    even, largest = 0, -1
    for number in numbers(count):
        if not number & 1:
            even += 1
        largest = max(largest, number)
    return even, largest


# --- diamond of EACH steps ------------------------------------------------------------------------


def half(number: int) -> int:
    return number >> 1


def third(number: int) -> int:
    return number // 3


def joined(half: int, third: int) -> int:
    return half - third


DIAMOND = pipeline(
    "diamond",
    Params,
    [
        step("numbers", numbers),
        step("half", half),
        step("third", third),
        step("joined", joined),
    ],
)


def diamond_plain(count: int) -> None:
    for number in numbers(count):
        joined(half(number), third(number))


# --- linear, asynchronous -------------------------------------------------------------------------

FEWER = 100_000


async def anumbers(count: int) -> AsyncGenerator[int, None]:
    for number in range(count):
        yield number


async def adoubled(anumbers: AsyncIterator[int]) -> AsyncGenerator[int, None]:
    async for number in anumbers:
        yield number * 2


async def ashifted(adoubled: AsyncIterator[int]) -> AsyncGenerator[int, None]:
    async for number in adoubled:
        yield number + 1


async def atotal(ashifted: AsyncIterator[int]) -> int:
    total = 0
    async for number in ashifted:
        total += number
    return total


ASYNC_LINEAR = pipeline(
    "async_linear",
    Params,
    [
        step("anumbers", anumbers),
        step("adoubled", adoubled),
        step("ashifted", ashifted),
        step("atotal", atotal),
    ],
)


def async_linear() -> None:
    asyncio.run(_async_linear())


async def _async_linear() -> None:
    await async_run(ASYNC_LINEAR, Params(FEWER))


def async_linear_plain() -> None:
    asyncio.run(_async_linear_plain())


async def _async_linear_plain() -> None:
    await atotal(ashifted(adoubled(anumbers(FEWER))))


PIPELINES = {"linear": LINEAR, "each": EACH, "fan-out": FAN_OUT, "diamond": DIAMOND}


def results() -> list[Row]:
    """Throughput at a million items, and how much memory grows from ten thousand to a million."""
    return [
        _speed("linear, 3 generators, 1e6 items", LINEAR, linear_plain, ">= 0.55"),
        _speed("EACH chain of 3, 1e6 items", EACH, each_plain, ">= 0.7"),
        _speed("fan-out to 2 pull consumers, 1e6 items", FAN_OUT, fan_out_plain, ">= 0.056 (1/18)"),
        _speed("diamond of EACH steps, 1e6 items", DIAMOND, diamond_plain, ">= 0.5"),
        compared(
            "async linear, 3 async generators, 1e5 items",
            async_linear,
            async_linear_plain,
            target=">= 0.5",
        ),
        *(_memory(name) for name in PIPELINES),
    ]


def _speed(what: str, pipe: Pipeline, plain: Callable[[int], object], target: str) -> Row:
    params = Params(ITEMS)
    return compared(what, lambda: run(pipe, params), lambda: plain(ITEMS), target=target)


def _memory(name: str) -> Row:
    few, many = (peak_kib("benchmarks.streaming", [name, count]) for count in (FEW, ITEMS))
    return {
        "what": f"peak memory, {name}, 1e4 -> 1e6 items",
        "ours": f"{many / 1024:.1f} MB",
        "baseline": f"{few / 1024:.1f} MB",
        "ratio": f"{(many - few) / 1024:+.2f} MB",
        "target": "< 2 MB more",
    }


def own_peak_kib() -> int:
    """Peak resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss of a child begins at its parent's size, this does not
        line = next(x for x in status.read_text("ascii").splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


if __name__ == "__main__":
    case, items = (json.loads(argument) for argument in sys.argv[1:])
    run(PIPELINES[case], Params(items))
    print(own_peak_kib())
