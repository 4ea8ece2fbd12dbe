"""How things are measured: side by side in one run, median of five, garbage collected first."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPEAT = 5

Row = dict[str, Any]

_BYTECODE = tempfile.TemporaryDirectory(prefix="synaflow-bench-")


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_seconds(work: Callable[[], object], *, calls: int = 1) -> float:
    """Median wall-clock seconds of one call, each time taken over ``calls`` calls in a row."""

    def several() -> None:
        for _ in range(calls):
            work()

    return statistics.median(seconds(several) for _ in range(REPEAT)) / calls


def side_by_side(
    ours: Callable[[], object], baseline: Callable[[], object], repeat: int = REPEAT
) -> tuple[float, float]:
    """Median seconds of both, called in turn so that a slow moment of the machine meets both."""
    pairs = [(seconds(ours), seconds(baseline)) for _ in range(repeat)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def compared(
    what: str,
    ours: Callable[[], object],
    baseline: Callable[[], object],
    *,
    target: str,
    repeat: int = REPEAT,
) -> Row:
    """A row whose ratio is our speed as a fraction of the baseline's: 0.5 is half as fast."""
    mine, other = side_by_side(ours, baseline, repeat)
    return {
        "what": what,
        "ours": duration(mine),
        "baseline": duration(other),
        "ratio": other / mine,
        "target": target,
    }


def timed(what: str, taken: float, *, target: str) -> Row:
    """A row without a baseline."""
    return {"what": what, "ours": duration(taken), "baseline": "", "ratio": None, "target": target}


def duration(taken: float) -> str:
    """Seconds as text with a unit that suits them."""
    if taken < 1e-3:
        return f"{taken * 1e6:.0f} us"
    return f"{taken * 1e3:.1f} ms" if taken < 1 else f"{taken:.2f} s"


def fresh_python(*args: str, env: dict[str, str] | None = None) -> str:
    """Standard output of a new interpreter; raises with its error output when it fails.

    It reads and writes bytecode, as an installed package has it, in a folder of its own.
    """
    cache = {"PYTHONPYCACHEPREFIX": _BYTECODE.name, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, *args],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **cache, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"python {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def import_seconds(statement: str, repeat: int = REPEAT) -> float:
    """Median seconds that ``statement`` takes in a new interpreter, its start not counted."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    fresh_python("-c", code)  # writes the bytecode
    return statistics.median(
        float(fresh_python("-c", code).splitlines()[-1]) for _ in range(repeat)
    )


def peak_kib(module: str, arguments: Sequence[object]) -> int:
    """Peak memory of ``python -m module arguments...``, which prints it as its last line."""
    out = fresh_python("-m", module, *(json.dumps(argument) for argument in arguments))
    return int(out.splitlines()[-1])
