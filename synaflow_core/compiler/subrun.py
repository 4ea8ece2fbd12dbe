"""Functions that the compiler makes for includes: picklable objects with a name to print.

They stand in a node where a user's function stands elsewhere; see the pass ``expand``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synaflow_core.dag import Dag
from synaflow_core.errors import RunError


@dataclass(frozen=True, eq=False)
class _Named:
    """A callable object with the name that a function would have, for the contract and logs."""

    def _called(self, name: str) -> None:
        object.__setattr__(self, "__name__", name)
        object.__setattr__(self, "__qualname__", name)
        object.__setattr__(self, "__doc__", type(self).__doc__)


@dataclass(frozen=True)
class ParamsField(_Named):
    """Reads one field of the params object that an include's adapter built."""

    field: str

    def __post_init__(self) -> None:
        self._called(f"params.{self.field}")

    def __call__(self, params: Any) -> Any:
        """The field's value."""
        return getattr(params, self.field)


@dataclass(frozen=True, eq=False)
class _SubPipeline(_Named):
    """An included pipeline that is run once per item; the engine is met at run time only."""

    include: str
    adapter: Callable[..., Any]
    dag: Dag
    exported: str

    def __post_init__(self) -> None:
        self._called(f"include.{self.include}")

    def _output(self, result: Any) -> Any:
        """What the exported step made; when it made nothing, the item has failed."""
        if self.exported not in result.outputs:
            report = result.steps[self.exported]
            raise RunError(
                f"the run of pipeline '{self.dag.name}' for this item gave no '{self.exported}' "
                f"({report.status}: {report.reason})"
            )
        return result.outputs[self.exported]


class SubRun(_SubPipeline):
    """Runs an included pipeline once: the function of an include that is fed item by item."""

    def __call__(self, /, **arguments: Any) -> Any:
        """Build the params of one run, run, and return what the exported step made."""
        return self._output(_engine().run(self.dag, self.adapter(**arguments)))


class AsyncSubRun(_SubPipeline):
    """The same for an async pipeline."""

    async def __call__(self, **arguments: Any) -> Any:
        """Build the params of one run, run, and return what the exported step made."""
        params = self.adapter(**arguments)
        if inspect.isawaitable(params):
            params = await params
        return self._output(await _engine().async_run(self.dag, params))


def _engine() -> Any:
    # The engine lies above the compiler and imports the Dag: it can only be met at run time.
    return importlib.import_module("synaflow_core.engine")
