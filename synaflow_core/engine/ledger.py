"""What happened to each step of a run: counts, verdicts, thresholds, reports. PURE.

No threads, awaits, locks or clocks in here: both engines and the macro-task runner share it.

Counting costs nothing per item. A loop counts its *ticks* (source items) in C, and the counts of
the steps it calls are derived: a step was called for every tick except those that an earlier
failing step cut short or that lacked one of its inputs (``missed``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from synaflow_core.dag import Node
from synaflow_core.definition import OnError, StepMode
from synaflow_core.errors import ThresholdExceededException

OK, FAILED, SKIPPED, CANCELLED = "ok", "failed", "skipped", "cancelled"
ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class StepReport:
    """The outcome of one step.

    Attributes:
        name: The step.
        status: ``ok``, ``failed``, ``skipped`` (it never began) or ``cancelled`` (the run ended,
            for another step's failure or an interruption, while this one was at work).
        ok: Calls that returned; for a generator, items it yielded.
        errors: Calls that raised; for an ALL step 0 or 1.
        skipped: Source items for which an EACH step was not called, because an input was dropped.
        duration: Seconds from the step's start to its end, waiting included.
        reason: Why it failed, was skipped or cancelled; empty when ok.
        first_error: ``Type: message`` of the first exception; empty when there was none.
        rollback: ``rolled back``, or ``rollback failed: ...``; empty when neither was tried.
    """

    name: str
    status: str
    ok: int
    errors: int
    skipped: int
    duration: float
    reason: str = ""
    first_error: str = ""
    rollback: str = ""


@dataclass
class Tally:
    """Running account of one step; written by the engine, read by anybody at any time."""

    node: Node
    status: str = ""
    errors: int = 0
    missed: int = 0
    settled_ok: int = 0
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    first_error: str = ""
    failure: BaseException | None = None
    """What failed the step as a whole."""
    rollback: str = ""
    part: float = 0.0
    """How far the step says it is, while it runs."""
    exhausted: bool = False
    """The step's generator has come to its end."""
    settled_skipped: int = 0
    live_ok: int = 0
    live_skipped: int = 0
    """Counts of the loop that runs now; see LoopCount."""

    @property
    def ok(self) -> int:
        """Successful calls or yielded items, as of the last refresh."""
        return self.settled_ok + self.live_ok

    @property
    def skipped(self) -> int:
        """Source items that never reached this step, as of the last refresh."""
        return self.settled_skipped + self.live_skipped

    def note_error(self, error: BaseException) -> None:
        """Count one failed call and keep the first error's text."""
        self.errors += 1
        if not self.first_error:
            self.first_error = describe(error)

    def report(self, now: float) -> StepReport:
        """The account as a frozen value; ``now`` (seconds) serves steps that still run."""
        begun = self.started
        duration = 0.0 if begun is None else (self.ended if self.ended is not None else now) - begun
        return StepReport(
            name=self.node.name,
            status=self.status or (SKIPPED if begun is None else OK),
            ok=self.ok,
            errors=self.errors,
            skipped=self.skipped,
            duration=duration,
            reason=self.reason,
            first_error=self.first_error,
            rollback=self.rollback,
        )


def describe(error: BaseException) -> str:
    """``Type: message`` of an exception, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def stops(node: Node, error: BaseException | None = None) -> bool:
    """A failure of this step ends the run: any by its policy, or this one by what it is."""
    return node.on_error is OnError.STOP or isinstance(error, node.stop_on)


def exceeded(tally: Tally) -> ThresholdExceededException | None:
    """The exception to raise after all inputs when the step's threshold is reached, else None."""
    node = tally.node
    if node.mode is not StepMode.EACH:
        return None
    return over_threshold(
        node.name,
        tally.errors,
        tally.ok,
        node.error_threshold_absolute,
        node.error_threshold_pct,
    )


def over_threshold(
    step: str, errors: int, ok: int, absolute: int | None, fraction: float | None
) -> ThresholdExceededException | None:
    """The exception for a step with too many failed calls, else None.

    ``error_threshold_absolute=n``: n or more errors. ``error_threshold_pct=f``: errors are at least
    the fraction f of the calls.
    """
    if errors and (
        (absolute is not None and errors >= absolute)
        # divided, because 7 / 100 is 0.07 but 0.07 * 100 is more than 7
        or (fraction is not None and errors / (errors + ok) >= fraction)
    ):
        return ThresholdExceededException(step, errors, ok, absolute, fraction)
    return None


@dataclass
class LoopCount:
    """Derives the counts of the EACH steps of one running loop from its ticks.

    Attributes:
        order: The steps that the loop calls, in the order of the calls within a tick.
        cuts: For each of them, whether its failure (or lack of input) ends the tick.
        ticks: Source items pulled so far.
        cut: Set when a run ends in the middle of a tick: calls from this index on were not made
            in that last tick.
    """

    order: Sequence[Tally]
    cuts: Sequence[bool]
    ticks: Callable[[], int]
    cut: int | None = None
    begin: int = 0
    before: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin = self.ticks()
        self.before = [(tally.errors, tally.missed) for tally in self.order]

    def refresh(self) -> None:
        """Write the counts since the loop was built into the tallies' live fields."""
        ticks, gone = self.ticks() - self.begin, 0
        for index, (tally, (errors0, missed0)) in enumerate(
            zip(self.order, self.before, strict=True)
        ):
            reached = ticks - gone
            if self.cut is not None and index >= self.cut:
                reached -= 1
            errors, missed = tally.errors - errors0, tally.missed - missed0
            tally.live_ok = max(reached - missed - errors, 0)
            tally.live_skipped = gone + missed
            if self.cuts[index]:
                gone += errors + missed

    def settle(self) -> None:
        """Add the derived counts to the tallies for good; this loop will not run on."""
        self.refresh()
        for tally in self.order:
            tally.settled_ok += tally.live_ok
            tally.settled_skipped += tally.live_skipped
            tally.live_ok = tally.live_skipped = 0
