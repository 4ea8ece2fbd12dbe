"""What it costs to compile, plan and export, and to start the tools."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.measure import (
    REPEAT,
    ROOT,
    Row,
    fresh_python,
    import_seconds,
    median_seconds,
    timed,
)
from synaflow_core import pipeline, run, step
from synaflow_core.contract import Contract, contract_of
from synaflow_core.contract.model import Source
from synaflow_core.pipeline import Pipeline
from synaflow_export.plan import PlanOptions, make_plan
from synaflow_export.target import Export, Sources, get_target

# what the function that generated tasks call does before it imports the user's code
WORKER = (
    "import pathlib, tempfile; from synaflow_export.runtime import exported, progress, storage; "
    "storage.open_store(tempfile.gettempdir(), pathlib.Path(), allow_pickle=False)"
)


@dataclass(frozen=True)
class Params:
    """How many items the first steps make."""

    count: int


def results() -> list[Row]:
    """Rows in the order of a user's way: build, run, plan, export, command line."""
    with tempfile.TemporaryDirectory() as folder:
        three = _declared(Path(folder), 3)
        many = _declared(Path(folder), 2_000)
        large = _contract(_declared(Path(folder), 10_000))
        thousand = _contract(_declared(Path(folder), 1_000))
    empty = pipeline("empty", None, [])
    build = [
        timed(
            "build of 3 steps", median_seconds(lambda: _built(three), calls=100), target="< 1 ms"
        ),
        timed("build of 2,000 steps", median_seconds(lambda: _built(many)), target="< 1 s"),
        timed(
            "run() of an empty pipeline",
            median_seconds(lambda: run(empty), calls=100),
            target="< 0.3 ms",
        ),
    ]
    return [
        *build,
        timed("plan of 10,000 steps", median_seconds(lambda: _planned(large)), target="< 2 s"),
        timed("export of 1,000 steps", median_seconds(lambda: _exported(thousand)), target="< 2 s"),
        timed("synaflow-export airflow pipe.py, cold", _cold_export(), target="< 1.5 s"),
        timed("import synaflow_core", import_seconds("import synaflow_core"), target="< 0.1 s"),
        timed(
            "start of a macro-task before user code",
            import_seconds(WORKER),
            target="< 0.4 s",
        ),
    ]


def _declared(folder: Path, count: int) -> ModuleType:
    """A module with ``count`` step functions, four chains side by side: stream, sum, stream ..."""
    width = min(4, max(1, count // 4))
    streams = [i // width % 2 == 0 and i + width < count for i in range(count)]
    source = ["from collections.abc import Generator, Iterator", ""]
    for i in range(count):
        parent = f"s{i - width}" if i >= width else "count"
        fed = i >= width and streams[i - width]
        takes = "Iterator[int]" if fed else "int"
        gives = "Generator[int, None, None]" if streams[i] else "int"
        value = f"sum({parent})" if fed else parent
        body = f"yield from range({value})" if streams[i] else f"return {value}"
        source += [f"def s{i}({parent}: {takes}) -> {gives}:", f"    {body}", ""]
    path = folder / f"steps_{count}.py"
    path.write_text("\n".join(source), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _built(module: ModuleType) -> Pipeline:
    functions: list[tuple[str, Any]] = [
        (name, fn) for name, fn in vars(module).items() if name[0] == "s" and name[1:].isdigit()
    ]
    return pipeline("generated", Params, [step(name, fn) for name, fn in functions])


def _contract(module: ModuleType) -> Contract:
    return contract_of(_built(module).dag, source=Source("pipe", "generated"))


def _planned(contract: Contract) -> object:
    return make_plan(contract, PlanOptions())


def _exported(contract: Contract) -> object:
    target = get_target("airflow")
    plan = make_plan(contract, PlanOptions())
    return target.view(Export(plan, contract, target.make_options({}), Sources("pipe.py")))


def _cold_export() -> float:
    """Median seconds of the whole command in a new process, interpreter start included."""
    example = str(ROOT / "examples" / "web_logs" / "pipe.py")

    def once() -> float:
        with tempfile.TemporaryDirectory() as out:
            start = time.perf_counter()
            fresh_python("-m", "synaflow_export", "airflow", example, "--out", out)
            return time.perf_counter() - start

    once()  # writes the bytecode
    return statistics.median(once() for _ in range(REPEAT))
