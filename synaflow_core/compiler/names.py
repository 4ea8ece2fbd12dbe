"""Pass 2: names. Every step, include and resource has a legal name that means one dataset only."""

from __future__ import annotations

from collections.abc import Iterator

from synaflow_core.compiler.draft import Draft, listed, subject_of
from synaflow_core.definition import Include, Step
from synaflow_core.errors import Problem, did_you_mean
from synaflow_core.hints import place_of
from synaflow_core.naming import base_name, name_trouble


def check_names(draft: Draft) -> Draft:
    """Check the names of pipeline, steps, includes, resources and ``exports``."""
    problems = [*_pipeline_name(draft), *_entries(draft)]
    steps: tuple[object, ...] = draft.definition.steps
    entries = [e for e in steps if isinstance(e, Step | Include) and isinstance(e.name, str)]
    legal = [entry for entry in entries if not name_trouble(entry.name)]
    names = [entry.name for entry in entries]
    problems += [*_duplicates(draft, legal), *_resources(draft, names), *_exports(draft, names)]
    return draft.with_problems(problems)


def _pipeline_name(draft: Draft) -> Iterator[Problem]:
    name: object = draft.definition.name
    if not isinstance(name, str) or not name.strip():
        yield Problem(
            "pipeline",
            "name",
            "pipeline-name",
            f"expected a name that is not empty, got {name!r}",
            "call pipeline('orders', ...)",
        )


def _entries(draft: Draft) -> Iterator[Problem]:
    steps: tuple[object, ...] = draft.definition.steps  # not yet known to be what it should
    for position, entry in enumerate(steps):
        if not isinstance(entry, Step | Include):
            yield Problem(
                place_of(entry) or draft.pipeline_place,
                f"steps[{position}]",
                "not-a-step",
                f"expected step(...) or include(...), got {type(entry).__name__}",
                "wrap the function: step('name', fn=function)",
            )
            continue
        trouble = name_trouble(entry.name)
        if trouble:
            reason, suggestion = trouble
            yield Problem(
                place_of(entry.fn) or draft.pipeline_place,
                f"{'include' if isinstance(entry, Include) else 'step'} {_shown(entry.name)}",
                "illegal-name",
                f"the name cannot be used: {reason}",
                suggestion,
            )


def _shown(name: object) -> str:
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _duplicates(draft: Draft, entries: list[Step | Include]) -> Iterator[Problem]:
    by_name: dict[str, str] = {}
    by_base: dict[str, str] = {}
    for entry in entries:
        place = place_of(entry.fn)
        where = place or draft.pipeline_place
        if entry.name in by_name:
            yield Problem(
                where,
                subject_of(entry),
                "duplicate-step",
                f"two steps are called '{entry.name}' (the other is at {by_name[entry.name]})",
                "give one of them another name",
            )
            continue
        by_name[entry.name] = where
        base = base_name(entry.name)
        if base in by_base:
            other = by_base[base]
            yield Problem(
                where,
                subject_of(entry),
                "same-dataset",
                f"'{entry.name}' and '{other}' (at {by_name[other]}) mean the same dataset, "
                f"'{base}', so a parameter could be bound to either",
                f"rename one of them, for example 'raw_{entry.name}'",
            )
            continue
        by_base[base] = entry.name


def _resources(draft: Draft, steps: list[str]) -> Iterator[Problem]:
    for name, factory in draft.definition.resources.items():
        where, subject = place_of(factory) or draft.pipeline_place, f"resource {_shown(name)}"
        trouble = name_trouble(name)
        if trouble:
            reason, suggestion = trouble
            yield Problem(
                where, subject, "illegal-name", f"the name cannot be used: {reason}", suggestion
            )
        elif name in steps or name in draft.params:
            kind = "step" if name in steps else "params field"
            yield Problem(
                where,
                subject,
                "resource-collision",
                f"a {kind} is called '{name}' too, so a parameter could be bound to either",
                f"rename the resource, for example '{name}_resource'",
            )


def _exports(draft: Draft, names: list[str]) -> Iterator[Problem]:
    exports: object = draft.definition.exports
    if exports is None or exports in names:
        return
    yield Problem(
        draft.pipeline_place,
        "exports",
        "unknown-export",
        f"expected the name of a step, got {_shown(exports)}; steps: {listed(names)}",
        did_you_mean(str(exports), names, "name a step of this pipeline"),
    )
