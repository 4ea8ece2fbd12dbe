"""Shows a run while it goes on: bars on a terminal, one line every few seconds elsewhere.

Both look at the engine's counts from a thread of their own; the run does not wait for them.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from synaflow_export.cli.output import console

if TYPE_CHECKING:
    from synaflow_core import Monitor, StepReport

__all__ = ["progress"]

_LINE_EVERY_S = 5.0
_DRAWN_PER_S = 8
_MOST_BARS = 30
_MOST_NAMES = 3


@contextlib.contextmanager
def progress(monitor: Monitor, *, quiet: bool = False) -> Iterator[None]:
    """Show the counts of a run on stderr for as long as the block runs."""
    err = console(sys.stderr)
    if quiet:
        yield
    elif err.is_terminal:
        bars = _Bars(monitor)
        with Live(
            console=err,
            get_renderable=bars.draw,
            refresh_per_second=_DRAWN_PER_S,
            transient=True,
            # What steps print goes above the bars, but only if both end on the terminal.
            redirect_stdout=sys.stdout.isatty(),
        ):
            yield
    else:
        with _lines(monitor, err):
            yield


class _Bars:
    """One bar for the run, with what is at work, and one per step that has begun.

    The run's bar goes by the weights of the steps. How many items will come is not known before
    they came, so the bar of a running step only moves to and fro. A step whose clock stands still
    has ended; its bar is full.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._seen: dict[str, float] = {}  # step -> its duration at the last look

    def draw(self) -> Table:
        """Look at the counts; called by rich, from its own thread."""
        table = Table.grid(padding=(0, 2))
        for column in range(5):
            table.add_column(justify="right" if column in (2, 3) else "left")
        reports = self._monitor.snapshot()
        begun = [report for report in reports if report.duration]
        ended = {r.name for r in begun if self._seen.get(r.name) == r.duration}
        self._seen = {report.name: report.duration for report in begun}
        at_work = [report.name for report in begun if report.name not in ended]
        table.add_row(*_whole(self._monitor.progress(), at_work, reports))
        for report in begun[-_MOST_BARS:]:
            table.add_row(*_bar(report, ended=report.name in ended))
        return table


def _whole(
    progress: float, at_work: list[str], reports: list[StepReport]
) -> tuple[Text, ProgressBar, Text, Text, Text]:
    errors = sum(report.errors for report in reports)
    return (
        Text(_shortly(at_work) or "starting", style="bold", overflow="ellipsis", no_wrap=True),
        ProgressBar(total=1.0, completed=progress, width=24),
        Text(f"{progress:.0%}", style="bold"),
        Text(""),
        Text(f"{errors:,} errors" if errors else "", style="red"),
    )


def _shortly(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _bar(report: StepReport, *, ended: bool) -> tuple[Text, ProgressBar, Text, Text, Text]:
    done = report.ok + report.errors
    return (
        Text(report.name, overflow="ellipsis", no_wrap=True),
        ProgressBar(total=1.0, completed=1.0, width=24, pulse=not ended),
        Text(f"{report.ok:,}", style="green"),
        Text(f"{done / report.duration:,.0f}/s", style="dim"),
        Text(f"{report.errors:,} errors" if report.errors else "", style="red"),
    )


@contextlib.contextmanager
def _lines(monitor: Monitor, err: Console) -> Iterator[None]:
    ended = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        while not ended.wait(_LINE_EVERY_S):
            counts = [_count(r) for r in monitor.snapshot() if r.duration]
            if counts and monitor.weighted:
                counts.insert(0, f"{monitor.progress():.0%}")
            told = ", ".join(counts) or "starting"
            err.print(f"{time.monotonic() - began:.0f} s: {told}", soft_wrap=True)

    thread = threading.Thread(target=tell, name="synaflow-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _count(report: StepReport) -> str:
    errors = f" ({report.errors:,} errors)" if report.errors else ""
    return f"{report.name} {report.ok:,}{errors}"
