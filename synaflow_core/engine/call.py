"""One step that is called once with finished values, in three parts. For both engines.

``begin`` and ``settle`` touch the state of the run and are done by whoever drives it; ``work`` only
reads it, so several of them may go on at a time.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from synaflow_core.dag import Source
from synaflow_core.engine.act import Act
from synaflow_core.engine.binding import binding_of
from synaflow_core.engine.collect import checked
from synaflow_core.engine.events import logger
from synaflow_core.engine.materialize import given, is_materialised, materialised
from synaflow_core.engine.progress import AT_WORK
from synaflow_core.engine.seam import Seam
from synaflow_core.engine.state import RunState


class Call:
    """The one call of a step in a run."""

    def __init__(self, state: RunState, name: str, seam: Seam) -> None:
        self._state = state
        self._node = state.dag.steps[name]
        self._tally = state.tally(name)
        self._seam = seam
        self._result: Any = None
        self._error: BaseException | None = None
        self._returned = False

    def begin(self) -> Act[None]:
        """The step starts."""
        yield from self._state.start(self._tally)

    def work(self) -> Act[None]:
        """Make the resources, call the function, leave the resources; never raises."""
        stack = self._seam.new_stack()
        at_work = AT_WORK.set(self._tally)
        try:
            try:
                positional, keywords = yield from self._arguments(stack)
                self._result = yield partial(self._node.fn, *positional, **keywords)
            except BaseException as error:
                yield from self._leave_failed(stack, error)
                raise
            yield from self._seam.leave(stack)
            self._returned = True
        except BaseException as error:
            self._error = error
        finally:
            AT_WORK.reset(at_work)

    def _arguments(self, stack: Any) -> Act[tuple[list[Any], dict[str, Any]]]:
        state, seam = self._state, self._seam
        found: dict[str, Any] = {}
        for edge in self._node.edges:
            if edge.source is Source.RESOURCE:
                made = yield state.dag.resources[edge.producer]
                found[edge.parameter] = yield from seam.enter(stack, made)
            else:
                value = yield from given(state, edge, self._node.name)
                lazy = edge.delivery.is_lazy
                found[edge.parameter] = seam.from_value(value, edge) if lazy else value
        binding = binding_of(self._node)
        return (
            [found[edge.parameter] for edge in binding.positional],
            {edge.parameter: found[edge.parameter] for edge in binding.keywords},
        )

    def _leave_failed(self, stack: Any, error: BaseException) -> Act[None]:
        try:
            yield from self._seam.leave(stack, error)
        except Exception:
            logger.exception("a resource of step '%s' failed while it was left", self._node.name)

    def settle(self) -> Act[None]:
        """The verdict: keep the result, or do what the step's policy says of the failure."""
        state, tally = self._state, self._tally
        try:
            if self._error is not None:
                raise self._error
            result = checked(self._result, self._node)
            if is_materialised(self._node):
                result = yield from materialised(state, tally.node, result)
            state.results[self._node.name, ""] = result
            tally.settled_ok = 1
        except Exception as error:
            yield from state.step_failed(tally, error, lost=True)
        except BaseException as error:
            state.interrupt(tally, error)
            raise
        finally:
            yield from state.finish(tally)

    def close(self) -> Act[None]:
        """The run has ended meanwhile: only tell how the step ended."""
        if self._returned:
            self._state.results[self._node.name, ""] = self._result  # its rollback may ask for it
            self._state.succeed(self._tally)
        elif isinstance(self._error, Exception):
            self._tally.note_error(self._error)
            self._state.fail(self._tally, self._error)
        yield from self._state.finish(self._tally)
