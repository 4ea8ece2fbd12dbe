"""Every name of a pipeline, indexed once: who feeds a parameter of that name?

The rules of binding live here; the words for what cannot be bound, in the pass ``bind``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synaflow_core.compiler.draft import Draft, Link
from synaflow_core.dag import Source
from synaflow_core.hints import Parameter
from synaflow_core.naming import base_name


@dataclass(frozen=True)
class NameIndex:
    """All names that a parameter can mean.

    Attributes:
        position: Step name -> place in the order of declaration.
        step_of_base: Base dataset name -> step name.
        fields_of_base: Base dataset name -> names of params fields.
    """

    draft: Draft
    position: Mapping[str, int]
    step_of_base: Mapping[str, str]
    fields_of_base: Mapping[str, tuple[str, ...]]

    def find(self, step: str, parameter: Parameter) -> Link | tuple[str, ...]:
        """What feeds a parameter of a step: the link, or else the candidates: several or none."""
        exact = self._exact(step, parameter)
        if exact is not None:
            return exact
        base = base_name(parameter.name)
        producer = self.step_of_base.get(base)
        if producer is not None and self.position[producer] < self.position[step]:
            return Link(parameter, producer, Source.STEP)
        fields = self.fields_of_base.get(base, ())
        return Link(parameter, fields[0], Source.PARAM) if len(fields) == 1 else fields

    def find_after(self, step: str, parameter: Parameter) -> Link | tuple[str, ...]:
        """The same for the rollback of a step, which may mean the step's own output as well."""
        exact = self._exact(step, parameter)
        base = self.step_of_base.get(base_name(parameter.name))
        if parameter.name == step or (exact is None and base == step):
            return Link(parameter, step, Source.STEP)
        return exact or self.find(step, parameter)

    def _exact(self, step: str, parameter: Parameter) -> Link | None:
        name = parameter.name
        if name in self.draft.definition.resources:
            return Link(parameter, name, Source.RESOURCE)
        if name in self.position and self.position[name] < self.position[step]:
            return Link(parameter, name, Source.STEP)
        return Link(parameter, name, Source.PARAM) if name in self.draft.params else None

    def meant_step(self, parameter: str) -> str | None:
        """The step that a parameter means, wherever it is declared."""
        if parameter in self.position:
            return parameter
        return self.step_of_base.get(base_name(parameter))

    def circle(self, reader: str, later: str) -> list[str]:
        """The steps between two that need each other, along the flow of the data.

        Args:
            reader: A step that reads ``later``.
            later: A step declared after it.

        Returns:
            Each step once, beginning with the one declared first; empty if ``later`` does not
            need ``reader``.
        """
        read_by: dict[str, str] = {later: ""}
        queue = [later]
        for step in queue:  # grows while it is walked
            for needed in self._needed(step):
                if needed not in read_by:
                    read_by[needed] = step
                    queue.append(needed)
        if reader not in read_by:
            return []
        path = [reader]
        while path[-1] != later:
            path.append(read_by[path[-1]])
        first = path.index(min(path, key=self.position.__getitem__))
        return [*path[first:], *path[:first]]

    def _needed(self, step: str) -> list[str]:
        needed = []
        for parameter in self.draft.functions[step].parameters:
            found = self.find(step, parameter)
            meant = self.meant_step(parameter.name)
            if isinstance(found, Link):
                meant = found.producer if found.source is Source.STEP else None
            if meant is not None:
                needed.append(meant)
        return needed


def index_names(draft: Draft) -> NameIndex:
    """Index the names of steps and params fields."""
    position = {entry.name: index for index, entry in enumerate(draft.definition.steps)}
    fields: dict[str, tuple[str, ...]] = {}
    for name in draft.params:
        base = base_name(name)
        fields[base] = (*fields.get(base, ()), name)
    return NameIndex(draft, position, {base_name(name): name for name in position}, fields)
