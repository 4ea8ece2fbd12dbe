"""The sections of a settings file, and what each of them sets.

    schedule = "@daily"                     for every pipeline on every target
    [airflow]                               for every pipeline, on one target
    [env.prod]                              ... in one environment
    [pipeline.orders]                       for one pipeline
    [pipeline.orders.task.total]            for one of its macro-tasks
    [pipeline.orders.step.parse]            for the macro-task that holds one of its steps

A table of a target may stand in each of them (``[pipeline.orders.airflow]``), and ``[env.prod]``
may hold all that the file itself holds (``[env.prod.pipeline.orders]``), but no environment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synaflow_core.errors import Problem
from synaflow_export.config.find import Document
from synaflow_export.options.model import nearest_of

_INSIDE = {
    "": ("env", "pipeline"),
    "env": ("pipeline",),
    "pipeline": ("task", "step"),
    "task": (),
    "step": (),
}
"""Kind of a section -> kinds of the sections that it may hold."""

_WRITTEN = {
    "env": "[env.NAME]",
    "pipeline": "[pipeline.NAME]",
    "task": "[pipeline.NAME.task.NAME]",
    "step": "[pipeline.NAME.step.NAME]",
}


@dataclass(frozen=True)
class Section:
    """For what the options of a table hold; None where it is for all.

    Attributes:
        env: Environment.
        pipeline: Name of a pipeline.
        task: Macro-task of that pipeline.
        step: Step of that pipeline; never together with ``task``.
        target: Name of a target.
        path: Keys of the table in the file.
    """

    env: str | None = None
    pipeline: str | None = None
    task: str | None = None
    step: str | None = None
    target: str | None = None
    path: tuple[str, ...] = ()

    @property
    def level(self) -> int:
        """0: all pipelines, 1: one pipeline, 2: one macro-task, 3: one step."""
        levels = (self.pipeline, self.task, self.step)
        return max((n for n, name in enumerate(levels, 1) if name is not None), default=0)

    @property
    def strength(self) -> tuple[int, bool, bool]:
        """What is set in a section of greater strength wins."""
        return self.level, self.env is not None, self.target is not None

    def __str__(self) -> str:
        return f"[{'.'.join(map(_quoted, self.path))}]" if self.path else ""


@dataclass(frozen=True)
class Entry:
    """One option that the file sets.

    Attributes:
        section: For what.
        name: Name of the option.
        value: As TOML has it.
        where: ``synaflow.toml:12``.
    """

    section: Section
    name: str
    value: Any
    where: str


def shard_pair(entry: Entry) -> str:
    """What a step's own ``shards = 8`` is at the level of the pipeline: ``normalize=8``."""
    return f"{entry.section.step}={entry.value}"


@dataclass(frozen=True)
class Entries:
    """All that a settings file sets.

    Attributes:
        entries: In the order of the file.
        sections: Every table, those that set nothing included, with its place.
        problems: What is wrong with the tables.
    """

    entries: tuple[Entry, ...]
    sections: Mapping[Section, str]
    problems: tuple[Problem, ...]

    def named(self, kind: str, **of: str | None) -> dict[str, str]:
        """Name -> place of the sections of a kind: ``named("task", pipeline="orders")``."""
        return {
            str(getattr(section, kind)): where
            for section, where in reversed(tuple(self.sections.items()))
            if getattr(section, kind) is not None
            and all(getattr(section, key) == name for key, name in of.items())
        }


def read_entries(document: Document, targets: Collection[str], options: Collection[str]) -> Entries:
    """Take a settings file apart.

    Args:
        document: The file.
        targets: Names of all targets that are installed.
        options: Names of all options there are: those may have a table as their value.
    """
    reader = _Reader(document, targets, options, [], {}, [])
    reader.read(document.content, Section(), "")
    return Entries(tuple(reader.entries), reader.sections, tuple(reader.problems))


@dataclass(frozen=True)
class _Reader:
    document: Document
    targets: Collection[str]
    options: Collection[str]
    entries: list[Entry]
    sections: dict[Section, str]
    problems: list[Problem]

    def read(self, table: Mapping[str, Any], section: Section, kind: str) -> None:
        self.sections[section] = self.document.place(section.path)
        for key, value in table.items():
            path = (*section.path, key)
            if key in _WRITTEN:
                self._read_named(key, value, section, kind)
            elif section.target is None and key in self.targets and isinstance(value, dict):
                self.read(value, replace(section, target=key, path=path), "target")
            elif isinstance(value, dict) and key not in self.options:
                known = {*_INSIDE.get(kind, ()), *(self.targets if kind != "target" else ())}
                hint = nearest_of(key, known) if known else "only options may stand here"
                if hint.startswith("known"):
                    hint += "; a target of another package must be installed here"
                self._add(path, "unknown-section", "there is no such section", hint)
            else:
                self.entries.append(Entry(section, key, value, self.document.place(path)))

    def _read_named(self, key: str, value: Any, section: Section, kind: str) -> None:
        path = (*section.path, key)
        if key not in _INSIDE.get(kind, ()):
            message = f"a section '{key}' cannot stand in {str(section) or 'the file itself'}"
            self._add(path, "misplaced-section", message, f"write {_WRITTEN[key]}")
            return
        tables = value if isinstance(value, dict) else {"": value}
        for name, table in tables.items():
            if not isinstance(table, dict):
                message = f"'{key}' must hold tables, one per name"
                self._add(path, "no-table", message, f"write {_WRITTEN[key]}")
                return
            self.read(table, replace(section, **{key: name}, path=(*path, name)), key)

    def _add(self, path: tuple[str, ...], code: str, message: str, hint: str) -> None:
        subject = f"[{'.'.join(map(_quoted, path))}]"
        self.problems.append(Problem(self.document.place(path), subject, code, message, hint))


def _quoted(key: str) -> str:
    bare = key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)
    return key if bare else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
