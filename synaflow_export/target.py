"""What a target is, and how one is found by name.

A target turns the frozen plan of a pipeline into the files of one orchestrator. It says in flags
what it can do, checks what it is asked against them, builds a view (plain values that are safe to
paste into code) and has the view rendered. It imports no orchestrator and touches no disk:
:mod:`synaflow_export.write` places the files, :mod:`synaflow_export.check` compares them.

Targets of other packages register under the entry point group ``synaflow_export.targets``::

    [project.entry-points."synaflow_export.targets"]
    argo = "my_package.argo:ArgoTarget"
"""

from __future__ import annotations

import dataclasses
import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from synaflow_core.errors import ExportError, Problem
from synaflow_export.generated import GeneratedFile

if TYPE_CHECKING:
    from synaflow_core.contract import Contract
    from synaflow_export.plan.model import Plan

ENTRY_POINT_GROUP = "synaflow_export.targets"

_BUILT_IN = {"airflow": "synaflow_export.targets.airflow:AirflowTarget"}


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


@dataclasses.dataclass(frozen=True)
class TargetOptions:
    """Base of a target's options: a frozen dataclass, one field with a default per option.

    A subclass overrides :meth:`problems`. The name of a field is the name in a config file and,
    with dashes, of the flag.
    """

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the values; called by :meth:`from_mapping`."""
        return iter(())

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build the options from named values (flags, a config file); None means "not given".

        Raises:
            ExportError: Naming every unknown option and every bad value at once.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        given = {name: value for name, value in values.items() if value is not None}
        found = [
            Problem(
                where="options",
                subject=f"option '{name}'",
                code="unknown-option",
                message="there is no such option",
                hint=_did_you_mean(name, known),
            )
            for name in given
            if name not in known
        ]
        options = cls(**{name: value for name, value in given.items() if name in known})
        found.extend(options.problems())
        if found:
            raise ExportError("these options cannot be honoured", found)
        return options


OptionsT = TypeVar("OptionsT", bound=TargetOptions)


class Target(ABC, Generic[OptionsT]):
    """Base of all targets. The flags say what the orchestrator can do; :meth:`view` does it."""

    name: ClassVar[str]
    """Name on the command line and in config files: ``airflow``."""

    options_type: ClassVar[type[TargetOptions]]
    """The options of this target."""

    scheduled_params_need_defaults: ClassVar[bool] = True
    """A scheduled run is started without values, so every param needs a default."""

    runs_async_pipelines: ClassVar[bool] = False
    """Pipelines of coroutine functions run on its workers."""

    maps_shards: ClassVar[bool] = False
    """``step(shards=N)`` becomes N mapped instances."""

    runs_rollbacks: ClassVar[bool] = False
    """``step(rollback=...)`` is run when a later macro-task fails."""

    def make_options(self, values: Mapping[str, Any]) -> OptionsT:
        """Build this target's options; see :meth:`TargetOptions.from_mapping`."""
        options: OptionsT = self.options_type.from_mapping(values)  # type: ignore[assignment]  # the class var cannot be generic
        return options

    @abstractmethod
    def view(
        self,
        plan: Plan,
        contract: Contract,
        options: OptionsT,
        sources: Sources,
        templates: Path | None = None,
    ) -> tuple[GeneratedFile, ...]:
        """Make all files of one pipeline; the same arguments give the same bytes.

        Args:
            plan: Macro-tasks and boundary datasets.
            contract: The pipeline's contract, the one the plan was made from.
            options: From :meth:`make_options`.
            sources: Where the pipeline comes from.
            templates: The user's template folder, looked at before the built-in ones.

        Returns:
            The files, their paths relative to ``--out``.

        Raises:
            ExportError: If something asked for cannot be honoured; names each such thing.
        """

    def unsupported(self, contract: Contract) -> Iterator[Problem]:
        """Yield what the contract asks for and the flags rule out: nothing is dropped silently."""
        if contract.engine == "async" and not self.runs_async_pipelines:
            yield Problem(
                where=contract.name,
                subject=f"target '{self.name}'",
                code="async-not-supported",
                message="coroutine functions cannot run on this target yet",
                hint="make the steps plain functions (a step may call asyncio.run itself)",
            )
        for name, step in contract.steps.items():
            if step.shards and not self.maps_shards:
                yield Problem(
                    where=step.where or contract.name,
                    subject=f"step '{name}'",
                    code="shards-not-supported",
                    message=f"shards={step.shards} cannot be honoured by target '{self.name}' yet",
                    hint="remove shards=; the result is the same, computed by one task",
                )
            if step.rollback and not self.runs_rollbacks:
                yield Problem(
                    where=step.where or contract.name,
                    subject=f"step '{name}'",
                    code="rollback-not-supported",
                    message=f"rollback= cannot be honoured by target '{self.name}' yet",
                    hint="remove rollback= or undo the work in a task of your own",
                )


def target_names() -> tuple[str, ...]:
    """Names of all targets that are installed, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in _plugins())}))


def get_target(name: str) -> Target[Any]:
    """Find a target by name.

    Raises:
        ExportError: If there is none, or what is registered under the name is not a target.
    """
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        found = getattr(import_module(module), attribute)
    else:
        matching = [point for point in _plugins() if point.name == name]
        if not matching:
            raise ExportError(
                f"there is no target '{name}'",
                [
                    Problem(
                        where="targets",
                        subject=f"target '{name}'",
                        code="unknown-target",
                        message="no built-in target and no installed package has this name",
                        hint=_did_you_mean(name, set(target_names())),
                    )
                ],
            )
        found = matching[0].load()
    if not (isinstance(found, type) and issubclass(found, Target)):
        raise ExportError(
            f"target '{name}' cannot be used",
            [
                Problem(
                    where=f"entry point {ENTRY_POINT_GROUP}",
                    subject=f"target '{name}'",
                    code="not-a-target",
                    message=f"{found!r} is not a subclass of synaflow_export.target.Target",
                    hint="mend the entry point of the package that registers it",
                )
            ],
        )
    target: Target[Any] = found()
    return target


def _plugins() -> tuple[EntryPoint, ...]:
    found = entry_points(group=ENTRY_POINT_GROUP)
    return tuple(point for point in found if point.name not in _BUILT_IN)


def _did_you_mean(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(sorted(known))}"
