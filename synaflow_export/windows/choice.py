"""The window that the options of a target choose: ``--window day --bind since=start``."""

from __future__ import annotations

from synaflow_core.errors import ExportError, Problem
from synaflow_export.options.common import CommonOptions
from synaflow_export.options.model import TargetOptions
from synaflow_export.options.schedule import as_cron
from synaflow_export.windows.binding import WindowSpec
from synaflow_export.windows.calendar import UNITS, Calendar, Unit
from synaflow_export.windows.pairs import bindings


def window_of(options: TargetOptions) -> WindowSpec | None:
    """What the plan is told of windows; None where runs have none.

    Raises:
        ExportError: A window without params that take it, or the other way round, or a schedule
            that does not tick once per window.
    """
    if not isinstance(options, CommonOptions) or not (options.window or options.bind):
        return None
    if options.window is None:
        raise _refused(
            "bind", "params are bound to windows, and there are none", "add --window day"
        )
    if not options.bind:
        hint = "add --bind PARAM=start, --bind PARAM=end or both"
        raise _refused("window", "no param takes the bounds of the window", hint)
    unit: Unit = options.window
    try:
        Calendar.of(unit, options.schedule, options.timezone)
        bound = bindings(options.bind)
    except ValueError as error:
        raise _refused("window", str(error), "or leave --schedule out") from error
    schedule = as_cron(options.schedule or UNITS[unit])
    return WindowSpec(unit, schedule, options.timezone, bound)


def _refused(option: str, message: str, hint: str) -> ExportError:
    problem = Problem("options", f"option '{option}'", "bad-window", message, hint)
    return ExportError("these options cannot be honoured", [problem])
