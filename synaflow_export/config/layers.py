"""What holds for one pipeline on one target, and where each value came from."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from synaflow_core.errors import ExportError, Problem
from synaflow_export.config.check import Types, entry_problems
from synaflow_export.config.entries import Entries, Entry, read_entries, shard_pair
from synaflow_export.config.find import Document
from synaflow_export.options.model import TargetOptions, flag_of, nearest_of, option_names
from synaflow_export.options.planning import PlanningOptions, shard_counts

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_export.target import Target

DEFAULT = "default"


@dataclasses.dataclass(frozen=True)
class Setting:
    """An option's value, and where it came from.

    Attributes:
        value: The value.
        where: ``synaflow.toml:3``, ``--retries``, or ``default``.
        section: The section of the file: ``[env.prod]``; else empty.
    """

    value: Any
    where: str
    section: str = ""

    @property
    def from_file(self) -> bool:
        """Whether a settings file says so; then ``where`` starts with a line of it."""
        return self.where != DEFAULT and not self.where.startswith("--")

    @classmethod
    def of(cls, entry: Entry) -> Setting:
        """What an entry of the file says."""
        return cls(entry.value, entry.where, str(entry.section))


@dataclasses.dataclass(frozen=True)
class Layers:
    """The options of one pipeline on one target.

    Attributes:
        pipeline: Name of the pipeline.
        env: Name of the environment that was chosen, or None.
        document: The settings file, or None.
        own: Every option of the plan and the target -> what holds for the pipeline.
        entries: All that the file sets.
        narrow: Of those, what holds for single macro-tasks and steps here; weakest first.
        flags: Names of the options that were given as flags: nothing in the file beats them.
    """

    pipeline: str
    env: str | None
    document: Document | None
    own: Mapping[str, Setting]
    entries: Entries
    narrow: tuple[Entry, ...]
    flags: frozenset[str]

    @property
    def planning(self) -> PlanningOptions:
        """The options of the plan."""
        names = option_names(PlanningOptions)
        return PlanningOptions.from_mapping({name: self.own[name].value for name in names})

    def planning_of(self, contract: Contract) -> PlanningOptions:
        """The options of the plan of this pipeline.

        A size of shards that the file gives for all pipelines is left out for one without any.
        """
        planning, size = self.planning, self.own["rows_per_shard"]
        counts = {name: step.shards for name, step in contract.steps.items()}
        if size.from_file and "auto" not in (counts | shard_counts(planning.shards)).values():
            return dataclasses.replace(planning, rows_per_shard=None)
        return planning

    def placed(self, problem: Problem) -> Problem:
        """A problem with an option, at the line or flag that gave it; others as they are."""
        for name in re.findall(r"\w+", problem.subject):
            setting = self.own.get("shards" if name == "shard" else name)
            if problem.where == "options" and setting is not None and setting.where != DEFAULT:
                return dataclasses.replace(problem, where=setting.where)
        return problem

    @property
    def reads_file(self) -> bool:
        """Whether anything of the settings file holds here."""
        return bool(self.narrow) or any(setting.from_file for setting in self.own.values())


def layers(
    pipeline: str,
    target: Target[Any] | None,
    types: Types,
    flags: Mapping[str, Any],
    document: Document | None = None,
    env: str | None = None,
) -> Layers:
    """Put the layers on top of each other.

    Args:
        pipeline: Name of the pipeline.
        target: The target; None if only the plan is wanted.
        types: The options of all targets; of ``target`` at least.
        flags: What was given on the command line; None means "not given".
        document: The settings file, if there is one.
        env: Name of the environment.

    Raises:
        ExportError: Naming everything that is wrong with the file, or with flags about the plan.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    planning = option_names(PlanningOptions)
    PlanningOptions.from_mapping({name: v for name, v in given.items() if name in planning})
    entries = _read(document, types)
    found = [*entries.problems, *_env_problems(env, document, entries)]
    target_name = target.name if target is not None else None
    only_shows = target is not None and target.only_shows
    for entry in entries.entries:
        found += entry_problems(entry, target_name, types, only_shows=only_shows)
    if found:
        shown = document.shown if document else "the command line"
        raise ExportError(f"the settings in {shown} cannot be honoured", found)

    classes: list[type[TargetOptions]] = [PlanningOptions]
    if target is not None:
        classes.append(target.options_type)
    names = {name: options for options in classes for name in option_names(options)}
    chosen = sorted(
        (
            entry
            for entry in entries.entries
            if entry.section.env in (None, env)
            and entry.section.pipeline in (None, pipeline)
            and entry.section.target in (None, target_name)
            and entry.name in names
        ),
        key=lambda entry: entry.section.strength,
    )
    own = {name: Setting(_default(options, name), DEFAULT) for name, options in names.items()}
    own |= {entry.name: Setting.of(entry) for entry in chosen if entry.section.level < 2}
    of_steps = [entry for entry in chosen if entry.section.step and entry.name == "shards"]
    for entry in of_steps:
        own["shards"] = _with_shards(own["shards"], (shard_pair(entry),), entry.where)
    for name, value in given.items():
        if name in names:
            flag = f"--{flag_of(names[name], name)}"
            own[name] = (
                _with_shards(own[name], value, flag) if name == "shards" else Setting(value, flag)
            )
    narrow = tuple(e for e in chosen if e.section.level > 1 and e not in of_steps)
    return Layers(pipeline, env, document, own, entries, narrow, frozenset(given))


def unused_pipelines(made: Layers) -> list[str]:
    """Notes about sections of pipelines that this one may have been meant by."""
    named = made.entries.named("pipeline")
    close = [] if made.pipeline in named else difflib.get_close_matches(made.pipeline, named)
    return [f"{named[n]}: [pipeline.{n}] does not hold for '{made.pipeline}'" for n in close]


def _read(document: Document | None, types: Types) -> Entries:
    if document is None:
        return Entries((), {}, ())
    every = {name for options in types.values() for name in option_names(options)}
    return read_entries(document, set(types), every | set(option_names(PlanningOptions)))


def _env_problems(env: str | None, document: Document | None, entries: Entries) -> list[Problem]:
    named = entries.named("env")
    if env is None or env in named:
        return []
    if document is None:
        message, hint = "there is no settings file", "write a synaflow.toml beside the pipeline"
    else:
        message = f"there is no section [env.{env}]"
        hint = nearest_of(env, set(named)) if named else f"write [env.{env}]"
    where = document.shown if document else "--env"
    return [Problem(where, f"environment '{env}'", "unknown-environment", message, hint)]


def _with_shards(before: Setting, pairs: Collection[str], where: str) -> Setting:
    """Counts of single steps replace those of the same steps, and leave the others."""
    own = shard_counts(before.value) | shard_counts(pairs)
    merged = tuple(f"{step}={count}" for step, count in own.items())
    return Setting(merged, where if before.where == DEFAULT else f"{before.where}, {where}")


def _default(options: type[TargetOptions], name: str) -> Any:
    (default,) = (f.default for f in dataclasses.fields(options) if f.name == name)
    return default
