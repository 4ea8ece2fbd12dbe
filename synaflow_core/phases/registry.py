"""The phases of a workflow, in order, found by name.

Names and weights are checked when a phase is put in, so a registry never holds one that cannot
run.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic

from synaflow_core.errors import DefinitionError, Problem
from synaflow_core.hints import place_of
from synaflow_core.phases.step import BaseStep, C, written_at

if TYPE_CHECKING:
    from synaflow_core.pipeline import Pipeline


class StepRegistry(Generic[C]):
    """An ordered list of phases; all that changes it takes effect at the next execution.

    Every method that takes a phase raises a :class:`DefinitionError` for one whose name is taken
    or empty, or whose weight is no number of at least 0; every method that takes a name, for one
    that is not registered, with the names that are.
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
        _check(step, [other.name for other in self._steps if other.name != name])
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
        _check(step, [other.name for other in self._steps])
        self._steps.insert(index, step)

    def _index(self, name: str) -> int:
        names = [step.name for step in self._steps]
        if name not in names:
            raise _refused(
                Problem(
                    "",
                    f"step '{name}'",
                    "unknown-step",
                    f"no step of that name is registered; {_known(names)}",
                    "name one of them, or register the step first",
                )
            )
        return names.index(name)


def check_weights(steps: list[BaseStep[Any]]) -> None:
    """Some phase must weigh something, or there is no progress to speak of.

    Raises:
        DefinitionError: All weights are zero.
    """
    if steps and not any(step.progress_weight > 0 for step in steps):
        names = ", ".join(f"'{step.name}'" for step in steps)
        raise _refused(
            Problem(
                place_of(written_at(steps[0])),
                f"steps {names}",
                "no-weight",
                "the progress_weight of every step is 0",
                "give at least one of them a weight above 0",
            )
        )


def _check(step: Any, taken: list[str]) -> None:
    """Raises a DefinitionError for a phase that cannot be put in."""
    if not isinstance(step, BaseStep):
        got = f"the class {step.__name__}" if isinstance(step, type) else type(step).__name__
        message = f"expected an instance of BaseStep, got {got}"
        raise _refused(Problem("", "", "no-step", message, "pass MyStep(), an instance"))
    where = place_of(written_at(step))
    name: Any = step.name
    weight: Any = step.progress_weight
    if not isinstance(name, str) or not name.strip():
        message = f"expected a name, got {name!r}"
        raise _refused(
            Problem(where, type(step).__name__, "illegal-name", message, "give the step a name")
        )
    if name in taken:
        raise _refused(
            Problem(
                where,
                f"step '{name}'",
                "duplicate-step",
                f"a step of that name is registered already; {_known(taken)}",
                "give one of them another name, or use replace()",
            )
        )
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not number or not math.isfinite(weight) or weight < 0:
        raise _refused(
            Problem(
                where,
                f"step '{name}', progress_weight",
                "invalid-option",
                f"expected a number of at least 0, got {weight!r}",
                "weights are shares: 0.6 beside 0.2 counts three times as much",
            )
        )
    if inspect.iscoroutinefunction(step.execute):
        raise _refused(
            Problem(
                where,
                f"step '{name}'",
                "async-step",
                "'execute' is asynchronous, but phases run one after the other on one thread",
                "write it as 'def', and use asyncio.run inside where something must be awaited",
            )
        )


def _known(names: list[str]) -> str:
    return "registered: " + (", ".join(f"'{name}'" for name in names) or "none")


def _refused(problem: Problem) -> DefinitionError:
    return DefinitionError("the workflow cannot be built as asked:", [problem])
