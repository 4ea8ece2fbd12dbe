"""What is wrong with the entries of a settings file: the whole file, whatever is exported.

An entry in a target's table is checked against that target, any other against the one that is
exported to: what holds for all targets and cannot be honoured by one of them is told, not dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synaflow_core.errors import Problem
from synaflow_export.config.entries import Entry, shard_pair
from synaflow_export.options.model import TargetOptions, nearest_of, option_names
from synaflow_export.options.planning import PlanningOptions

Types = Mapping[str, type[TargetOptions]]
"""Name of a target -> the class of its options."""


def entry_problems(
    entry: Entry, target: str | None, types: Types, *, only_shows: bool = False
) -> Iterator[Problem]:
    """Yield what is wrong with one entry.

    Args:
        entry: The entry.
        target: Name of the target that is exported to; None if that is not known.
        types: The options of all targets.
        only_shows: The target runs nothing: options for all targets that it lacks are none of its
            business.
    """
    name, per_task = entry.name, entry.section.level > 1
    if name in option_names(PlanningOptions):
        if name == "shards" and entry.section.step is not None:
            pair = (shard_pair(entry),)
            yield from PlanningOptions.refusals(name, pair, entry.where)
            return
        yield from PlanningOptions.refusals(name, entry.value, entry.where, per_task=per_task)
        return
    target = entry.section.target or target
    others = [other for other, options in types.items() if name in option_names(options)]
    if target is None or target not in types:
        if target is None and not others:
            yield _unknown(
                entry, set().union(*(option_names(options) for options in types.values()))
            )
        return
    options = types[target]
    if name not in option_names(options) and name not in options.cannot:
        if others and only_shows and entry.section.target is None:
            return
        if others:
            message = f"it is an option of {' and '.join(others)}, target '{target}' has none such"
            hint = _move(entry, others)
            yield Problem(entry.where, _subject(entry), "option-of-another-target", message, hint)
        else:
            yield _unknown(entry, set(option_names(options, per_task=per_task)))
        return
    for found in options.refusals(name, entry.value, entry.where, per_task=per_task):
        if found.code == "cannot-be-honoured":
            message = f"target '{target}' cannot honour it"
            hint = found.hint if not others else f"{found.hint}; or {_move(entry, others)}"
            yield Problem(found.where, found.subject, found.code, message, hint)
        else:
            yield found


def _unknown(entry: Entry, known: set[str]) -> Problem:
    hint = nearest_of(entry.name, known | set(option_names(PlanningOptions)))
    return Problem(entry.where, _subject(entry), "unknown-option", "there is no such option", hint)


def _subject(entry: Entry) -> str:
    return f"option '{entry.name}'"


def _move(entry: Entry, others: list[str]) -> str:
    """Where the entry would do no harm: in the tables of the targets that have the option."""
    path = entry.section.path if entry.section.target is None else entry.section.path[:-1]
    return "move it to " + " and ".join(f"[{'.'.join((*path, other))}]" for other in others)
