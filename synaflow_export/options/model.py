"""What the options of a target are made of.

A target's options are a frozen dataclass whose fields are made with :func:`option`: a default, the
check of a value, and whether single macro-tasks may have a value of their own. The name of a field
is the name in a config file and, with dashes, of the flag; its help is its entry in the
docstring's ``Attributes``. Values are plain data until :meth:`TargetOptions.from_mapping` has
checked all of them.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, Self

from synaflow_core.errors import ExportError, Problem, did_you_mean
from synaflow_export.options.checks import Check
from synaflow_export.options.credentials import CREDENTIAL, holds_credential

_CHECK, _PER_TASK, _SECRET, _FLAG = "check", "per_task", "secret", "flag"
_NOTHING: tuple[Any, ...] = (False, "", (), [])


def option(
    default: Any,
    check: Check,
    *,
    per_task: bool = False,
    secret: bool = False,
    flag: str | None = None,
) -> Any:
    """Make a field of a target's options.

    Args:
        default: What holds when nothing is given; None is always allowed if it is the default.
        check: Says what is wrong with a value.
        per_task: A single macro-task may have a value of its own.
        secret: A refused value may hold a credential: it is never repeated in a message.
        flag: The flag without dashes, where it is not the field's name.
    """
    metadata = {_CHECK: check, _PER_TASK: per_task, _SECRET: secret, _FLAG: flag}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class TargetOptions:
    """Base of a target's options; see the module's documentation.

    Attributes:
        tasks: Macro-task -> the options that differ from the pipeline's, by name.
        places: ``(macro-task or "", option)`` -> where it was given: ``synaflow.toml:3``.
    """

    tasks: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict, kw_only=True, compare=False
    )
    places: Mapping[tuple[str, str], str] = dataclasses.field(
        default_factory=dict, kw_only=True, compare=False, repr=False
    )

    cannot: ClassVar[Mapping[str, str]] = {}
    """Options that other targets have and this one cannot honour -> what to do instead.

    It may name options that the class inherits, which it then does not have.
    """

    @classmethod
    def from_mapping(
        cls,
        values: Mapping[str, Any],
        where: str = "options",
        places: Mapping[tuple[str, str], str] | None = None,
    ) -> Self:
        """Build the options from named values (flags, a config file); None means "not given".

        Args:
            values: Name -> value; ``tasks`` holds a mapping per macro-task.
            where: Place for the messages.
            places: Places of single options, as the attribute has them.

        Raises:
            ExportError: Naming every unknown option and every bad value at once.
        """
        given = {"": {name: value for name, value in values.items() if name != "tasks"}}
        given |= values.get("tasks") or {}
        known, places = option_names(cls), dict(places or {})
        kept: dict[str, dict[str, Any]] = {task: {} for task in given}
        found: list[Problem] = []
        for task, own in given.items():
            for name, value in own.items():
                if value is None:
                    continue
                place = places.setdefault((task, name), _place(where, task))
                wrong = list(cls.refusals(name, value, place, per_task=bool(task)))
                found += wrong
                if name in known and not wrong:
                    kept[task][name] = _frozen(value)
        options = cls(**kept.pop(""), tasks=kept, places=places)
        found.extend(options.problems(where))
        if found:
            raise ExportError("these options cannot be honoured", found)
        return options

    @classmethod
    def refusals(
        cls, name: str, value: Any, where: str, *, per_task: bool = False
    ) -> Iterator[Problem]:
        """Yield why an option, or this value of it, cannot be had.

        Args:
            name: Name of the option.
            value: What was given.
            where: Place for the message.
            per_task: It was given for a single macro-task or step.
        """
        known = {field.name: field for field in _fields(cls)}
        subject = f"option '{name}'"
        if name in cls.cannot:
            if value not in _NOTHING:  # who asks for nothing gets it everywhere
                code, message = "cannot-be-honoured", "this target cannot honour it"
                yield Problem(where, subject, code, message, cls.cannot[name])
        elif name not in known:
            hint = nearest_of(name, set(option_names(cls, per_task=per_task)))
            yield Problem(where, subject, "unknown-option", "there is no such option", hint)
        elif per_task and not known[name].metadata[_PER_TASK]:
            code, message = "not-per-task", "it holds for the whole pipeline, not for one task"
            yield Problem(where, subject, code, message, "move it up, out of the macro-task")
        else:
            yield from _bad_value(known[name], value, where)

    def for_task(self, macro_task: str) -> Self:
        """The options as they hold for one macro-task."""
        return dataclasses.replace(self, **self.tasks.get(macro_task, {}), tasks={})

    def own_of(self, macro_task: str) -> Mapping[str, Any]:
        """Only what differs for one macro-task from what holds for the pipeline."""
        own = self.tasks.get(macro_task, {})
        return {name: value for name, value in own.items() if value != getattr(self, name)}

    def given(self, names: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
        """Yield name and value of each option that was given, in field order.

        Args:
            names: Names of those that were; None: those that are not at their default.
        """
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if (value != field.default) if names is None else (field.name in names):
                yield field.name, value

    def place(self, name: str, macro_task: str = "", where: str = "options") -> str:
        """Where an option was given, for the ``where`` of a :class:`Problem`."""
        return self.places.get((macro_task, name)) or _place(where, macro_task)

    def problems(self, where: str = "options") -> Iterator[Problem]:
        """Yield what is wrong with options whose values each make sense: with their combination.

        For targets to extend; ``where`` is for what :meth:`place` does not know.
        """
        return iter(())


def option_names(options: type[TargetOptions], *, per_task: bool = False) -> tuple[str, ...]:
    """Names of the options; only of those that single macro-tasks may have, if ``per_task``."""
    return tuple(f.name for f in _fields(options) if f.metadata[_PER_TASK] or not per_task)


def flag_of(options: type[TargetOptions], name: str) -> str:
    """The flag of an option, without the leading dashes: ``tags`` -> ``tag``."""
    (field,) = (field for field in _fields(options) if field.name == name)
    if field.metadata[_FLAG]:
        return str(field.metadata[_FLAG])
    several = typing.get_origin(typing.get_type_hints(options)[name]) is tuple
    return (name.removesuffix("s") if several else name).replace("_", "-")


def nearest_of(name: str, known: set[str]) -> str:
    """A hint for a name that does not exist: the nearest one that does, or all of them."""
    return did_you_mean(name, sorted(known), f"known: {', '.join(sorted(known))}")


def _fields(options: type[TargetOptions]) -> Iterator[dataclasses.Field[Any]]:
    return (
        field
        for field in dataclasses.fields(options)
        if _CHECK in field.metadata and field.name not in options.cannot
    )


def _place(where: str, task: str) -> str:
    return f"{where}, macro-task '{task}'" if task else where


def _bad_value(field: dataclasses.Field[Any], value: Any, where: str) -> Iterator[Problem]:
    trouble = field.metadata[_CHECK](value)
    subject = f"option '{field.name}'"
    if holds_credential(value):
        yield Problem(where, subject, "credential", *CREDENTIAL)
    elif trouble:
        message, hint = trouble
        shown = message if field.metadata[_SECRET] else f"{message}, got {value!r}"
        yield Problem(where, subject, "bad-option", shown, hint)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
