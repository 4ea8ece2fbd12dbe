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
_MOST_COUNTS = 8  # in one line


@contextlib.contextmanager
def progress(monitor: Monitor, *, quiet: bool = False) -> Iterator[None]:
    """Show the counts of a run on stderr for as long as the block runs."""
    err = console(sys.stderr)
    if quiet:
        yield
    elif err.is_terminal and not err.is_dumb_terminal:
        bars = _Bars(monitor, err)
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
    they came, so the bar of a running step only moves to and fro; that of one that has ended is
    full.
    """

    def __init__(self, monitor: Monitor, console: Console) -> None:
        self._monitor = monitor
        self._console = console

    def draw(self) -> Table:
        """Look at the counts; called by rich, from its own thread."""
        table = Table.grid(padding=(0, 2))
        for column in range(5):
            table.add_column(justify="right" if column in (2, 3) else "left")
        at_work = self._monitor.at_work()
        reports = self._monitor.snapshot()
        begun = [report for report in reports if report.duration]
        now = _shortly(at_work) or _between_steps(self._monitor, begun)
        table.add_row(*_whole(self._monitor.progress(), now, reports))
        room = max(self._console.height - 2, 1)  # what does not fit is cut off at the end
        for report in begun[-min(_MOST_BARS, room) :]:
            table.add_row(*_bar(report, ended=report.name not in at_work))
        return table


def _whole(
    progress: float, now: str, reports: list[StepReport]
) -> tuple[Text, ProgressBar, Text, Text, Text]:
    return (
        Text(now, style="bold", overflow="ellipsis", no_wrap=True),
        ProgressBar(total=1.0, completed=progress, width=24),
        Text(f"{progress:.0%}", style="bold"),
        Text(""),
        Text(_errors(sum(report.errors for report in reports)), style="red"),
    )


def _between_steps(monitor: Monitor, begun: list[StepReport]) -> str:
    """What goes on when no step is at work."""
    if monitor.undoing:
        return "rolling back"
    return "ending" if begun else "starting"


def _errors(number: int) -> str:
    return f"{number:,} error{'s' * (number > 1)}" if number else ""


def _shortly(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _bar(report: StepReport, *, ended: bool) -> tuple[Text, ProgressBar, Text, Text, Text]:
    return (
        Text(report.name, overflow="ellipsis", no_wrap=True),
        ProgressBar(total=1.0, completed=1.0, width=24, pulse=not ended),
        Text(f"{report.ok:,}", style="green"),
        Text(_rate(report), style="dim"),
        Text(_errors(report.errors), style="red"),
    )


def _rate(report: StepReport) -> str:
    return f"{(report.ok + report.errors) / report.duration:,.0f}/s"


@contextlib.contextmanager
def _lines(monitor: Monitor, err: Console) -> Iterator[None]:
    ended = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        while not ended.wait(_LINE_EVERY_S):
            err.print(f"{time.monotonic() - began:.0f} s: {_line(monitor)}", soft_wrap=True)

    thread = threading.Thread(target=tell, name="synaflow-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _line(monitor: Monitor) -> str:
    """How far the run is, the steps at work with their counts, and the errors of all steps."""
    at_work = monitor.at_work()
    reports = monitor.snapshot()
    begun = [report for report in reports if report.duration]
    working = [report for report in begun if report.name in at_work]
    told = [f"{monitor.progress():.0%}"] if begun and monitor.weighted else []
    told += [_count(report) for report in working[:_MOST_COUNTS]]
    if len(working) > _MOST_COUNTS:
        told.append(f"{len(working) - _MOST_COUNTS} more steps")
    if not working:
        told.append(_between_steps(monitor, begun))
    told += filter(None, [_errors(sum(report.errors for report in reports))])
    return ", ".join(told)


def _count(report: StepReport) -> str:
    return f"{report.name} {report.ok:,} ({_rate(report)})"
