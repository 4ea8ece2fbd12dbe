"""Pass 9: rollbacks. What undoes a step gets what it asks for, by name, after the step has ended.

A rollback is called once, maybe in another process and long after, so it can be given what is whole
by then and belongs to its step: the step's own output (``output``, or the step's name), what the
step itself was given as a whole, params fields and resources. Two names are told by the engine:
``error`` and ``repeated``. A stream that the step makes is collected for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace

from synaflow_core.compiler.delivery import deliver, mismatch
from synaflow_core.compiler.draft import (
    Draft,
    Link,
    Output,
    listed,
    rollback_subject,
)
from synaflow_core.compiler.name_index import NameIndex, index_names
from synaflow_core.dag import Delivery, Edge, OutputKind, Rollback, Source
from synaflow_core.definition import Step
from synaflow_core.errors import Problem, did_you_mean
from synaflow_core.hints import Function, Parameter, is_subtype, shape_of, type_name

_OUTPUT = "output"
_TOLD = {"error": Exception, "repeated": bool}
"""Parameters that the engine fills in, and what it fills in."""


def bind_rollbacks(draft: Draft) -> Draft:
    """Bind every parameter of every rollback, or say why it cannot be."""
    names = index_names(draft)
    rollbacks: dict[str, Rollback] = {}
    problems: list[Problem] = []
    for entry, _ in draft.entries():
        function = draft.rollback_functions.get(entry.name)
        if function is None or not isinstance(entry, Step):
            continue
        binder = _Binder(draft, names, entry, function)
        edges, told = [], []
        for parameter in function.parameters:
            if parameter.name in _TOLD:
                told.append(parameter.name)
                problems.extend(binder.told(parameter))
                continue
            bound = binder.bind(parameter)
            if isinstance(bound, Edge):
                edges.append(bound)
            elif bound is not None:
                problems.append(bound)
        problems.extend(binder.never_runs())
        rollbacks[entry.name] = Rollback(function.fn, tuple(edges), tuple(told))
    return replace(draft, rollbacks=rollbacks).with_problems(problems)


@dataclass(frozen=True)
class _Binder:
    """Binds the rollback of one step."""

    draft: Draft
    names: NameIndex
    step: Step
    function: Function

    def bind(self, parameter: Parameter) -> Edge | Problem | None:
        """The parameter's edge; None where its Python default serves."""
        link = self._link(parameter)
        if not isinstance(link, Link):
            return None if parameter.has_default and not link else self._unknown(parameter, link)
        if link.source is Source.STEP and link.producer != self.step.name:
            trouble = self._not_given(parameter, link.producer)
            if trouble is not None:
                return trouble
        output = self._offered(link)
        delivery = deliver(link, output)
        if delivery is None:
            where, subject = self._where, self._subject(parameter)
            return mismatch(where, subject, link, output)
        if delivery is Delivery.ITEM:
            return self._one_item(parameter, output)
        return Edge(parameter.name, link.producer, link.source, delivery, parameter.annotation)

    def told(self, parameter: Parameter) -> Iterator[Problem]:
        """What the engine fills in must fit its annotation."""
        kind = _TOLD[parameter.name]
        if not is_subtype(kind, parameter.annotation):
            expected = "BaseException" if kind is Exception else kind.__name__
            yield Problem(
                self._where,
                self._subject(parameter),
                "type-mismatch",
                f"expected {type_name(parameter.annotation)}, but '{parameter.name}' is "
                f"{'any exception that ended the run' if kind is Exception else 'a bool'}",
                f"annotate it {expected}",
            )

    def never_runs(self) -> Iterator[Problem]:
        """A generator does nothing when it is called."""
        if inspect.isgeneratorfunction(self.function.fn) or (
            shape_of(self.function.returns).is_iterable
            and inspect.isasyncgenfunction(self.function.fn)
        ):
            yield Problem(
                self._where,
                rollback_subject(self.step),
                "rollback-yields",
                "the function contains 'yield', so calling it would undo nothing",
                "let it do its work and return",
            )

    def _link(self, parameter: Parameter) -> Link | tuple[str, ...]:
        if parameter.name == _OUTPUT:
            return Link(parameter, self.step.name, Source.STEP)
        return self.names.find_after(self.step.name, parameter)

    def _offered(self, link: Link) -> Output:
        if link.source is Source.STEP:
            return self.draft.flows[link.producer].output
        known = self.draft.params if link.source is Source.PARAM else self.draft.resource_types
        annotation = known[link.producer]
        return Output.of(annotation, shape_of(annotation))

    def _not_given(self, parameter: Parameter, producer: str) -> Problem | None:
        """An earlier step serves only if this step has read the whole of what it made."""
        flow, links = self.draft.flows[self.step.name], self.draft.links[self.step.name]
        forms = {
            link.producer: delivery
            for link, delivery in zip(links, flow.deliveries, strict=True)
            if link.source is Source.STEP
        }
        if producer not in forms:
            return Problem(
                self._where,
                self._subject(parameter),
                "rollback-not-given",
                f"'{producer}' is nothing that step '{self.step.name}' reads",
                f"let the step read it, too; a rollback may ask for {self._choices()}",
            )
        entry = next(e for e, _ in self.draft.entries() if e.name == producer)
        collected = isinstance(entry, Step) and entry.force_materialize
        lazy = self._offered(Link(parameter, producer, Source.STEP)).kind is OutputKind.STREAM
        if lazy and not collected and forms[producer].is_lazy:
            return Problem(
                self._where,
                self._subject(parameter),
                "rollback-not-given",
                f"'{producer}' goes through step '{self.step.name}' item by item and is gone when "
                "the step has ended",
                "ask for 'output', and let the step hand on what its rollback needs",
            )
        return None

    def _one_item(self, parameter: Parameter, output: Output) -> Problem:
        item = type_name(output.element)
        return Problem(
            self._where,
            self._subject(parameter),
            "rollback-of-items",
            f"a rollback is called once for all items, but '{parameter.name}' asks for one {item}",
            f"ask for list[{item}]",
        )

    def _unknown(self, parameter: Parameter, candidates: tuple[str, ...]) -> Problem:
        if candidates:
            return Problem(
                self._where,
                self._subject(parameter),
                "ambiguous-name",
                f"'{parameter.name}' could be any of the params fields {listed(candidates)}",
                f"name the parameter exactly, for example '{candidates[0]}'",
            )
        return Problem(
            self._where,
            self._subject(parameter),
            "unknown-name",
            f"nothing that a rollback can be given is called '{parameter.name}'",
            did_you_mean(parameter.name, self._known(), f"ask for {self._choices()}"),
        )

    def _known(self) -> list[str]:
        reads = [link.producer for link in self.draft.links[self.step.name]]
        own = [_OUTPUT, self.step.name, *_TOLD]
        return list(
            dict.fromkeys([*own, *reads, *self.draft.params, *self.draft.definition.resources])
        )

    def _choices(self) -> str:
        return f"any of {listed(self._known())}"

    @property
    def _where(self) -> str:
        return self.function.where or self.draft.place_of(self.step.name)

    def _subject(self, parameter: Parameter) -> str:
        return rollback_subject(self.step, parameter.name)
