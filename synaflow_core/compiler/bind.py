"""Pass 6: binding. Which step, params field or resource feeds each parameter.

Exact name first: resources, steps declared before, params fields. Then the base dataset name
(``user`` takes ``users``), steps before params. Then the Python default. A step never reads its
own output: ``urls(urls)`` reads the params field that the step shadows from then on.
Types play no part here; see the pass ``types``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from synaflow_core.compiler.draft import Draft, Entry, Link, listed, subject_of
from synaflow_core.compiler.name_index import NameIndex, index_names
from synaflow_core.dag import Source
from synaflow_core.errors import Problem, did_you_mean
from synaflow_core.hints import Function, Parameter
from synaflow_core.naming import SEPARATOR, base_name


def bind(draft: Draft) -> Draft:
    """Bind every parameter by name and report those that nothing feeds."""
    names = index_names(draft)
    links: dict[str, tuple[Link, ...]] = {}
    problems: list[Problem] = []
    for entry, function in draft.entries():
        problems.extend(_one_dataset_twice(draft, entry, function))
        bound = []
        for parameter in function.parameters:
            found = names.find(entry.name, parameter)
            if isinstance(found, Link):
                bound.append(found)
            else:
                problems.extend(_unbound(names, entry, parameter, found))
        links[entry.name] = tuple(bound)
    if not problems:
        problems.extend(_unused_resources(draft, links))
    return replace(draft, links=links).with_problems(problems)


def _one_dataset_twice(draft: Draft, entry: Entry, function: Function) -> Iterator[Problem]:
    if len(function.parameters) < 2:
        return
    seen: dict[str, str] = {}
    for parameter in function.parameters:
        base, name = base_name(parameter.name), parameter.name
        fields = name in draft.params and seen.get(base) in draft.params  # exact names: two things
        if base in seen and not fields:
            yield Problem(
                draft.place_of(entry.name),
                subject_of(entry, parameter.name),
                "same-dataset",
                f"'{parameter.name}' and '{seen[base]}' mean the same dataset, '{base}'",
                "ask for it once, or rename one of the parameters",
            )
        seen[base] = parameter.name


def _unbound(
    names: NameIndex, entry: Entry, parameter: Parameter, candidates: tuple[str, ...]
) -> Iterator[Problem]:
    draft, name = names.draft, parameter.name
    step = names.meant_step(name)
    if candidates:
        code = "ambiguous-name"
        message = f"'{name}' could be any of the params fields {listed(candidates)}"
        hint = f"name the parameter exactly, for example '{candidates[0]}'"
    elif step is not None and step != entry.name:
        yield _needs_later(names, entry, name, step)
        return
    elif parameter.has_default:
        return
    elif step == entry.name:
        code = "reads-itself"
        message = (
            f"expected a dataset '{name}' from a params field or an earlier step, but only this "
            "step itself produces it"
        )
        hint = f"add a field '{name}' to the params class, or rename the parameter"
    else:
        code = "unknown-name"
        message, hint = _unknown(names, entry, name)
    yield Problem(draft.place_of(entry.name), subject_of(entry, name), code, message, hint)


def _needs_later(names: NameIndex, entry: Entry, parameter: str, later: str) -> Problem:
    draft = names.draft
    circle = names.circle(entry.name, later)
    if circle:
        return Problem(
            draft.place_of(circle[0]),
            f"steps {listed(circle)}",
            "cycle",
            f"the steps need each other: {' -> '.join([*circle, circle[0]])}",
            "break the circle: let one of them read a params field or an earlier dataset",
        )
    return Problem(
        draft.place_of(entry.name),
        subject_of(entry, parameter),
        "declared-later",
        f"'{parameter}' means step '{later}', which is declared after '{entry.name}'",
        f"declare '{later}' before '{entry.name}'",
    )


def _unknown(names: NameIndex, entry: Entry, name: str) -> tuple[str, str]:
    """Message and hint for a parameter whose name means nothing at all."""
    draft = names.draft
    include = name.split(SEPARATOR, 1)[0]
    if SEPARATOR in name and include in names.position:
        message = f"'{name}' lies inside the include '{include}'; only what it exports can be read"
        return message, f"ask for '{include}'"
    keyword = name.rstrip("_")
    if keyword != name and keyword in names.position:
        base = base_name(keyword)
        hint = f"to read step '{keyword}', name the parameter '{base}' or '{keyword}_list'"
        return f"nothing is called '{name}'", hint
    before = list(names.position)[: names.position[entry.name]]
    groups = {
        "steps before it": before,
        "params": list(draft.params),
        "resources": list(draft.definition.resources),
    }
    offered = "; ".join(f"{kind}: {listed(group)}" for kind, group in groups.items() if group)
    known = [*groups["params"], *groups["resources"], *reversed(before)]
    otherwise = "add a step or a params field of that name, or give it a default"
    return (
        f"nothing is called '{name}' ({offered or 'there are no earlier steps and no params'})",
        did_you_mean(name, known, otherwise),
    )


def _unused_resources(draft: Draft, links: Mapping[str, tuple[Link, ...]]) -> Iterator[Problem]:
    used = {
        link.producer
        for bound in links.values()
        for link in bound
        if link.source is Source.RESOURCE
    }
    for rollback in draft.rollback_functions.values():  # bound later; see the pass 'rollbacks'
        used.update(parameter.name for parameter in rollback.parameters)
    for name in draft.definition.resources:
        if name not in used:
            yield Problem(
                draft.pipeline_place,
                f"resource '{name}'",
                "unused-resource",
                "no step asks for it",
                f"add a parameter '{name}' to a step, or remove the resource",
            )
