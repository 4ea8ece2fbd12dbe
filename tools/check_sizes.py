"""Counts lines: a source file over the hard limit holds more than one concept.

Run by ``make check`` and by the tests. The soft limit is a hint, the hard one an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("synaflow_core", "synaflow_export")
SOFT_LIMIT = 250
HARD_LIMIT = 400


def line_counts(root: Path = ROOT) -> dict[str, int]:
    """Lines of every source file of the packages, longest first, by path relative to ``root``."""
    counts = {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
    }
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def main() -> int:
    """Print what is too long; 1 when a file is over the hard limit."""
    counts = line_counts()
    too_long = {name: lines for name, lines in counts.items() if lines > HARD_LIMIT}
    for name, lines in counts.items():
        if lines > SOFT_LIMIT:
            limit = f"hard limit {HARD_LIMIT}" if name in too_long else f"soft limit {SOFT_LIMIT}"
            print(f"{name}: {lines} lines ({limit})")
    print(f"{len(counts)} files, longest {max(counts.values(), default=0)} lines")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
