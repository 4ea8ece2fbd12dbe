"""What a macro-task says about its inner steps: in the log while it runs, and in numbers after.

An orchestrator shows one task where several steps run. The steps stay observable: a line every few
seconds while they run, one line per step at the end, and the same as JSON values.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from synaflow_core.engine import Monitor, StepReport

SECONDS_BETWEEN_LINES = 5.0

_MOST_STEPS = 8  # in one line
_MOST_REPORTS = 200  # as JSON values
_LONGEST_ERROR = 300


@contextmanager
def progress_lines(
    monitor: Monitor,
    logger: logging.Logger,
    every: float = SECONDS_BETWEEN_LINES,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Iterator[None]:
    """Log live counts, at most one line in ``every`` seconds and none when nothing moved.

    Where steps have a ``progress_weight`` the line begins with how far the macro-task is.

    A thread of its own looks at the monitor, so the steps are not slowed down.

    Args:
        monitor: Knows the counts.
        logger: Where the lines go.
        every: Seconds between two lines.
        on_progress: Called as often, with how far the macro-task is, from 0.0 to 1.0.
    """
    over = threading.Event()

    def watch() -> None:
        before: dict[str, tuple[int, int]] = {}
        percent = ""
        while not over.wait(every):
            now = {report.name: (report.ok, report.errors) for report in monitor.snapshot()}
            moved = [name for name, counts in now.items() if counts != before.get(name, (0, 0))]
            risen = f"{monitor.progress():.0%}" if monitor.weighted else ""
            if moved or risen != percent:
                shown = [_count(name, *now[name]) for name in moved[:_MOST_STEPS]]
                rest = len(moved) - _MOST_STEPS
                text = ", ".join([risen, *shown] if risen else shown)
                logger.info("so far: %s%s", text, f" and {rest} more steps" if rest > 0 else "")
            before, percent = now, risen
            if on_progress is not None:
                on_progress(monitor.progress())

    thread = threading.Thread(target=watch, name="synaflow-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def log_reports(reports: Iterable[StepReport], logger: logging.Logger) -> None:
    """Log one line per inner step; a warning where something failed or was skipped."""
    for report in reports:
        level = logging.INFO if report.status == "ok" and not report.errors else logging.WARNING
        logger.log(level, "%s", line_of(report))


def line_of(report: StepReport) -> str:
    """One step in one line: ``step 'parse': ok, 990 done, 10 errors, 1.2 s (first: ...)``."""
    parts = [report.status, f"{report.ok:,} done"]
    if report.errors:
        parts.append(f"{report.errors:,} error{'s' * (report.errors > 1)}")
    if report.skipped:
        parts.append(f"{report.skipped:,} skipped")
    parts.append(f"{report.duration:.1f} s")
    if report.rollback:
        parts.append(_cut(report.rollback))
    reason = report.reason or (f"first: {report.first_error}" if report.first_error else "")
    return f"step '{report.name}': {', '.join(parts)}{f' ({_cut(reason)})' if reason else ''}"


def report_values(
    macro_task: str, reports: Iterable[StepReport], duration: float
) -> dict[str, Any]:
    """The reports as small JSON values; of very many steps, those where something happened."""
    every = list(reports)
    told = every
    if len(every) > _MOST_REPORTS:
        told = [r for r in every if r.errors or r.status != "ok"][:_MOST_REPORTS]
    return {
        "macro_task": macro_task,
        "duration": round(duration, 3),
        "steps_omitted": len(every) - len(told),
        "steps": [
            {
                "name": report.name,
                "status": report.status,
                "ok": report.ok,
                "errors": report.errors,
                "skipped": report.skipped,
                "duration": round(report.duration, 3),
                "reason": _cut(report.reason),
                "first_error": _cut(report.first_error),
                "rollback": _cut(report.rollback),
            }
            for report in told
        ],
    }


def _count(name: str, ok: int, errors: int) -> str:
    return f"{name} {ok:,}" + (f" ({errors:,} error{'s' * (errors > 1)})" if errors else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_ERROR else f"{text[: _LONGEST_ERROR - 1]}…"
