"""A target's options as options of its command.

They are the fields of a frozen dataclass. Field ``retry_delay`` becomes ``--retry-delay``,
``catchup`` (a bool) ``--catchup/--no-catchup`` and ``tags`` (a tuple) a repeatable ``--tag``. The
help of a field is its entry in the docstring's ``Attributes``. Values are checked by the options
class, not here.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synaflow_export.options.model import flag_of, option_names
from synaflow_export.text.docstrings import documented_attributes

if TYPE_CHECKING:
    from synaflow_export.text.docstrings import documented_attributes
from synaflow_export.options.model import TargetOptions

__all__ = ["option_parameters"]


def option_parameters(options: type[TargetOptions]) -> Iterator[inspect.Parameter]:
    """Yield the fields of a target's options as parameters that Typer understands."""
    hints = typing.get_type_hints(options)
    documented = documented_attributes(options)
    for field in dataclasses.fields(options):
        if field.name not in option_names(options):
            continue
        kind = _kind(hints[field.name])
        flag = flag_of(options, field.name)
        parameter = typer.Option(
            f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}",
            help=documented.get(field.name, ""),
            show_default=_default_text(field.default),
            rich_help_panel="Options of this target",
        )
        # None means "not given": the options class has the defaults.
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, parameter],
        )


def _kind(hint: Any) -> Any:
    """What the command line reads for a field: one of bool, int, float, str, or a list of str."""
    choices = [hint]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
    if len(choices) == 1:
        (choice,) = choices
        if choice in (bool, int, float):
            return choice
        if typing.get_origin(choice) in (tuple, list) or choice in (tuple, list):
            return list[str]
    return str


def _default_text(default: Any) -> str | bool:
    if default is None or default is dataclasses.MISSING:
        return False
    if isinstance(default, bool):
        return "yes" if default else "no"
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
