"""A flag that a target does not have, but another one does: what to do instead."""

from __future__ import annotations

from synaflow_core.errors import Problem
from synaflow_export.options.model import flag_of, option_names

__all__ = ["foreign_option"]


def foreign_option(flag: str, target: str) -> Problem | None:
    """Explain a flag that the command of a target does not know.

    Args:
        flag: As typed: ``--catchup`` or ``--no-catchup``.
        target: The command's name.

    Returns:
        The problem; None if the command is no target's, or no target has such a flag.
    """
    from synaflow_export.cli.settings import all_option_types

    types = all_option_types()
    if target not in types:
        return None
    words = flag.lstrip("-")
    found = {
        other: name
        for other, options in types.items()
        for name in option_names(options)
        if flag_of(options, name) in (words, words.removeprefix("no-"))
    }
    cannot = types[target].cannot
    for name in (*found.values(), words.replace("-", "_")):
        if name in cannot:
            message = f"target '{target}' cannot honour it"
            return Problem(flag, "", "cannot-be-honoured", message, cannot[name])
    if not found:
        return None
    message = f"it is an option of {' and '.join(found)}, target '{target}' has none such"
    return Problem(flag, "", "option-of-another-target", message, "leave it out")
