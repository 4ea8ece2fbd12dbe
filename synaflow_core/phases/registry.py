"""The phases of a workflow, in order, found by name.

Names and weights are checked when a phase is put in, so a registry never holds one that cannot
run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic

from synaflow_core.errors import Problem
from synaflow_core.phases.checks import check_phase, known, refused
from synaflow_core.phases.step import BaseStep, C

if TYPE_CHECKING:
    from synaflow_core.pipeline import Pipeline


class StepRegistry(Generic[C]):
    """An ordered list of phases; all that changes it takes effect at the next execution.

    Every method that takes a phase raises a :class:`DefinitionError` for one whose name is taken
    or empty, whose weight is no number of at least 0, or of which a method is asynchronous or a
    generator; every method that takes a name, for one that is not registered, with the names that
    are.
    """

    def __init__(self) -> None:
        self._steps: list[BaseStep[C]] = []

    def register(self, step: BaseStep[C]) -> None:
        """Append a phase."""
        self._insert(len(self._steps), step)

    def unregister(self, name: str) -> None:
        """Remove a phase."""
        del self._steps[self._index(name)]

    def insert_before(self, name: str, step: BaseStep[C]) -> None:
        """Put a phase in front of another one."""
        self._insert(self._index(name), step)

    def insert_after(self, name: str, step: BaseStep[C]) -> None:
        """Put a phase behind another one."""
        self._insert(self._index(name) + 1, step)

    def replace(self, name: str, step: BaseStep[C]) -> None:
        """Put a phase in the place of another one."""
        index = self._index(name)
        check_phase(step, [other.name for other in self._steps if other.name != name])
        self._steps[index] = step

    def get_steps(self) -> list[BaseStep[C]]:
        """The phases in order, as a list of your own."""
        return list(self._steps)

    @property
    def total_weight(self) -> float:
        """Sum of the weights; they need not add up to 1."""
        return math.fsum(step.progress_weight for step in self._steps)

    def to_pipeline(self, name: str, *, context: type[C], description: str = "") -> Pipeline:
        """The workflow as a pipeline: one step per phase, to be run or exported like any other.

        The context is what one step hands to the next; its own fields (not those of
        :class:`BaseStepContext`) become the pipeline's params. Weights and rollbacks are kept.

        Args:
            name: Name of the pipeline.
            context: Class of the context, a dataclass whose fields can all be stored.
            description: Text for people.

        Raises:
            DefinitionError: A field of the context cannot be stored, or the names of the phases
                cannot be those of steps; tells every problem with its place.
        """
        from synaflow_core.phases.compiled import (
            compiled,
        )  # the compiler is only paid for when used

        return compiled(self, name, context=context, description=description)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[BaseStep[C]]:
        return iter(self.get_steps())

    def __contains__(self, name: object) -> bool:
        return any(step.name == name for step in self._steps)

    def _insert(self, index: int, step: BaseStep[C]) -> None:
        check_phase(step, [other.name for other in self._steps])
        self._steps.insert(index, step)

    def _index(self, name: str) -> int:
        names = [step.name for step in self._steps]
        if name not in names:
            raise refused(
                Problem(
                    "",
                    f"step '{name}'",
                    "unknown-step",
                    f"no step of that name is registered; {known(names)}",
                    "name one of them, or register the step first",
                )
            )
        return names.index(name)
