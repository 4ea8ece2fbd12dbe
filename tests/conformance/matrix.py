"""The matrix of scenarios and ways to run them, as a Markdown page and as a closing table.

A cell is ``ok`` when the outputs, counts and failure are those of ``run()``, or a number that
leads to the reason why the scenario cannot run there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.conformance.runners import RUNNERS, runner_class
from tests.scenarios.catalogue import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"

_HEAD = """# Conformance

Every scenario of `tests/scenarios/` runs in each of these ways. Its outputs, the counts of every
step, the files that its steps leave behind and the error that ends it equal those of `run()`.
`make test` prints this table, and checks this page against it.

The first columns are the plan's macro-tasks at each granularity, through a real store; `shards`
cuts every step that can be cut, at granularity `step`, and `rehearse` runs each macro-task and each
shard in a process of its own. The orchestrators are real ones.

"""


def gaps() -> dict[tuple[str, str], str]:
    """(scenario, column) -> why it cannot run there."""
    return {
        (scenario, column): reason
        for column in RUNNERS
        for scenario, reason in runner_class(column).gaps.items()
    }


def page() -> str:
    """The page in the documentation."""
    lines, reasons = table(gaps(), {})
    notes = [f"\n{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return _HEAD + "\n".join(lines) + "\n" + "".join(notes) + ("\n" if notes else "")


def table(
    missing: Mapping[tuple[str, str], str], failed: Mapping[tuple[str, str], str]
) -> tuple[list[str], list[str]]:
    """Rows of the matrix in Markdown, and the reasons that its numbers lead to."""
    reasons = list(dict.fromkeys(missing.values()))
    rows = [["scenario", *RUNNERS]]
    for scenario in SCENARIOS:
        cells = (_cell(missing, failed, (scenario.name, column), reasons) for column in RUNNERS)
        rows.append([f"`{scenario.name}`", *cells])
    return list(_aligned(rows)), reasons


def _cell(
    missing: Mapping[tuple[str, str], str],
    failed: Mapping[tuple[str, str], str],
    key: tuple[str, str],
    reasons: list[str],
) -> str:
    if key in failed:
        return failed[key]
    return f"({reasons.index(missing[key]) + 1})" if key in missing else "ok"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for index, row in enumerate(rows):
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(padded)} |"
        if index == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
