"""Windows of time as partitions: every asset is partitioned, the schedule runs the last one.

The partitions are those of :class:`synaflow_export.windows.calendar.Calendar`, and a partition's
key is when its window begins, as Dagster writes it.
"""

from __future__ import annotations

from synaflow_export.text.pylayout import Group, Node, call, value
from synaflow_export.windows.binding import WindowSpec
from synaflow_export.windows.calendar import Unit

_CLASSES: dict[Unit, str] = {
    "hour": "dg.HourlyPartitionsDefinition",
    "day": "dg.DailyPartitionsDefinition",
    "week": "dg.WeeklyPartitionsDefinition",
    "month": "dg.MonthlyPartitionsDefinition",
}


def key_format(unit: Unit) -> str:
    """How Dagster writes the key of a partition: for ``strftime`` here, ``strptime`` on workers."""
    return "%Y-%m-%d-%H:%M" if unit == "hour" else "%Y-%m-%d"


def partitions(spec: WindowSpec, start_date: str) -> Group:
    """The partitions definition of a window.

    Args:
        spec: From the plan.
        start_date: Day of the first partition, as Dagster writes it.
    """
    calendar = spec.calendar
    start = f"{start_date}-00:00" if spec.unit == "hour" else start_date
    named: dict[str, Node | str] = {"start_date": value(start), "timezone": "TIMEZONE"}
    if calendar.minute:
        named["minute_offset"] = value(calendar.minute)
    if calendar.hour:
        named["hour_offset"] = value(calendar.hour)
    if spec.unit == "week" and calendar.weekday:
        named["day_offset"] = value(calendar.weekday)
    if spec.unit == "month" and calendar.day != 1:
        named["day_offset"] = value(calendar.day)
    return call(_CLASSES[spec.unit], named=named)
