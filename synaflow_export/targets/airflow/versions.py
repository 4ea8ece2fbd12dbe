"""The versions of Airflow that are served, and everything that differs between them.

A DAG file is written for one version, or for all of Airflow 3; which Airflow is installed where it
is generated plays no part. One template serves all: it pastes what :class:`Dialect` says.

==========================  ==============================  =====================================
what                        Airflow 2.10, 2.11              Airflow 3
==========================  ==============================  =====================================
where names come from       ``airflow``, ``.decorators``,   ``airflow.sdk``
                            ``.models.param``, ...
announced datasets          ``Dataset``                     ``Asset``
growing retry delays        on or off: a factor of 2        3.0, 3.1 as in 2; from 3.2 any factor
==========================  ==============================  =====================================

The worker side needs no such table: :mod:`synaflow_export.runtime.airflow` runs on all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from synaflow_export.options.checks import Trouble
from synaflow_export.text.pylayout import LINE_LENGTH
from synaflow_export.text.pyname import PyLiteral

SERVED = ("2.10", "2.11", "3", "3.0", "3.1", "3.2", "3.3")

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(?:\.\d+)?")  # a patch version plays no part

_MODULES_3 = {
    "DAG": "airflow.sdk",
    "Asset": "airflow.sdk",
    "Param": "airflow.sdk",
    "TaskGroup": "airflow.sdk",
    "task": "airflow.sdk",
    "CronDataIntervalTimetable": "airflow.timetables.interval",
}
_MODULES_2 = {
    "DAG": "airflow",
    "Dataset": "airflow.datasets",
    "Param": "airflow.models.param",
    "TaskGroup": "airflow.utils.task_group",
    "task": "airflow.decorators",
    "CronDataIntervalTimetable": "airflow.timetables.interval",
}
NAMES = frozenset({*_MODULES_2, *_MODULES_3})
"""All names that a DAG file may import from Airflow, whatever the version."""


@dataclass(frozen=True)
class Dialect:
    """How one version of Airflow, or all of Airflow 3, is spoken to.

    Attributes:
        text: As in :data:`SERVED`.
    """

    text: str

    @classmethod
    def of(cls, version: str) -> Dialect:
        """The dialect of an option that :func:`served` has accepted."""
        return cls(_known(version) or "3")

    @property
    def is_2(self) -> bool:
        """Airflow 2."""
        return self.text.startswith("2.")

    @property
    def asset(self) -> str:
        """Name of the class of an announced dataset."""
        return "Dataset" if self.is_2 else "Asset"

    def imports(self, names: Iterable[str]) -> PyLiteral:
        """The import statements for some of :data:`NAMES`, sorted as import sorters do it."""
        homes = _MODULES_2 if self.is_2 else _MODULES_3
        by_module: dict[str, list[str]] = {}
        for name in sorted(names, key=_rank):
            by_module.setdefault(homes[name], []).append(name)
        lines = [
            f"from {module} import {', '.join(found)}"
            for module, found in sorted(by_module.items())
        ]
        assert all(len(line) <= LINE_LENGTH for line in lines)
        return PyLiteral("\n".join(lines))

    def growth_of_delays(self, factor: float) -> object:
        """The value of ``retry_exponential_backoff`` for a factor; None where it has none."""
        if factor == 1:
            return False
        if self.text not in ("3", "3.0", "3.1") and not self.is_2:
            return factor
        return True if factor == 2 and self.text != "3" else None


def served(value: object) -> Trouble:
    """Check of the option: a version of Airflow that is served."""
    if isinstance(value, float):  # 2.10 would be 2.1
        return "a version is a text, not a number", f'write it in quotes: "{SERVED[0]}"'
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _known(text):
        return None
    hint = "use 2.10 or 2.11" if str(value) == "2" else "3 stands for every Airflow 3"
    return f"it must be one of {', '.join(SERVED)}", hint


def _known(version: object) -> str | None:
    found = _NUMBER.fullmatch(str(version).strip())
    return found[1] if found and found[1] in SERVED else None


def _rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name
