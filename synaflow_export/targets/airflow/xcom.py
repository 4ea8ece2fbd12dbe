"""Keys of XComs: what the DAG file reads and the worker writes, so both take them from here."""

from __future__ import annotations

from collections.abc import Iterable

from synaflow_export.text.pyname import NameAllocator, TaskId

REPORT_KEY = "synaflow_report"
"""The counts per inner step."""

AT_WORK_KEY = "synaflow_at_work"
"""True when a task has begun, False when it has ended; only where a rollback may have to wait."""

_TAKEN = frozenset({"return_value", REPORT_KEY, AT_WORK_KEY})


class _Key(TaskId):
    """A key of a length that leaves room for others on the same line."""

    __slots__ = ()
    max_length = 60


def xcom_keys(datasets: Iterable[str]) -> dict[str, str]:
    """Dataset -> key of its reference, for a task that writes several.

    A key is the dataset's name wherever Airflow can carry that: keys travel in the path of a URL,
    which breaks on other than ASCII characters.
    """
    keys = NameAllocator(_Key, _TAKEN, "dataset").allocate_all(datasets)
    return {dataset: str(key) for dataset, key in keys.items()}
