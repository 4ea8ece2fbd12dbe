"""The params and the run key of a run that covers a window; see :mod:`synaflow_export.windows`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from synaflow_export.runtime.exported import Exported
from synaflow_export.windows.binding import bind_window
from synaflow_export.windows.calendar import Window


def windowed(
    exported: Exported,
    given: Mapping[str, Any],
    interval: tuple[datetime | None, datetime | None],
    *,
    run: str,
    run_key: str,
) -> tuple[dict[str, Any], str]:
    """Complete the params of a run by its window, where the export binds any.

    Args:
        exported: The folder of the export.
        given: Values of the params, as JSON values.
        interval: What the orchestrator says that the run covers; Nones where it does not know.
        run: The run, for messages.
        run_key: Key of the run's datasets where no window decides it.

    Returns:
        All values, and the key of the run's datasets.

    Raises:
        ParamsError: The window is not known.
    """
    spec = exported.window
    if spec is None:
        return dict(given), run_key
    start, end = interval
    # Runs that somebody starts by hand have an interval of no length on some orchestrators.
    window = Window(start, end) if start is not None and end is not None and start < end else None
    contract = exported.contract
    return bind_window(spec, contract.params_schema, contract.params, given, window, run=run)
