"""What differs between the two engines, as a protocol; the twins are ``sync`` and ``aio``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from synaflow_core.dag import Edge
from synaflow_core.engine.act import Act
from synaflow_core.engine.fan import Branch, Turns
from synaflow_core.engine.ticks import Ticker


class Hub(Protocol):
    """Runs the tasks of a region in turns."""

    def run(self) -> Any:
        """Run until every task has ended; awaited by the asynchronous engine."""

    def close(self) -> Any:
        """End the tasks that have not ended; awaited by the asynchronous engine."""


class Crew(Protocol):
    """Carries out acts side by side."""

    def submit(self, work: Callable[[], Act[None]]) -> Any:
        """Begin an act; returns its handle. The act sees the context variables of now."""

    def wait(self, handles: list[Any], block: bool) -> Any:
        """The handles of acts that have ended; with ``block`` at least one. May be awaitable."""

    def close(self) -> Any:
        """Let nothing run on; awaited by the asynchronous engine."""


class Seam(Protocol):
    """The primitives of one engine."""

    asynchronous: bool

    def bind(self, act: Callable[..., Act[Any]]) -> Callable[..., Any]:
        """An act as something that a loop's text can call (or await)."""

    def hub(self, turns: Turns) -> Hub:
        """A runner for the tasks of a region."""

    def crew(self, workers: int) -> Crew:
        """Several workers for independent calls."""

    def items_of(self, branch: Branch, hub: Any) -> Any:
        """The iterator that a consumer in a fan reads."""

    def iterate(self, made: Any) -> Any:
        """The iterator over what a step returned.

        Raises:
            TypeError: It is no stream.
        """

    def ahead(self, items: Any, window: int, ticks: Ticker | None, *, keep_prefix: bool) -> Any:
        """Keep up to ``window`` items pulled: top up on each request, then hand out one.

        With ``keep_prefix`` the items pulled before a failure are handed out before it is raised.
        """

    def zipped(self, inputs: list[Any]) -> Any:
        """Items of several inputs side by side, None where one has ended before the others."""

    def from_value(self, items: Any, edge: Edge | None) -> Any:
        """An iterator over a finished value, in the form that its reader iterates."""

    def close(self, made: Any) -> Act[None]:
        """Close a stream."""

    def drain(self, generator: Any, until: Any) -> Act[None]:
        """Run a loop on until it yields ``until`` or ends."""

    def left_at(self, generator: Any) -> int | None:
        """The line at which a loop is suspended; None when it has ended or runs."""

    def new_stack(self) -> Any:
        """An exit stack."""

    def enter(self, stack: Any, made: Any) -> Act[Any]:
        """Enter a context manager that a resource factory made, or take the thing as it is."""

    def leave(self, stack: Any, error: BaseException | None = None) -> Act[None]:
        """Leave what was entered; ``error`` is what ended its use, or None."""

    def scoped(
        self, function: Callable[..., Any], factories: Mapping[str, Callable[[], Any]]
    ) -> Callable[..., Any]:
        """The function, taking keywords, with resources that are made and left for each call."""

    def recorded(
        self, function: Callable[..., Any], put: Callable[[Any], Any]
    ) -> Callable[..., Any]:
        """The function of an EACH step; every result also goes to ``put``."""

    def recorded_items(self, items: Any, put: Callable[[Any], Any]) -> Any:
        """The items; every one also goes to ``put``."""
