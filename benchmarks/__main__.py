"""Run all benchmarks, or those named: ``python -m benchmarks [streaming build ...]``."""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import sys
import traceback
from pathlib import Path

import benchmarks
from benchmarks.measure import Row

RESULTS = Path(__file__).with_name("results.md")
COLUMNS = ("what", "ours", "baseline", "ratio", "target")


def main(names: list[str]) -> int:
    """Measure, print and write down; 1 when a benchmark could not be run."""
    known = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; known: {', '.join(known)}")
        return 2
    sections: dict[str, list[Row]] = {}
    failed = False
    for name in names or known:
        module = importlib.import_module(f"benchmarks.{name}")
        if not hasattr(module, "results"):
            continue
        print(f"measuring {name} ...", flush=True)
        try:
            sections[name] = module.results()
        except Exception:
            traceback.print_exc()
            failed = True
            continue
        print(table(sections[name], plain=True), flush=True)
    if not names and not failed:
        RESULTS.write_text(document(sections), encoding="utf-8")
        print(f"written: {RESULTS}")
    return 1 if failed else 0


def document(sections: dict[str, list[Row]]) -> str:
    """The results as a page of Markdown."""
    machine = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} CPUs"
    parts = [
        "# Benchmarks",
        f"Written by `make bench` ({machine}). Median of five "
        "(of one where a run takes many seconds), both sides in turn in one run. "
        "`ratio` is our speed as a fraction of the baseline's unless the target says otherwise.",
    ]
    for name, rows in sections.items():
        parts += [f"## {name}", table(rows)]
    return "\n\n".join(parts) + "\n"


def table(rows: list[Row], *, plain: bool = False) -> str:
    """The rows as a table of Markdown, or aligned for a terminal."""
    cells = [COLUMNS, *(tuple(cell(row.get(column)) for column in COLUMNS) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    lines = [
        [text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in cells
    ]
    if plain:
        return "\n".join("  " + "  ".join(line).rstrip() for line in lines)
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """One cell: numbers short, nothing as nothing."""
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
