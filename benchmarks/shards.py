"""Shards, and streams that cross a boundary: memory, speed-up on two processes, planning.

``python -m benchmarks.shards '"shard"' 10000`` cuts a dataset of so many rows into four, runs the
third slice, and prints the peak KiB; ``'"join"'`` reads two aligned branches instead, ``'"whole"'``
reads the parts of four shards as one dataset.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.measure import (
    Row,
    duration,
    fresh_python,
    median_seconds,
    peak_kib,
    timed,
)
from benchmarks.streaming import own_peak_kib
from synaflow_core import Pipeline, pipeline, step
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.joining import ShardResult, join_shards
from synaflow_core.macro.shards import ShardSpec, split
from synaflow_core.macro.task import MacroSpec, run_macro_task
from synaflow_export.plan import Plan, PlanOptions, make_plan

FEW, MANY, MORE = 10_000, 1_000_000, 3_000_000


class Params(NamedTuple):
    """Number of rows."""

    number: int


def rows(number: int) -> Iterator[int]:
    yield from range(number)


def half(row: int) -> float:
    if row % 10 == 0:
        raise ValueError("ten")
    return row / 2


def third(row: int) -> float:
    if row % 7 == 0:
        raise ValueError("seven")
    return row / 3


def both(half: float, third: float) -> float:
    return half + third


def total(boths: Iterator[float]) -> float:
    return sum(boths)


def example() -> Pipeline:
    """Two branches that drop items and meet again."""
    quiet: Any = {"error_materializer": lambda context: None}
    return pipeline(
        "bench",
        Params,
        [
            step("rows", rows),
            step("half", half, **quiet),
            step("third", third, **quiet),
            step("both", both),
            step("total", total),
        ],
    )


class Run:
    """The macro-tasks of a plan, run one at a time in this process."""

    def __init__(self, folder: str, options: PlanOptions, count: int) -> None:
        self.made = example()
        self.plan: Plan = make_plan(self.made.contract(), options)
        self.store = HandoffStore(folder)
        self.count = count

    def task(self, name: str, refs: dict[str, DatasetRef | None], **more: Any) -> Any:
        """Run one macro-task, or a shard of it."""
        return run_macro_task(
            self.made,
            self.spec(name),
            params={"number": self.count},
            inputs=refs,
            store=self.store,
            run_key="r",
            **more,
        )

    def spec(self, name: str) -> MacroSpec:
        """What a worker decodes."""
        return msgspec.json.decode(msgspec.json.encode(self.plan.task(name)), type=MacroSpec)


def measure(which: str, count: int, folder: str) -> int:
    """Peak KiB of one macro-task whose inputs other processes have written."""
    if which in ("rows", "half", "third", "join"):
        run = Run(folder, PlanOptions("step"), count)
        names = {"rows": [], "half": ["rows"], "third": ["rows"], "join": ["half", "third"]}[which]
        result = run.task("both" if which == "join" else which, _kept(folder, names))
    else:
        run = Run(folder, PlanOptions(shards=(("both", 4),)), count)
        refs = _kept(folder, ["rows"] if which != "whole" else ["both"])
        if which == "whole":
            result = run.task("total", refs)
        elif which == "parts":
            shards = split(ShardSpec("rows", 4, 1, 4), count)
            parts = [
                ShardResult(s, done.refs, done.report)
                for s in shards
                for done in [run.task("both", refs, shard=s)]
            ]
            result = join_shards(
                run.spec("both"),
                parts,
                contract=run.made.contract(),
                store=run.store,
                run_key="r",
            )
        else:
            shard = split(ShardSpec("rows", 4, 1, 4), count)[2]
            result = run.task("both", refs, shard=shard)
    for name, ref in result.refs.items():
        if ref is not None:
            Path(folder, f"{name}.ref").write_text(json.dumps(ref.to_dict()))
    return own_peak_kib()


def _kept(folder: str, names: list[str]) -> dict[str, DatasetRef | None]:
    return {
        name: DatasetRef.from_dict(json.loads(Path(folder, f"{name}.ref").read_text()))
        for name in names
    }


def _peak(which: str, before: list[str], count: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for name in before:
            peak_kib("benchmarks.shards", (name, count, folder))
        return peak_kib("benchmarks.shards", (which, count, folder))


def memory(what: str, which: str, before: list[str], datasets: int) -> list[Row]:
    """Peak memory of one macro-task with few, many and more rows.

    Few rows fit into one block; from then on each dataset that is open holds a block of 1 MiB and
    a chunk of it decoded, whatever the number of rows.
    """
    peaks = [_peak(which, before, count) for count in (FEW, MANY, MORE)]
    steps = [("1e4 -> 1e6", f"a block in each of {datasets}"), ("1e6 -> 3e6", "< 2 MB more")]
    return [
        {
            "what": f"peak memory, {what}, {rows_} rows",
            "ours": f"{after / 1024:.1f} MB",
            "baseline": f"{first / 1024:.1f} MB",
            "ratio": f"{(after - first) / 1024:+.2f} MB",
            "target": target,
        }
        for (rows_, target), (first, after) in zip(steps, pairwise(peaks), strict=True)
    ]


CPU_BOUND = """
from collections.abc import Iterator

from synaflow_core import pipeline, step


def rows() -> Iterator[int]:
    yield from range(400)


def work(row: int) -> int:
    total = 0
    for i in range(100_000):
        total += i ^ row
    return total


def listed(works: list[int]) -> int:
    return sum(works)


steps = [step("rows", rows), step("work", work, shards=2), step("listed", listed)]
p = pipeline("cpu", None, steps)
"""


def speed_up() -> Row:
    """A CPU-bound EACH step as two shards, one after the other and both at a time."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder, "pipe.py")
        pipe.write_text(CPU_BOUND)
        taken: dict[str, list[float]] = {"1": [], "2": []}
        for _ in range(3):
            for jobs, times in taken.items():
                out = fresh_python(
                    *("-m", "synaflow_export", "rehearse", str(pipe)),
                    *("--jobs", jobs, "--format", "json", "--quiet"),
                )
                tasks = {task["name"]: task["seconds"] for task in json.loads(out)["macro_tasks"]}
                times.append(tasks["work"])
    one, two = statistics.median(taken["1"]), statistics.median(taken["2"])
    return {
        "what": "CPU-bound EACH step in 2 shards: 2 processes against 1",
        "ours": duration(two),
        "baseline": duration(one),
        "ratio": one / two,
        "target": ">= 1.7 on two cores",
    }


def planning() -> Row:
    """Plan a sharded pipeline, and cut its rows into a thousand slices."""
    contract = example().contract()
    options = PlanOptions(shards=(("both", 1000),))

    def work() -> None:
        plan = make_plan(contract, options)
        shards = plan.task("both").shards
        assert shards is not None
        split(ShardSpec(shards.dataset, shards.count, 1, 1000), 10**9)

    return timed("1,000 shards planned", median_seconds(work), target="< 1 s")


def results() -> list[Row]:
    """All rows of this benchmark."""
    return [
        *memory("a stream spilled to the store, written", "rows", [], 1),
        *memory("an EACH step between two datasets", "half", ["rows"], 3),
        *memory("a join of two aligned datasets", "join", ["rows", "half", "third"], 5),
        *memory("one shard of four", "shard", ["rows"], 2),
        *memory("a dataset in parts, read", "whole", ["rows", "parts"], 1),
        planning(),
        speed_up(),
    ]


if __name__ == "__main__":
    print(measure(*(json.loads(argument) for argument in sys.argv[1:])))
