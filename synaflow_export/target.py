"""What a target is, and how one is found by name.

A target turns the frozen plan of a pipeline into the files of one orchestrator. It says in flags
what it can do, checks what it is asked against them, builds a view (plain values that are safe to
paste into code) and has the view rendered. It imports no orchestrator and touches no disk:
:mod:`synaflow_export.files` places them, or compares them with what is there.

Targets register under the entry point group ``synaflow_export.targets``, the built-in ones in our
``pyproject.toml``, others in that of their own package::

    [project.entry-points."synaflow_export.targets"]
    argo = "my_package.argo:ArgoTarget"
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar, cast

from synaflow_core.errors import ExportError, Problem
from synaflow_export.files.generated import GeneratedFile
from synaflow_export.options.model import TargetOptions, nearest_of
from synaflow_export.refusals import (
    misplaced_options,
    unbound_window,
    unscheduled_params,
    unsupported,
    unusable,
)
from synaflow_export.text.docstrings import documented_attributes

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_export.options.planning import PlanningOptions
    from synaflow_export.plan.model import Plan
    from synaflow_export.windows.calendar import Window

ENTRY_POINT_GROUP = "synaflow_export.targets"


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """One module of the user's that has to travel with the generated files.

    Attributes:
        path: Place below the pipeline's ``src`` folder, with forward slashes: ``pipe.py``.
        text: The whole file; written back as UTF-8, line ends untouched.
    """

    path: str
    text: str


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where the pipeline comes from, free of anything that differs between machines.

    Attributes:
        argument: What to give to the command line to load it again: ``pipe.py``,
            ``package.module`` or ``contract.json``; a base name, never an absolute path.
        files: The loose modules that workers need; empty for an importable module.
        pipeline: Value of ``--pipeline`` when the module holds several, else None.
    """

    argument: str
    files: tuple[SourceFile, ...] = ()
    pipeline: str | None = None


OptionsT = TypeVar("OptionsT", bound=TargetOptions)


@dataclasses.dataclass(frozen=True)
class Export(Generic[OptionsT]):
    """One pipeline, and how it shall be exported: all that a target reads.

    Attributes:
        plan: Macro-tasks and boundary datasets.
        contract: The pipeline's contract, the one the plan was made from.
        options: From :meth:`Target.make_options`.
        sources: Where the pipeline comes from.
        templates: The user's template folder, looked at before the built-in ones.
        settings: Base name of the settings file that some of the options come from.
        env: Environment of that file that was chosen.
        flags: Names of the options given as flags; None: all that are not at their default.
        planning: The options of the plan; None: those that the plan tells.
    """

    plan: Plan
    contract: Contract
    options: OptionsT
    sources: Sources
    templates: Path | None = None
    settings: str | None = None
    env: str | None = None
    flags: frozenset[str] | None = None
    planning: PlanningOptions | None = None

    @property
    def params_schema(self) -> Mapping[str, Any]:
        """The contract's schema of the params; those that a window gives may be left empty."""
        from synaflow_export.windows.binding import without_bound  # not for a mistyped command

        return without_bound(self.plan.window, self.contract.params_schema)

    @property
    def schedule(self) -> str | None:
        """When it runs by itself: as chosen, or once per window."""
        chosen: str | None = getattr(self.options, "schedule", None)
        return self.plan.window.schedule if self.plan.window and not chosen else chosen

    def folder_files(self, folder: str) -> tuple[GeneratedFile, ...]:
        """What running tasks read, in a folder of its own: contract, plan, the user's code."""
        return (
            GeneratedFile(f"{folder}/contract.json", self.contract.to_json().decode()),
            GeneratedFile(f"{folder}/plan.json", self.plan.to_json().decode()),
            *(GeneratedFile(f"{folder}/src/{f.path}", f.text) for f in self.sources.files),
        )


class Target(ABC, Generic[OptionsT]):
    """Base of all targets.

    A subclass sets the flags that say what its orchestrator can do, names the class of its options
    and makes files in :meth:`view`. What is asked for and the flags rule out is refused here, in
    :meth:`refuse`; a target adds only what is its own.

    Attributes:
        name: Name on the command line and in config files: ``airflow``.
        title: Name of the orchestrator, for people: ``Apache Airflow``.
        options_type: The options of this target.
        default_out: Folder that files go to when ``--out`` is not given.
        only_shows: It makes something to look at, not to run: how tasks are run, which a settings
            file may say for all targets, does not concern it.
        scheduled_params_need_defaults: A scheduled run is started without values, so every param
            needs a default.
        runs_async_pipelines: Pipelines of coroutine functions run on its workers.
        maps_shards: ``step(shards=N)`` becomes N mapped instances.
        runs_rollbacks: ``step(rollback=...)`` is run when a later macro-task fails.
        binds_windows: Params can be bound to the interval of a scheduled run.
        distributed: Its tasks run on different machines, so a store has to be within reach of all.
        catches_up: Runs that were missed since the start date can be made up for by the scheduler
            itself.
        limits_concurrency: Tasks can share named, limited slots: pools, tags with limits.
        groups_includes: Included pipelines are shown as groups of their own.
        publishes_lineage: Datasets are announced to the orchestrator's catalogue with row counts.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    options_type: ClassVar[type[TargetOptions]]
    default_out: ClassVar[str] = "."
    only_shows: ClassVar[bool] = False
    scheduled_params_need_defaults: ClassVar[bool] = True
    runs_async_pipelines: ClassVar[bool] = False
    maps_shards: ClassVar[bool] = False
    runs_rollbacks: ClassVar[bool] = False
    binds_windows: ClassVar[bool] = False
    distributed: ClassVar[bool] = False
    catches_up: ClassVar[bool] = False
    limits_concurrency: ClassVar[bool] = False
    groups_includes: ClassVar[bool] = False
    publishes_lineage: ClassVar[bool] = False

    def make_options(
        self, values: Mapping[str, Any], places: Mapping[tuple[str, str], str] | None = None
    ) -> OptionsT:
        """Build this target's options; see :meth:`TargetOptions.from_mapping`."""
        options = self.options_type.from_mapping(values, places=places)
        return cast("OptionsT", options)  # the class variable cannot be generic

    @abstractmethod
    def view(self, export: Export[OptionsT]) -> tuple[GeneratedFile, ...]:
        """Make all files of one pipeline; the same export gives the same bytes.

        Returns:
            The files, their paths relative to ``--out``.

        Raises:
            ExportError: If something asked for cannot be honoured; names each such thing.
        """

    def backfill_commands(
        self,
        plan: Plan,
        options: OptionsT,
        windows: Sequence[Window],
        values: Sequence[Mapping[str, Any]],
    ) -> Iterable[str]:
        """Commands of the orchestrator that run an exported pipeline for past windows, also again.

        Args:
            plan: Its plan, with a window.
            options: It was exported with these.
            windows: Oldest first.
            values: For each window, the params that it gives, as JSON values.

        Raises:
            ExportError: Nothing can be exported with these options, so there is nothing to run.
        """
        return ()

    def refuse(
        self,
        export: Export[OptionsT],
        *,
        module: str | None = None,
        more: Iterable[Problem] = (),
    ) -> None:
        """Stop when something cannot be honoured; called first thing in :meth:`view`.

        Args:
            export: As given to :meth:`view`.
            module: Name of the module that will be generated, which must not hide the user's.
            more: What the target itself found wrong.

        Raises:
            ExportError: Naming everything.
        """
        plan, contract, options = export.plan, export.contract, export.options
        found = [
            *unsupported(self, contract),
            *unusable(contract, plan, export.sources, module),
            *misplaced_options(plan, options),
            *more,
        ]
        if self.scheduled_params_need_defaults and export.schedule is not None:
            found += unscheduled_params(plan.pipeline, export.params_schema)
        if plan.window is not None and not self.binds_windows:
            found += unbound_window(self, plan)
        if found:
            raise ExportError(
                f"'{plan.pipeline}' cannot be exported to {self.title} as asked", found
            )


class Capability(NamedTuple):
    """One thing that a target can do, or that its orchestrator needs.

    Attributes:
        given: Whether it can.
        text: What that means.
    """

    given: bool
    text: str


def capabilities(target: Target[Any]) -> dict[str, Capability]:
    """Flag -> what the target says: every documented class variable that is true or false."""
    return {
        name: Capability(given, text)
        for name, text in documented_attributes(type(target)).items()
        if isinstance(given := getattr(target, name, None), bool)
    }


def target_names() -> tuple[str, ...]:
    """Names of all targets that are installed, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)}))


def get_target(name: str) -> Target[Any]:
    """Find a target by name.

    Raises:
        ExportError: If there is none, or what is registered under the name is not a target.
    """
    matching = tuple(entry_points(group=ENTRY_POINT_GROUP, name=name))
    if not matching:
        raise ExportError(
            f"there is no target '{name}'",
            [
                Problem(
                    where="targets",
                    subject=f"target '{name}'",
                    code="unknown-target",
                    message="no installed package has a target of this name",
                    hint=nearest_of(name, set(target_names())),
                )
            ],
        )
    found = matching[0].load()
    is_target = isinstance(found, type) and issubclass(found, Target)
    if not is_target or found.name != name:
        raise ExportError(
            f"target '{name}' cannot be used",
            [
                Problem(
                    where=f"entry point {ENTRY_POINT_GROUP}",
                    subject=f"target '{name}'",
                    code="not-a-target",
                    message=f"{found!r} is not a subclass of synaflow_export.target.Target"
                    + (f" whose name is '{name}'" if is_target else ""),
                    hint="mend the entry point of the package that registers it",
                )
            ],
        )
    target: Target[Any] = found()
    return target
